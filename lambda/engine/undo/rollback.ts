/** The rollback of a failed deployment: what it left half done is tidied, what it applied is undone, what it replaced comes back. */

import type { ConvergeRequest, Outcome } from '../../contract/converge';
import { TrueupError } from '../../contract/errors';
import { runSteps } from '../apply/apply';
import type { Ledger } from '../ledger/ledger';
import { readFailed } from '../ledger/read';
import type { Step } from '../plan/plan';
import { reportOf } from '../plan/report';
import { planRollback } from '../plan/rollback';
import { NotYet, type Run } from '../run';
import { dropsPlainIndexes } from './plain-indexes';
import { tidyUnfinished, undo } from './undo';

export async function rollBack(run: Run, ledger: Ledger, request: ConvergeRequest): Promise<Outcome> {
  const failed = request.failed ? await readFailed(run.db, request.namespace, request.failed) : null;
  const plan = planRollback(run.manifest, ledger, failed, request);
  run.kept.push(...plan.kept);
  run.warnings.push(...plan.warnings);
  const own = ledger.migrations.filter((row) => row.state === 'partial' && row.deployment === failed?.id);
  for (const row of own) {
    const why = await keepingErrors(run, row.name, () => tidyUnfinished(run, row));
    if (why) run.kept.push({ name: row.name, reason: why });
  }
  const plain = request.keepPlainIndexes
    ? await dropsPlainIndexes(run.db, plan.undo, request.ownerRole ?? null)
    : new Set<string>();
  run.kept.push(
    ...[...plain].map((name) => ({ name, reason: 'it makes plain indexes, which disturb nobody' })),
  );
  for (const step of plan.undo) {
    if (run.kept.some(({ name }) => name === step.name)) continue;
    await keepingErrors(run, step.name, () => undo(run, step));
  }
  for (const migration of plan.restore) {
    const step: Step = { type: 'apply', migration, from: 0, note: 'changed' };
    await keepingErrors(run, migration.name, () => runSteps(run, [step]));
  }
  return { status: 'done', report: reportOf(ledger, run) };
}

/** Whatever goes wrong while undoing, the migration stays and the report says so. */
async function keepingErrors<T>(run: Run, name: string, work: () => Promise<T>): Promise<T | null> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof TrueupError) run.kept.push({ name, reason: error.info.message });
    else if (error instanceof NotYet) run.kept.push({ name, reason: error.progress });
    else throw error;
    return null;
  }
}
