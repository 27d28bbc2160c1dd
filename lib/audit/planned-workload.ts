/** Plans the application's statements on the target and, if it can be reached, on the source. */
import type { PlannedStatement } from '../../lambda/audit/failing-statements';
import type { NotCheckedItem } from '../../lambda/audit/not-checked';
import type { StatementVerdict } from '../../lambda/contract/workload';
import type { Database } from '../../lambda/postgres/database';
import { planStatements } from '../../lambda/workload/plan-statements';
import { mergeWorkloads, type WorkloadEntry } from '../workload/collect-workload';
import { listStatementUses } from '../workload/workload-check';

const PLANNING_BUDGET_MS = 5 * 60_000;

export interface PlannedWorkload {
  readonly statements: readonly PlannedStatement[];
  /** Number of statements with a conclusive result. */
  readonly decided: number;
  readonly notChecked: readonly NotCheckedItem[];
}

/**
 * Plans the statements on the target and, if there is one, on the source: a statement that fails on both was not broken
 * by the move.
 */
export async function planWorkload(
  entries: readonly WorkloadEntry[],
  target: Database,
  source: Database | null,
): Promise<PlannedWorkload> {
  const questions = listStatementUses(mergeWorkloads([{ entries, leftOut: new Map() }]).entries);
  if (questions.length === 0)
    return {
      statements: [],
      decided: 0,
      notChecked: [{ what: 'application statements', why: 'there are none to plan' }],
    };
  const here = await planStatements(target, questions, { budgetMs: PLANNING_BUDGET_MS });
  const there =
    source === null ? null : await planStatements(source, questions, { budgetMs: PLANNING_BUDGET_MS });
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
        : failsOnBoth(verdict, before)
          ? 'it also fails on the source'
          : null;
    if (why !== null) open.set(why, (open.get(why) ?? new Set()).add(text));
  }
  const undecided = new Set([...open.values()].flatMap((texts) => [...texts]));
  return {
    statements,
    decided: entries.length - undecided.size,
    notChecked: [...open].map(([why, texts]) => ({
      what: `${texts.size} of ${entries.length} statements`,
      why,
    })),
  };
}

const failsOnBoth = ({ outcome }: StatementVerdict, before: StatementVerdict | null): boolean =>
  outcome !== 'plans' && (before?.outcome === 'fails' || before?.outcome === 'would-fail');
