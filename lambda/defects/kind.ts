/**
 * What every kind has, whether errors of the log lead to it (DefectKind) or an audit alone finds it. One file each in kinds/,
 * named in index.ts; its cases stand in test/defects/audit under the same id.
 */
import type { Evidence, FailingStatement } from '../audit/evidence';
import type { Finding, Grade } from '../audit/finding';

export interface Kind {
  /** Stable, kebab-case: the documentation's file name, and `id` of a finding. */
  readonly id: string;
  readonly title: string;
  /** One sentence: what it does to the application. */
  readonly impact: string;
  /** A paragraph: how a database comes to be like this. */
  readonly origin: string;
  readonly audit: Audit;
}

export interface Audit {
  /** When a finding has which grade: half a sentence each, e.g. `the source has it`. */
  readonly grades: Readonly<Partial<Record<Grade, string>>>;
  /** What to do about it, sentences. */
  readonly remedy: string;
  /** What it cannot see. @default - it sees everything that it names */
  readonly blind?: string;
  /** Why no migration can be written for it, half a sentence. @default - one can, for what has {@link Finding.mend} */
  readonly unwritten?: string;
  /** Pure. */
  readonly find: (evidence: Evidence) => readonly Finding[];
}

const SHOWN = 3;
const TEXT_LENGTH = 300;

/** Statements that show it, as lines of evidence: the most frequent ones. */
export function shownBy(statements: readonly FailingStatement[]): readonly string[] {
  const lines = statements.slice(0, SHOWN).map(({ text, calls, verdict: { sqlstate, why } }) => {
    const short = text.length > TEXT_LENGTH ? `${text.slice(0, TEXT_LENGTH)}…` : text;
    return `${sqlstate}, ${why}${calls === null ? '' : `, ${calls} ${calls === 1 ? 'call' : 'calls'}`}: ${short}`;
  });
  const more = statements.length - SHOWN;
  return more > 0 ? [...lines, `and ${more} more statements`] : lines;
}

/** One finding for what is found in several ways: all of its evidence. */
export function merged(findings: readonly Finding[]): readonly Finding[] {
  const groups = new Map<string, Finding>();
  for (const each of findings) {
    const key = `${each.object}\0${each.message}`;
    const known = groups.get(key);
    groups.set(
      key,
      known
        ? {
            ...known,
            grade: known.grade < each.grade ? known.grade : each.grade,
            evidence: [...known.evidence, ...each.evidence],
          }
        : each,
    );
  }
  return [...groups.values()];
}
