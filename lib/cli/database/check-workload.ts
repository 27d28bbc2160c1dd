/** Plans the workload on a database, and looks up the causes of failures in the catalog. */
import { explainFailedStatement, toFailedStatement } from '../../../lambda/defects/statement';
import type { Database } from '../../../lambda/postgres/database';
import { planStatements } from '../../../lambda/workload/plan-statements';
import type { WorkloadEntry } from '../../workload/collect-workload';
import {
  type BrokenWorkloadStatement,
  buildWorkloadCheck,
  listStatementUses,
  type WorkloadCheck,
} from '../../workload/workload-check';

const TIME_BUDGET_MS = 5 * 60_000;

/**
 * Plans the workload, and adds cause and repair to the statements that fail.
 * @throws {SqlError}
 */
export async function checkWorkload(db: Database, entries: readonly WorkloadEntry[]): Promise<WorkloadCheck> {
  const questions = listStatementUses(entries);
  const verdicts = await planStatements(db, questions, { budgetMs: TIME_BUDGET_MS });
  const workloadCheck = buildWorkloadCheck(questions, verdicts);
  const broken: BrokenWorkloadStatement[] = [];
  for (const each of workloadCheck.broken) broken.push(await addCause(db, each));
  return { ...workloadCheck, broken };
}

/** Adds the cause and the repair that a page would give for the same error in the log, if the catalog shows one. */
async function addCause(db: Database, broken: BrokenWorkloadStatement): Promise<BrokenWorkloadStatement> {
  const found = await explainFailedStatement(
    db,
    toFailedStatement(broken.text, broken.senders[0]?.role ?? null, broken.verdict),
  );
  return found === null ? broken : { ...broken, cause: found.cause, repair: found.repair };
}
