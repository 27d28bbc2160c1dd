/** The workload against the migrations that wait: planned on the database, read only. */
import type { Manifest } from '../../../lambda/contract/manifest';
import type { Plan } from '../../../lambda/contract/status';
import type { Database } from '../../../lambda/postgres/database';
import { planStatements } from '../../../lambda/workload/plan';
import { questionsOf, rehearsalOf } from '../../workload/rehearsal';
import { touchedBy } from '../../workload/touched';
import type { WorkloadEntry } from '../../workload/workload';
import type { WorkloadPlan } from '../terminal/workload-plan';

/** @throws {SqlError} */
export async function planWorkload(
  db: Database,
  entries: readonly WorkloadEntry[],
  manifest: Manifest,
  { steps }: Plan,
): Promise<WorkloadPlan> {
  const questions = questionsOf(entries);
  const verdicts = await planStatements(db, questions);
  const { statements, plan, broken, undecided } = rehearsalOf(questions, verdicts);
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
    statements,
    plan,
    failing: broken.map(({ text, verdict }) => ({ text, sqlstate: verdict.sqlstate, why: verdict.why })),
    undecided: Object.fromEntries(undecided.map(({ why, texts }) => [why, texts.length])),
    touched: manifest.migrations
      .filter(({ name }) => waiting.has(name))
      .map((each) => touchedBy(each, planned)),
  };
}
