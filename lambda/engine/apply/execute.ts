/** Sends the scripted transactions of migrations, and waits for locks. */

import { ANY_RELATION } from '../../contract/locks';
import type { Migration } from '../../contract/manifest';
import { SqlError } from '../../postgres/database';
import { makeBrokenWorkloadError, makeUndecidedError } from '../guard/guard';
import { type Blocker, findBlockers, findRowHolders } from '../locks/blockers';
import { type LockingStatement, listLocksToTake } from '../locks/locks';
import { ConcurrentRunnerError, DeadlineReachedError, type Run } from '../run';
import { OVERTAKEN_SQLSTATE } from '../sql/engine';
import { BREAKS_WORKLOAD_SQLSTATE } from '../sql/guard';
import { LEAVES_UNDECIDED_SQLSTATE } from '../sql/touched-functions';
import { AUTOVACUUM_MARGIN_MS, GRACE_MS, waitOrGiveUp } from '../time/limits';
import { type AutovacuumWait, addAutovacuumWait } from './autovacuum-wait';
import { isLockFailure, makeMigrationError } from './failures';
import { throwIfOvertaken } from './rivals';
import type { BuiltScript } from './script-builder';

/** A migration that waits for a lock. */
export interface LockWait {
  readonly name: string;
  readonly file: string;
  readonly statements: readonly LockingStatement[];
}

/**
 * Sends transactions as one message. After an error, transactions that were already committed count as done. If a lock
 * could not be acquired, the rest is sent again after a pause in which the application can proceed.
 * @throws {DeadlineReachedError} when a lock could not be acquired by the deadline
 * @throws {ConcurrentRunnerError} when another runner has changed the row of one of the migrations
 */
export async function execute(
  run: Run,
  scripts: readonly BuiltScript[],
  migrations: readonly Migration[],
  committed: (index: number) => void = () => {},
): Promise<readonly (readonly number[])[]> {
  let done = 0;
  const keep = (to: number): void => {
    for (; done < to; done++) {
      const { leaves } = scripts[done]!;
      if (leaves) run.known.set(migrations[done]!.name, leaves);
      committed(done);
    }
  };
  let outlast: AutovacuumWait | null = null;
  for (let attempt = 1; ; attempt++) {
    if (Date.now() >= run.deadline)
      throw new DeadlineReachedError(`the time budget ran out before ${migrations[done]!.name}`);
    const sent = scripts.slice(done);
    sent[0] = addAutovacuumWait(sent[0]!, outlast);
    try {
      const rows = await run.db.execute(
        sent.map((script) => script.transaction),
        { deadline: run.deadline + GRACE_MS },
      );
      keep(scripts.length);
      return rows;
    } catch (error) {
      if (!(error instanceof SqlError)) throw error;
      const failed = done + (error.transaction ?? 0);
      keep(failed);
      const origin = sent[error.transaction ?? 0]!.origins[error.statement ?? -1];
      if (error.sqlstate === OVERTAKEN_SQLSTATE && origin?.section === 'ledger')
        throw new ConcurrentRunnerError(migrations[failed]!.name);
      if (error.sqlstate === BREAKS_WORKLOAD_SQLSTATE && origin?.section === 'guard')
        throw await makeBrokenWorkloadError(run, migrations[failed]!, error, null);
      if (error.sqlstate === LEAVES_UNDECIDED_SQLSTATE && origin?.section === 'guard')
        throw await makeUndecidedError(run, error);
      if (!isLockFailure(error, origin)) {
        await throwIfOvertaken(run, migrations[failed]!.name);
        throw makeMigrationError(error, origin, migrations[failed]!);
      }
      outlast = await waitForLock(run, migrations[failed]!, error, attempt);
    }
  }
}

/**
 * Reports the blocking sessions and pauses.
 * @returns what the next attempt has to wait for first
 * @throws {DeadlineReachedError} when the deadline comes first
 */
export async function waitForLock(
  run: Run,
  migration: LockWait,
  error: SqlError,
  attempt: number,
): Promise<AutovacuumWait | null> {
  const wanted = listLocksToTake(migration.statements)
    .map(([relation, mode]) => ({ relation, mode }))
    .filter(({ relation }) => relation !== ANY_RELATION);
  const blockers =
    wanted.length > 0
      ? await findBlockers(run.db, wanted, run.names.ownerRole)
      : await findRowHolders(run.db, listChangedTables(migration), run.names.ownerRole);
  const unseen = wanted.length > 0 ? 'no blocking session was found' : 'the blocking session is unknown';
  const who = blockers.length > 0 ? blockers.map(({ words }) => words).join('; ') : unseen;
  run.tell({ type: 'waiting', for: 'lock', message: `${migration.name} waits for a lock: ${who}` });
  if (await waitOrGiveUp(attempt, run.deadline)) return computeAutovacuumWait(run, wanted, blockers);
  throw new DeadlineReachedError(`${migration.name} waits for a lock: ${who}`, {
    code: 'lock-timeout',
    migration: migration.name,
    file: migration.file,
    message: `could not get a lock on ${wanted.map((lock) => lock.relation).join(', ') || 'its tables'} in time`,
    remedy:
      blockers.length > 0 && blockers.every(({ autovacuum }) => autovacuum !== null)
        ? AUTOVACUUM_REMEDY
        : wanted.length > 0
          ? 'End the sessions that hold it (pg_terminate_backend), or deploy at a quieter time; the application was not blocked.'
          : 'End the sessions whose transactions have locked rows of it (pg_terminate_backend), or deploy at a quieter time.',
    sqlstate: error.sqlstate,
    details: blockers.map(({ words }) => words),
  });
}

/** Only a superuser, or since PostgreSQL 18 a member of pg_signal_autovacuum_worker, may end an autovacuum. */
const AUTOVACUUM_REMEDY =
  'Deploy again once autovacuum has finished with the table (pg_stat_progress_vacuum shows its progress; a higher autovacuum_vacuum_cost_limit in the parameter group speeds it up). An autovacuum that prevents wraparound never gives way.';

/** Returns the tables whose rows the migration changes. */
const listChangedTables = ({ statements }: LockWait): string[] => [
  ...new Set(
    statements
      .flatMap(({ locks }) => locks)
      .filter(
        ({ mode, created, relation }) => mode === 'ROW EXCLUSIVE' && !created && relation !== ANY_RELATION,
      )
      .map(({ relation }) => relation),
  ),
];

/** Returns what to wait for if only an autovacuum that gives way blocks the lock; otherwise `null`. */
function computeAutovacuumWait(
  run: Run,
  wanted: readonly { readonly relation: string }[],
  blockers: readonly Blocker[],
): AutovacuumWait | null {
  if (wanted.length === 0 || blockers.length === 0) return null;
  if (blockers.some(({ autovacuum }) => autovacuum !== 'cleans')) return null;
  const waitMs = blockers[0]!.deadlockMs + AUTOVACUUM_MARGIN_MS;
  if (Date.now() + waitMs > run.deadline) return null;
  return { relations: wanted.map(({ relation }) => relation), waitMs };
}
