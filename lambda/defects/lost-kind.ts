/** Checks that use only the comparison with the source. */

import { canBeNamedByBodies } from '../audit/bodies';
import type { ComparedId, Difference } from '../audit/compare/difference';
import { groupBy } from '../audit/compare/pair';
import type { Evidence } from '../audit/evidence';
import type { Confidence, Finding } from '../audit/finding';
import { memoize } from '../audit/memoize';
import { describeBrokenBodies } from './bodies';
import { type FindingKind, formatStatementEvidence } from './kind';

export interface LostKindTexts {
  readonly title: string;
  readonly impact: string;
  readonly origin: string;
  readonly remedy: string;
  readonly blind?: string;
  readonly unwritten?: string;
  /**
   * Confidence of findings that no failing statement confirms.
   * @default 'B'
   */
  readonly confidence?: Confidence;
  /**
   * Condition for this confidence.
   * @default - the source has it
   */
  readonly found?: string;
  /**
   * Condition for confidence D.
   * @default - never
   */
  readonly habit?: string;
}

export function makeLostKind(id: ComparedId, words: LostKindTexts): FindingKind {
  const { title, impact, origin, remedy, blind, unwritten, confidence = 'B', found, habit } = words;
  const fails: FindingKind['audit']['confidences'] = {
    A: `a statement of the application fails because of it${canBeNamedByBodies(id) ? ', or the body of a function names it' : ''}`,
  };
  return {
    id,
    title,
    impact,
    origin,
    audit: {
      confidences: {
        // A privilege that only the target grants makes no statement fail.
        ...(found === undefined ? fails : {}),
        [confidence]:
          found ??
          (confidence === 'B'
            ? 'the source has it'
            : 'the source has it under another name or in another form, and nothing is missing'),
        ...(habit === undefined ? {} : { D: habit }),
      },
      remedy,
      ...(blind === undefined ? {} : { blind }),
      ...(unwritten === undefined ? {} : { unwritten }),
      find: (evidence) => findLost(id, evidence, confidence),
    },
  };
}

/** Returns the findings of a check: missing objects, each with the statements that fail because of it. */
export const findLost = (
  id: ComparedId,
  evidence: Evidence,
  confidence: Confidence = 'B',
): readonly Finding[] =>
  (groupById(evidence.differences).get(id) ?? []).map((each) => buildLostFinding(each, evidence, confidence));

const groupById = memoize((differences: Evidence['differences']) => groupBy(differences, (each) => each.id));

const groupByCause = memoize((failing: Evidence['failing']) => groupBy(failing, ({ because }) => because));

function buildLostFinding(difference: Difference, evidence: Evidence, confidence: Confidence = 'B'): Finding {
  const { object, message, source, target, isHabit } = difference;
  const broken = groupByCause(evidence.failing).get(difference) ?? [];
  const bodies = describeBrokenBodies(difference, evidence);
  return {
    confidence: broken.length + bodies.length > 0 ? 'A' : isHabit ? 'D' : confidence,
    object,
    message,
    evidence: [
      ...(source === null ? [] : [`in the source: ${source}`]),
      ...(target === null ? [] : [`here: ${target}`]),
      ...formatStatementEvidence(broken),
      ...bodies,
      // `.slice()` trims the spare capacity that V8 adds when it grows an array. Thousands of these arrays are kept.
    ].slice(),
    repair: { what: 'difference', difference },
  };
}
