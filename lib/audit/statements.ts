/** The application's statements, planned on a database and, where it answers, on its source. */
import type { PlannedStatement } from '../../lambda/audit/failing';
import type { NotSeen } from '../../lambda/audit/not-seen';
import type { Verdict } from '../../lambda/contract/workload';
import type { Database } from '../../lambda/postgres/database';
import { planStatements } from '../../lambda/workload/plan';
import { questionsOf } from '../workload/rehearsal';
import { merge, type WorkloadEntry } from '../workload/workload';

const PLAN_BUDGET_MS = 5 * 60_000;

export interface PlannedWorkload {
  readonly statements: readonly PlannedStatement[];
  /** How many of them say something. */
  readonly decided: number;
  readonly notSeen: readonly NotSeen[];
}

/** On the source as well, where it answers: what fails on both is no loss. */
export async function planWorkload(
  entries: readonly WorkloadEntry[],
  target: Database,
  source: Database | null,
): Promise<PlannedWorkload> {
  const questions = questionsOf(merge([{ entries, leftOut: new Map() }]).entries);
  if (questions.length === 0)
    return {
      statements: [],
      decided: 0,
      notSeen: [{ what: 'statements of the application', why: 'there are none to plan' }],
    };
  const here = await planStatements(target, questions, { budgetMs: PLAN_BUDGET_MS });
  const there =
    source === null ? null : await planStatements(source, questions, { budgetMs: PLAN_BUDGET_MS });
  const statements = questions.map(({ text, sender: { calls } }, i) => ({
    text,
    calls,
    target: here[i]!,
    source: there?.[i] ?? null,
  }));
  const open = new Map<string, Set<string>>();
  for (const { text, target: verdict, source: before } of statements) {
    const why =
      verdict.outcome === 'undecided'
        ? verdict.why
        : failsToo(verdict, before)
          ? 'it fails on the source as well'
          : null;
    if (why !== null) open.set(why, (open.get(why) ?? new Set()).add(text));
  }
  const undecided = new Set([...open.values()].flatMap((texts) => [...texts]));
  return {
    statements,
    decided: entries.length - undecided.size,
    notSeen: [...open].map(([why, texts]) => ({
      what: `${texts.size} of ${entries.length} statements`,
      why,
    })),
  };
}

const failsToo = ({ outcome }: Verdict, before: Verdict | null): boolean =>
  outcome !== 'plans' && (before?.outcome === 'fails' || before?.outcome === 'would-fail');
