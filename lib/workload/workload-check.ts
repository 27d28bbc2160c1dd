/**
 * Summarizes the results of planning the workload: which statements fail, and for how many the result is unknown. Pure.
 */
import type { Repair } from '../../lambda/contract/diagnosis';
import type { StatementUse, StatementVerdict } from '../../lambda/contract/workload';
import type { Sender, WorkloadEntry } from './collect-workload';

export interface BrokenWorkloadStatement {
  readonly text: string;
  /** Senders for which the statement fails. */
  readonly senders: readonly Sender[];
  /** Number of calls by these senders; `null` if no calls were counted. */
  readonly calls: number | null;
  readonly verdict: Extract<StatementVerdict, { outcome: 'fails' | 'would-fail' }>;
  /** Cause found in the catalog; empty if the catalog was not queried or shows no cause. */
  readonly cause: readonly string[];
  readonly repair: Repair | null;
  /**
   * Name of the migration after which the statement could no longer be planned.
   * @default - not looked for, or the statement could never be planned
   */
  readonly brokenBy?: string;
  /**
   * Reason why that migration is allowed to break the statement. The statement is then listed, but it does not fail the
   * check.
   * @default - the migration is not allowed to break it
   */
  readonly consent?: string;
}

/** Returns the broken statements that fail a check. */
export const listUnconsentedFailures = ({
  broken,
}: Pick<WorkloadCheck, 'broken'>): readonly BrokenWorkloadStatement[] =>
  broken.filter(({ consent }) => consent === undefined);

export interface WorkloadCheck {
  /** Number of statements. Each is counted once, however many roles send it. */
  readonly statements: number;
  readonly plan: number;
  /** Broken statements, most frequently run first. */
  readonly broken: readonly BrokenWorkloadStatement[];
  readonly undecided: readonly { readonly why: string; readonly texts: readonly string[] }[];
  /**
   * Undecided statements that could be planned until a migration was applied; `since` is that migration.
   * @default - not looked for
   */
  readonly doubtful?: readonly { readonly text: string; readonly since: string }[];
}

/** Fields of a workload entry that planning needs. */
export type StatementEntry = Pick<WorkloadEntry, 'text' | 'senders'>;

export interface EntryStatementUse extends StatementUse {
  readonly entry: StatementEntry;
  readonly sender: Sender;
}

/** Returns each statement once for each of its senders. */
export const listStatementUses = (entries: readonly StatementEntry[]): EntryStatementUse[] =>
  entries.flatMap((entry) =>
    entry.senders.map((sender) => {
      const { role, searchPath } = sender;
      return { text: entry.text, role, searchPath, entry, sender };
    }),
  );

/**
 * Combines the verdicts of all senders of a statement.
 * @param verdicts verdicts for `questions`, in the same order
 */
export function buildWorkloadCheck(
  questions: readonly EntryStatementUse[],
  verdicts: readonly StatementVerdict[],
): WorkloadCheck {
  const byEntry = new Map<StatementEntry, { sender: Sender; verdict: StatementVerdict }[]>();
  questions.forEach(({ entry, sender }, i) => {
    byEntry.set(entry, [...(byEntry.get(entry) ?? []), { sender, verdict: verdicts[i]! }]);
  });
  const broken: BrokenWorkloadStatement[] = [];
  const undecided = new Map<string, string[]>();
  let plan = 0;
  for (const [{ text }, answers] of byEntry) {
    const failing = answers.filter(({ verdict }) => isBroken(verdict));
    const open = answers.find(({ verdict }) => verdict.outcome === 'undecided');
    if (failing.length > 0) broken.push(buildBrokenStatement(text, failing));
    else if (open?.verdict.outcome === 'undecided')
      undecided.set(open.verdict.why, [...(undecided.get(open.verdict.why) ?? []), text]);
    else plan++;
  }
  return {
    statements: byEntry.size,
    plan,
    broken: broken.sort((a, b) => (b.calls ?? 0) - (a.calls ?? 0)),
    undecided: [...undecided]
      .map(([why, texts]) => ({ why, texts }))
      .sort((a, b) => b.texts.length - a.texts.length),
  };
}

const isBroken = ({ outcome }: StatementVerdict): boolean => outcome === 'fails' || outcome === 'would-fail';

function buildBrokenStatement(
  text: string,
  failing: readonly { sender: Sender; verdict: StatementVerdict }[],
): BrokenWorkloadStatement {
  const senders = failing.map(({ sender }) => sender);
  const counted = senders.flatMap(({ calls }) => calls ?? []);
  return {
    text,
    senders,
    calls: counted.length === 0 ? null : counted.reduce((sum, calls) => sum + calls, 0),
    verdict: failing[0]!.verdict as BrokenWorkloadStatement['verdict'],
    cause: [],
    repair: null,
  };
}

/** Returns the share of undecided statements, from 0 to 1; 1 if there are no statements. */
export function computeUndecidedShare({ statements, undecided }: WorkloadCheck): number {
  if (statements === 0) return 1;
  return undecided.reduce((sum, { texts }) => sum + texts.length, 0) / statements;
}
