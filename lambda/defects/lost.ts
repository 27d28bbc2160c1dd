/** Kinds that a comparison with the source finds, and nothing else. */

import { areNamedByBodies } from '../audit/bodies';
import type { ComparedId, Difference } from '../audit/compare/difference';
import { grouped } from '../audit/compare/pair';
import type { Evidence } from '../audit/evidence';
import type { Finding, Grade } from '../audit/finding';
import { onceFor } from '../audit/once';
import { bodiesBecauseOf } from './bodies';
import { type Kind, shownBy } from './kind';

export interface LostWords {
  readonly title: string;
  readonly impact: string;
  readonly origin: string;
  readonly remedy: string;
  readonly blind?: string;
  readonly unwritten?: string;
  /** Of what no statement proves. @default 'B' */
  readonly grade?: Grade;
  /** When it is of grade D. @default - never */
  readonly habit?: string;
}

export function lostKind(id: ComparedId, words: LostWords): Kind {
  const { title, impact, origin, remedy, blind, unwritten, grade = 'B', habit } = words;
  return {
    id,
    title,
    impact,
    origin,
    audit: {
      grades: {
        A: `a statement of the application fails because of it${areNamedByBodies(id) ? ', or the body of a function names it' : ''}`,
        [grade]: grade === 'B' ? 'the source has it' : 'the source has it otherwise, and nothing is lost',
        ...(habit === undefined ? {} : { D: habit }),
      },
      remedy,
      ...(blind === undefined ? {} : { blind }),
      ...(unwritten === undefined ? {} : { unwritten }),
      find: (evidence) => lost(id, evidence, grade),
    },
  };
}

/** Of this kind: what the source has, and statements that fail because of it. */
export const lost = (id: ComparedId, evidence: Evidence, grade: Grade = 'B'): readonly Finding[] =>
  (byId(evidence.differences).get(id) ?? []).map((each) => findingOf(each, evidence, grade));

const byId = onceFor((differences: Evidence['differences']) => grouped(differences, (each) => each.id));

const becauseOf = onceFor((failing: Evidence['failing']) => grouped(failing, ({ because }) => because));

export function findingOf(difference: Difference, evidence: Evidence, grade: Grade = 'B'): Finding {
  const { object, message, source, target, isHabit } = difference;
  const broken = becauseOf(evidence.failing).get(difference) ?? [];
  const bodies = bodiesBecauseOf(difference, evidence);
  return {
    grade: broken.length + bodies.length > 0 ? 'A' : isHabit ? 'D' : grade,
    object,
    message,
    evidence: [
      ...(source === null ? [] : [`in the source: ${source}`]),
      ...(target === null ? [] : [`here: ${target}`]),
      ...shownBy(broken),
      ...bodies,
      // Grown like that it has room for sixteen more.
    ].slice(),
    mend: { what: 'difference', difference },
  };
}
