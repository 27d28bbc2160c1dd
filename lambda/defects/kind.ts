/**
 * A check for one kind of problem that an audit finds. Checks for problems that also cause errors in the log are
 * `DefectKind`s. Each check has a file in kinds/, or a row of missing-objects.ts there, and is registered in index.ts.
 * Its test cases are in test/defects/audit under the same id.
 */
import type { Evidence, FailingStatement } from '../audit/evidence';
import type { Confidence, Finding } from '../audit/finding';

export interface FindingKind {
  /** Id in kebab-case. It must not change: it is the name of the documentation file and the `id` of findings. */
  readonly id: string;
  readonly title: string;
  /** Effect on the application, in one sentence. */
  readonly impact: string;
  /** How a database gets into this state, as a paragraph. */
  readonly origin: string;
  readonly audit: KindAudit;
}

export interface KindAudit {
  /** Condition for each confidence, as half a sentence: `the source has it`. */
  readonly confidences: Readonly<Partial<Record<Confidence, string>>>;
  /** Sentences that tell a person what to do about a finding. */
  readonly remedy: string;
  /**
   * The cases that the check cannot detect.
   * @default - it detects everything that it describes
   */
  readonly blind?: string;
  /**
   * Reason why no migration can be written, as half a sentence.
   * @default - one can be written for findings with {@link Finding.repair}
   */
  readonly unwritten?: string;
  /** Returns the findings. Pure. */
  readonly find: (evidence: Evidence) => readonly Finding[];
}

const MAX_SHOWN_STATEMENTS = 3;
const MAX_TEXT_LENGTH = 300;

/** Lists the most frequent of the failing statements as lines of evidence. */
export function formatStatementEvidence(statements: readonly FailingStatement[]): readonly string[] {
  const lines = statements
    .slice(0, MAX_SHOWN_STATEMENTS)
    .map(({ text, calls, verdict: { sqlstate, why } }) => {
      const short = text.length > MAX_TEXT_LENGTH ? `${text.slice(0, MAX_TEXT_LENGTH)}…` : text;
      return `${sqlstate}, ${why}${calls === null ? '' : `, ${calls} ${calls === 1 ? 'call' : 'calls'}`}: ${short}`;
    });
  const more = statements.length - MAX_SHOWN_STATEMENTS;
  return more > 0 ? [...lines, `and ${more} more statements`] : lines;
}

/** Merges findings of the same object and message into one with all their evidence and the best confidence. */
export function mergeFindings(findings: readonly Finding[]): readonly Finding[] {
  const groups = new Map<string, Finding>();
  for (const each of findings) {
    const key = `${each.object}\0${each.message}`;
    const known = groups.get(key);
    groups.set(
      key,
      known
        ? {
            ...known,
            confidence: known.confidence < each.confidence ? known.confidence : each.confidence,
            evidence: [...known.evidence, ...each.evidence],
          }
        : each,
    );
  }
  return [...groups.values()];
}
