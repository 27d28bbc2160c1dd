/** The workload against the migrations that wait: planned on the database, read only. */
import type { Manifest } from '../../../lambda/contract/manifest';
import type { Plan } from '../../../lambda/contract/status';
import type { Database } from '../../../lambda/postgres/database';
import { quoteWhereNeeded } from '../../../lambda/sql/quote';
import { planStatements } from '../../../lambda/workload/plan';
import type { WorkloadPlan } from '../../report/plan-document';
import { questionsOf, type Rehearsal, rehearsalOf } from '../../workload/rehearsal';
import { touchedBy } from '../../workload/touched';
import type { WorkloadEntry } from '../../workload/workload';

/** @throws {SqlError} */
export async function planWorkload(
  db: Database,
  entries: readonly WorkloadEntry[],
  manifest: Manifest,
  { steps }: Plan,
): Promise<WorkloadPlan> {
  const questions = questionsOf(entries);
  const verdicts = await planStatements(db, questions);
  const rehearsal = rehearsalOf(questions, verdicts);
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
    statements: rehearsal.statements,
    plan: rehearsal.plan,
    failing: failingOf(rehearsal),
    undecided: undecidedOf(rehearsal),
    touched: manifest.migrations
      .filter(({ name }) => waiting.has(name))
      .map((each) => touchedBy(each, planned)),
  };
}

export const failingOf = ({ broken }: Rehearsal): WorkloadPlan['failing'] =>
  broken.map(({ text, verdict }) => ({ text, sqlstate: verdict.sqlstate, why: verdict.why }));

export const undecidedOf = ({ undecided }: Rehearsal): WorkloadPlan['undecided'] =>
  Object.fromEntries(undecided.map(({ why, texts }) => [why, texts.length]));

/** In words, why the statements that this database runs are not guarded beside the workload; null where they are. */
export async function whyNoLive(db: Database): Promise<string | null> {
  const [found] = await db.query<{ installed: boolean; allowed: boolean; role: string }>(
    `SELECT EXISTS (SELECT FROM pg_catalog.pg_extension WHERE extname = 'pg_stat_statements') AS installed,
       pg_catalog.pg_has_role(current_user, 'pg_read_all_stats', 'USAGE') AS allowed, current_user::text AS role`,
  );
  const { installed, allowed, role } = found!;
  if (!installed) return 'the database has no extension pg_stat_statements';
  return allowed ? null : `GRANT pg_read_all_stats TO ${quoteWhereNeeded(role)}; shows what other roles send`;
}
