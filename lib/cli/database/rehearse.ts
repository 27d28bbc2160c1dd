/** The workload is planned on a database, and the catalogue is asked about what fails. */
import { explainFailed, failedStatement } from '../../../lambda/defects/statement';
import type { Database } from '../../../lambda/postgres/database';
import { planStatements } from '../../../lambda/workload/plan';
import { type Broken, questionsOf, type Rehearsal, rehearsalOf } from '../../workload/rehearsal';
import type { WorkloadEntry } from '../../workload/workload';

const BUDGET_MS = 5 * 60_000;

/** @throws {SqlError} */
export async function rehearse(db: Database, entries: readonly WorkloadEntry[]): Promise<Rehearsal> {
  const questions = questionsOf(entries);
  const verdicts = await planStatements(db, questions, { budgetMs: BUDGET_MS });
  const rehearsal = rehearsalOf(questions, verdicts);
  const broken: Broken[] = [];
  for (const each of rehearsal.broken) broken.push(await withCause(db, each));
  return { ...rehearsal, broken };
}

/** As a page would say it: the catalogue is asked as for an error of the log, where one has the same cause. */
async function withCause(db: Database, broken: Broken): Promise<Broken> {
  const found = await explainFailed(
    db,
    failedStatement(broken.text, broken.senders[0]?.role ?? null, broken.verdict),
  );
  return found === null ? broken : { ...broken, cause: found.cause, repair: found.repair };
}
