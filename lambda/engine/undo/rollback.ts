/**
 * Rolls back a failed deployment: cleans up what it left unfinished, undoes what it applied, and restores the
 * repeatables that it replaced.
 */

import type { ConvergeOutcome, ConvergeRequest } from '../../contract/converge';
import { TrueupError } from '../../contract/errors';
import { runSteps } from '../apply/apply';
import type { Ledger } from '../ledger/ledger';
import { readFailedDeployment } from '../ledger/read';
import type { PlanStep } from '../plan/plan';
import { planRollback } from '../plan/rollback';
import { buildReport } from '../plan/run-report';
import { DeadlineReachedError, type Run } from '../run';
import { findPlainIndexDrops } from './plain-indexes';
import { cleanUpUnfinishedStep, undo } from './undo';

export async function rollBack(run: Run, ledger: Ledger, request: ConvergeRequest): Promise<ConvergeOutcome> {
  const failed = request.failed
    ? await readFailedDeployment(run.db, request.namespace, request.failed)
    : null;
  const plan = planRollback(run.manifest, ledger, failed, request);
  run.kept.push(...plan.kept);
  run.warnings.push(...plan.warnings);
  const own = ledger.migrations.filter((row) => row.state === 'partial' && row.deployment === failed?.id);
  for (const row of own) {
    const why = await catchUndoErrors(run, row.name, () => cleanUpUnfinishedStep(run, row));
    if (why) run.kept.push({ name: row.name, reason: why });
  }
  const plain = request.keepPlainIndexes
    ? await findPlainIndexDrops(run.db, plan.undo, request.ownerRole ?? null)
    : new Set<string>();
  run.kept.push(
    ...[...plain].map((name) => ({
      name,
      reason: 'it creates plain indexes, which do not break the older application',
    })),
  );
  for (const step of plan.undo) {
    if (run.kept.some(({ name }) => name === step.name)) continue;
    await catchUndoErrors(run, step.name, () => undo(run, step));
  }
  for (const migration of plan.restore) {
    const step: PlanStep = { type: 'apply', migration, from: 0, note: 'changed' };
    await catchUndoErrors(run, migration.name, () => runSteps(run, [step]));
  }
  return { status: 'done', report: buildReport(ledger, run) };
}

/** Runs one step. If it fails, the migration stays as it is and the report gives the reason. */
async function catchUndoErrors<T>(run: Run, name: string, work: () => Promise<T>): Promise<T | null> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof TrueupError) run.kept.push({ name, reason: error.info.message });
    else if (error instanceof DeadlineReachedError) run.kept.push({ name, reason: error.progress });
    else throw error;
    return null;
  }
}
