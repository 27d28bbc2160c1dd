/** Runs recorded `down` sections, for the rollback of a deployment or for one migration that a person named. */

import { TrueupError } from '../../contract/errors';
import type { Migration } from '../../contract/manifest';
import { SqlError } from '../../postgres/database';
import { type AutovacuumWait, addAutovacuumWait } from '../apply/autovacuum-wait';
import { waitForLock } from '../apply/execute';
import { attachRaisedMessage, isLockFailure, makeMigrationError } from '../apply/failures';
import { buildLongRunningSettings } from '../apply/index-state';
import { cleanUpUnfinished } from '../apply/outcome';
import { refuseDifferentSearchPath } from '../apply/resolve-names';
import type { LedgerMigration } from '../ledger/ledger';
import type { RecordedDownStatement, UndoStep } from '../plan/rollback';
import { ConcurrentRunnerError, DeadlineReachedError, type Run } from '../run';
import { OVERTAKEN_SQLSTATE } from '../sql/engine';
import { GRACE_MS } from '../time/limits';
import { buildUndoScript } from './script';

/**
 * SQLSTATEs for an undefined table, column, object or schema: a half-done migration may never have created what its
 * `down` drops.
 */
const NEVER_MADE_SQLSTATES = new Set(['42P01', '42703', '42704', '3F000']);

/** Undoes one migration. @throws {TrueupError} and {DeadlineReachedError}; whatever could not be undone is unchanged */
export async function undo(run: Run, step: UndoStep): Promise<void> {
  run.tell({ type: 'started', migration: step.name, action: 'undo' });
  const began = Date.now();
  const allInOne = !step.partial && step.statements.every((s) => s.execution !== 'non-transactional');
  if (allInOne) await sendUndo(run, step, step.statements, true);
  else {
    for (const statement of step.statements) {
      if (statement.execution === 'non-transactional') await undoNonTransactional(run, step, statement);
      else await sendUndo(run, step, [statement], false);
    }
    await sendUndo(run, step, [], true);
  }
  run.undone.add(step.name);
  run.tell({ type: 'finished', migration: step.name, action: 'undo', durationMs: Date.now() - began });
}

async function sendUndo(
  run: Run,
  step: UndoStep,
  statements: readonly RecordedDownStatement[],
  last: boolean,
): Promise<void> {
  const expects = run.known.get(step.name) ?? null;
  const plain = buildUndoScript(step, statements, run.names, last ? { expects } : null);
  await retryOnLock(run, step, statements, async (outlast) => {
    const scripted = addAutovacuumWait(plain, outlast);
    try {
      await run.db.execute([scripted.transaction], { deadline: run.deadline + GRACE_MS });
    } catch (error) {
      if (!(error instanceof SqlError)) throw error;
      const origin = scripted.origins[error.statement ?? -1];
      if (error.sqlstate === OVERTAKEN_SQLSTATE && origin?.section === 'ledger')
        throw new ConcurrentRunnerError(step.name);
      if (step.partial && origin?.section === 'down' && NEVER_MADE_SQLSTATES.has(error.sqlstate)) return;
      if (isLockFailure(error, origin)) throw error;
      throw makeUndoError(error, step);
    }
  });
}

async function undoNonTransactional(
  run: Run,
  step: UndoStep,
  statement: RecordedDownStatement,
): Promise<void> {
  const settings = buildLongRunningSettings(run.serverVersion, run.names.ownerRole);
  await refuseDifferentSearchPath(
    run,
    { migration: step.name, file: `${step.name} (down)` },
    statement.command,
  );
  await retryOnLock(run, step, [statement], async () => {
    try {
      await run.db.executeOutside(statement.sql, settings, { deadline: run.deadline });
    } catch (error) {
      if (!(error instanceof SqlError)) throw error;
      // On a second attempt: the first one may have completed.
      if (error.sqlstate === '42704') return;
      if (isLockFailure(error, undefined)) throw error;
      throw makeUndoError(error, step);
    }
  });
}

async function retryOnLock(
  run: Run,
  step: UndoStep,
  statements: readonly RecordedDownStatement[],
  attemptOnce: (outlast: AutovacuumWait | null) => Promise<void>,
): Promise<void> {
  let outlast: AutovacuumWait | null = null;
  for (let attempt = 1; ; attempt++) {
    if (Date.now() >= run.deadline)
      throw new DeadlineReachedError(`the time budget ran out before ${step.name} was undone`);
    try {
      return await attemptOnce(outlast);
    } catch (error) {
      if (!(error instanceof SqlError)) throw error;
      const locks = statements.map((s) => ({ locks: s.locks }));
      outlast = await waitForLock(
        run,
        { name: step.name, file: `${step.name} (down)`, statements: locks },
        error,
        attempt,
      );
    }
  }
}

function makeUndoError(error: SqlError, step: UndoStep): TrueupError {
  const asMigration = {
    name: step.name,
    file: `${step.name} (down)`,
    statements: [],
  } as unknown as Migration;
  const { info } = makeMigrationError(error, undefined, asMigration);
  const remedy = 'The migration was not undone. Undo it manually, or keep it and deploy a new one.';
  return new TrueupError(attachRaisedMessage({ ...info, code: 'undo', remedy }, error), { cause: error });
}

/**
 * Cleans up a non-transactional statement whose end the failed deployment did not see. Drops an INVALID index
 * that it left; a build that is still running is left alone. Returns why the migration stays, or null if nothing is
 * left of the statement.
 */
export const cleanUpUnfinishedStep = (run: Run, row: LedgerMigration): Promise<string | null> =>
  cleanUpUnfinished(run, row.target);
