/** The workload is planned on a database, and the catalogue is asked about what fails. */
import { diagnose } from '../../../lambda/defects/diagnose';
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
  const { verdict, text, senders } = broken;
  const user = senders[0]?.role ?? '';
  const common = { database: '', user, constraint: null, statement: text, message: '' };
  const question =
    verdict.sqlstate === '42P10'
      ? { ...common, signature: 'on-conflict', table: null, column: null }
      : verdict.outcome === 'would-fail' && verdict.sqlstate === '23502'
        ? { ...common, signature: 'not-null', table: bareName(verdict.relation), column: verdict.object }
        : null;
  if (question === null) return broken;
  const { verdict: sure, cause, repair } = await diagnose(db, question, null);
  return sure === null || sure === 'not-reproduced' ? broken : { ...broken, cause, repair };
}

/** As an error of the log names a table: without its schema and without quotes. */
const bareName = (relation: string): string =>
  /(?:"((?:[^"]|"")+)"|([^".]+))$/
    .exec(relation)!
    .slice(1)
    .find((name) => name !== undefined)!
    .replaceAll('""', '"');
