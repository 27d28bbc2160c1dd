/** The workload against the migrations that wait: planned on the database, read only. */
import type { Manifest } from '../../../lambda/contract/manifest';
import type { Plan } from '../../../lambda/contract/status';
import type { Database } from '../../../lambda/postgres/database';
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
