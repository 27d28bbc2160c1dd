/** Compares the workload with the pending migrations: the statements are planned on the database, read-only. */
import type { Manifest } from '../../../lambda/contract/manifest';
import type { Plan } from '../../../lambda/contract/status';
import type { Database } from '../../../lambda/postgres/database';
import { PINNED_SEARCH_PATH } from '../../../lambda/postgres/pinned-search-path';
import { quoteIfNeeded } from '../../../lambda/sql/quote';
import { planStatements } from '../../../lambda/workload/plan-statements';
import type { WorkloadPlan } from '../../report/plan-document';
import type { WorkloadEntry } from '../../workload/collect-workload';
import { findTouchedStatements } from '../../workload/touched-statements';
import { buildWorkloadCheck, listStatementUses, type WorkloadCheck } from '../../workload/workload-check';

/**
 * Plans the workload and lists the statements that each pending migration touches.
 * @throws {SqlError}
 */
export async function planWorkload(
  db: Database,
  entries: readonly WorkloadEntry[],
  manifest: Manifest,
  { steps }: Plan,
): Promise<WorkloadPlan> {
  const questions = listStatementUses(entries);
  const verdicts = await planStatements(db, questions);
  const workloadCheck = buildWorkloadCheck(questions, verdicts);
  const planned = questions.map(({ text, role, sender }, i) => ({
    text,
    role,
    calls: sender.calls,
    relations: [...verdicts[i]!.relations, ...verdicts[i]!.arbiters],
  }));
  const waiting = new Set(
    steps.filter(({ action }) => action === 'apply' || action === 'resume').map((step) => step.migration),
  );
  return {
    statements: workloadCheck.statements,
    plan: workloadCheck.plan,
    failing: listFailingStatements(workloadCheck),
    undecided: countUndecidedByReason(workloadCheck),
    touched: manifest.migrations
      .filter(({ name }) => waiting.has(name))
      .map((each) => findTouchedStatements(each, planned)),
  };
}

export const listFailingStatements = ({ broken }: WorkloadCheck): WorkloadPlan['failing'] =>
  broken.map(({ text, verdict }) => ({ text, sqlstate: verdict.sqlstate, why: verdict.why }));

export const countUndecidedByReason = ({ undecided }: WorkloadCheck): WorkloadPlan['undecided'] =>
  Object.fromEntries(undecided.map(({ why, texts }) => [why, texts.length]));

/**
 * Explains why the statements that this database runs are not guarded in addition to the workload; `null` if they are.
 */
export async function findLiveGuardProblem(db: Database): Promise<string | null> {
  const [found] = await db.query<{ installed: boolean; allowed: boolean; role: string }>(
    `SELECT EXISTS (SELECT FROM pg_catalog.pg_extension WHERE extname = 'pg_stat_statements') AS installed,
       pg_catalog.pg_has_role(current_user, 'pg_read_all_stats', 'USAGE') AS allowed, current_user::text AS role`,
    [],
    { search_path: PINNED_SEARCH_PATH },
  );
  const { installed, allowed, role } = found!;
  if (!installed) return 'the database has no extension pg_stat_statements';
  return allowed ? null : `GRANT pg_read_all_stats TO ${quoteIfNeeded(role)}; shows what other roles send`;
}
