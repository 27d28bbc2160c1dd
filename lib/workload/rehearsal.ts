/** The workload against what planning it said. Pure: which statements fail, and how much is not known. */
import type { Repair } from '../../lambda/contract/diagnosis';
import type { Asked, Verdict } from '../../lambda/contract/workload';
import type { Sender, WorkloadEntry } from './workload';

export interface Broken {
  readonly text: string;
  /** Those of its senders for whom it fails. */
  readonly senders: readonly Sender[];
  /** Sum over these senders; null where nobody counted. */
  readonly calls: number | null;
  readonly verdict: Extract<Verdict, { outcome: 'fails' | 'would-fail' }>;
  /** What the catalogue says of it; empty where it was not asked or says nothing. */
  readonly cause: readonly string[];
  readonly repair: Repair | null;
  /** The migration after which it no longer planned. @default - not looked for, or it never planned */
  readonly brokenBy?: string;
  /** Why that migration may break it: it is listed, and fails nothing. @default - it may not */
  readonly consent?: string;
}

/** What fails a check. */
export const refused = ({ broken }: Pick<Rehearsal, 'broken'>): readonly Broken[] =>
  broken.filter(({ consent }) => consent === undefined);

export interface Rehearsal {
  /** All of them; each is counted once, however many roles send it. */
  readonly statements: number;
  readonly plan: number;
  /** Those that run most often first. */
  readonly broken: readonly Broken[];
  readonly undecided: readonly { readonly why: string; readonly texts: readonly string[] }[];
  /** Undecided ones that planned until a migration was applied. @default - not looked for */
  readonly doubtful?: readonly { readonly text: string; readonly since: string }[];
}

/** What is needed of one that is planned. */
export type Entry = Pick<WorkloadEntry, 'text' | 'senders'>;

export interface Question extends Asked {
  readonly entry: Entry;
  readonly sender: Sender;
}

/** Each statement once for each of its senders. */
export const questionsOf = (entries: readonly Entry[]): Question[] =>
  entries.flatMap((entry) =>
    entry.senders.map((sender) => {
      const { role, searchPath } = sender;
      return { text: entry.text, role, searchPath, entry, sender };
    }),
  );

/** @param verdicts of `questions`, in order */
export function rehearsalOf(questions: readonly Question[], verdicts: readonly Verdict[]): Rehearsal {
  const byEntry = new Map<Entry, { sender: Sender; verdict: Verdict }[]>();
  questions.forEach(({ entry, sender }, i) => {
    byEntry.set(entry, [...(byEntry.get(entry) ?? []), { sender, verdict: verdicts[i]! }]);
  });
  const broken: Broken[] = [];
  const undecided = new Map<string, string[]>();
  let plan = 0;
  for (const [{ text }, answers] of byEntry) {
    const failing = answers.filter(({ verdict }) => isBroken(verdict));
    const open = answers.find(({ verdict }) => verdict.outcome === 'undecided');
    if (failing.length > 0) broken.push(brokenOf(text, failing));
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

const isBroken = ({ outcome }: Verdict): boolean => outcome === 'fails' || outcome === 'would-fail';

function brokenOf(text: string, failing: readonly { sender: Sender; verdict: Verdict }[]): Broken {
  const senders = failing.map(({ sender }) => sender);
  const counted = senders.flatMap(({ calls }) => calls ?? []);
  return {
    text,
    senders,
    calls: counted.length === 0 ? null : counted.reduce((sum, calls) => sum + calls, 0),
    verdict: failing[0]!.verdict as Broken['verdict'],
    cause: [],
    repair: null,
  };
}

/** How much of it is not known, from 0 to 1. Of nothing nothing is known. */
export function shareUndecided({ statements, undecided }: Rehearsal): number {
  if (statements === 0) return 1;
  return undecided.reduce((sum, { texts }) => sum + texts.length, 0) / statements;
}
