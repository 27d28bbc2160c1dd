/** Sends scripted transactions, and waits for locks: the one place where a migration's SQL leaves the engine. */
import { SqlError } from '../postgres/database';
import { findBlockers } from './blockers';
import { isLockTrouble, migrationError } from './failures';
import { type Locking, locksToTake } from './locks';
import { ANY_RELATION, type Migration } from './manifest';
import { GRACE_MS, waitOrGiveUp } from './retry';
import { NotYet, type Run } from './run';
import type { Scripted } from './script';

/** What waits for a lock. */
export interface Waiting {
  readonly name: string;
  readonly file: string;
  readonly statements: readonly Locking[];
}

/**
 * Sends transactions as one message. After an error what was committed counts; what met a lock is sent again from
 * there, after a pause in which the application can breathe.
 * @throws {NotYet} when a lock is still not to be had at the deadline
 */
export async function execute(
  run: Run,
  scripts: readonly Scripted[],
  migrations: readonly Migration[],
  committed: (index: number) => void = () => {},
): Promise<readonly (readonly number[])[]> {
  let done = 0;
  for (let attempt = 1; ; attempt++) {
    if (Date.now() >= run.deadline)
      throw new NotYet(`the time budget was spent before ${migrations[done]!.name}`);
    try {
      const rows = await run.db.execute(
        scripts.slice(done).map((script) => script.transaction),
        { deadline: run.deadline + GRACE_MS },
      );
      for (let i = done; i < scripts.length; i++) committed(i);
      return rows;
    } catch (error) {
      if (!(error instanceof SqlError)) throw error;
      const failed = done + (error.transaction ?? 0);
      for (let i = done; i < failed; i++) committed(i);
      done = failed;
      const origin = scripts[failed]!.origins[error.statement ?? -1];
      if (!isLockTrouble(error, origin)) throw migrationError(error, origin, migrations[failed]!);
      await waitForLock(run, migrations[failed]!, error, attempt);
    }
  }
}

/** Names the blockers and pauses. @throws {NotYet} when the deadline comes first */
export async function waitForLock(
  run: Run,
  migration: Waiting,
  error: SqlError,
  attempt: number,
): Promise<void> {
  const wanted = locksToTake(migration.statements)
    .map(([relation, mode]) => ({ relation, mode }))
    .filter(({ relation }) => relation !== ANY_RELATION);
  const blockers = await findBlockers(run.db, wanted, run.names.ownerRole);
  const unseen = wanted.length > 0 ? 'the holder was not seen' : 'who holds it is not known';
  const who = blockers.length > 0 ? blockers.join('; ') : unseen;
  run.tell({ type: 'waiting', for: 'lock', message: `${migration.name} waits for a lock: ${who}` });
  if (await waitOrGiveUp(attempt, run.deadline)) return;
  throw new NotYet(`${migration.name} waits for a lock: ${who}`, {
    code: 'lock-timeout',
    migration: migration.name,
    file: migration.file,
    message: `a lock on ${wanted.map((lock) => lock.relation).join(', ') || 'its tables'} was not to be had`,
    remedy:
      wanted.length > 0
        ? 'End the sessions that hold it (pg_terminate_backend), or deploy at a quieter time; the application was not held up.'
        : 'End the transactions that hold rows of it (pg_terminate_backend), or deploy at a quieter time.',
    sqlstate: error.sqlstate,
    details: blockers,
  });
}
