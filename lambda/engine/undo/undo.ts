/** Runs recorded `down` sections: of a deployment that is rolled back, or of one migration that a person names. */

import { TrueupError } from '../../contract/errors';
import type { Migration } from '../../contract/manifest';
import { SqlError } from '../../postgres/database';
import { waitForLock } from '../apply/execute';
import { isLockTrouble, migrationError, withRaised } from '../apply/failures';
import { longRunning } from '../apply/indexes';
import { tidy } from '../apply/outcome';
import { type Outlast, outlasting } from '../apply/outlast';
import { refuseOtherPath } from '../apply/resolve-names';
import type { LedgerMigration } from '../ledger/ledger';
import type { RecordedStatement, UndoStep } from '../plan/rollback';
import { NotYet, Overtaken, type Run } from '../run';
import { OVERTAKEN } from '../sql/engine';
import { GRACE_MS } from '../time/limits';
import { undoScript } from './script';

/** What a half-done migration never made cannot be dropped: undefined table, column, object, schema. */
const NEVER_MADE = new Set(['42P01', '42703', '42704', '3F000']);

/** @throws {TrueupError} and {NotYet}; what could not be undone is as it was */
export async function undo(run: Run, step: UndoStep): Promise<void> {
  run.tell({ type: 'started', migration: step.name, action: 'undo' });
  const began = Date.now();
  const allInOne = !step.partial && step.statements.every((s) => s.execution !== 'outside');
  if (allInOne) await send(run, step, step.statements, true);
  else {
    for (const statement of step.statements) {
      if (statement.execution === 'outside') await outside(run, step, statement);
      else await send(run, step, [statement], false);
    }
    await send(run, step, [], true);
  }
  run.undone.add(step.name);
  run.tell({ type: 'finished', migration: step.name, action: 'undo', durationMs: Date.now() - began });
}

async function send(
  run: Run,
  step: UndoStep,
  statements: readonly RecordedStatement[],
  last: boolean,
): Promise<void> {
  const expects = run.known.get(step.name) ?? null;
  const plain = undoScript(step, statements, run.names, last ? { expects } : null);
  await patiently(run, step, statements, async (outlast) => {
    const scripted = outlasting(plain, outlast);
    try {
      await run.db.execute([scripted.transaction], { deadline: run.deadline + GRACE_MS });
    } catch (error) {
      if (!(error instanceof SqlError)) throw error;
      const origin = scripted.origins[error.statement ?? -1];
      if (error.sqlstate === OVERTAKEN && origin?.section === 'ledger') throw new Overtaken(step.name);
      if (step.partial && origin?.section === 'down' && NEVER_MADE.has(error.sqlstate)) return;
      if (isLockTrouble(error, origin)) throw error;
      throw undoError(error, step);
    }
  });
}

async function outside(run: Run, step: UndoStep, statement: RecordedStatement): Promise<void> {
  const settings = longRunning(run.serverVersion, run.names.ownerRole);
  await refuseOtherPath(run, { migration: step.name, file: `${step.name} (down)` }, statement.command);
  await patiently(run, step, [statement], async () => {
    try {
      await run.db.executeOutside(statement.sql, settings, { deadline: run.deadline });
    } catch (error) {
      if (!(error instanceof SqlError)) throw error;
      // Called a second time, the first may have come to its end.
      if (error.sqlstate === '42704') return;
      if (isLockTrouble(error, undefined)) throw error;
      throw undoError(error, step);
    }
  });
}

async function patiently(
  run: Run,
  step: UndoStep,
  statements: readonly RecordedStatement[],
  attemptOnce: (outlast: Outlast | null) => Promise<void>,
): Promise<void> {
  let outlast: Outlast | null = null;
  for (let attempt = 1; ; attempt++) {
    if (Date.now() >= run.deadline)
      throw new NotYet(`the time budget ran out before ${step.name} was undone`);
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

function undoError(error: SqlError, step: UndoStep): TrueupError {
  const asMigration = {
    name: step.name,
    file: `${step.name} (down)`,
    statements: [],
  } as unknown as Migration;
  const { info } = migrationError(error, undefined, asMigration);
  const remedy = 'It stays as it is; undo it manually, or continue from here.';
  return new TrueupError(withRaised({ ...info, code: 'undo', remedy }, error), { cause: error });
}

/**
 * A statement outside a transaction that the failed deployment did not see end. An INVALID index of it is dropped; a
 * build that still runs is left to end. Returns why the migration stays, or null when nothing of it is left.
 */
export const tidyUnfinished = (run: Run, row: LedgerMigration): Promise<string | null> =>
  tidy(run, row.target);
