/** Sends scripted transactions, and waits for locks: the one place where a migration's SQL leaves the engine. */

import { ANY_RELATION } from '../../contract/locks';
import type { Migration } from '../../contract/manifest';
import { SqlError } from '../../postgres/database';
import { brokenBy } from '../guard/guard';
import { type Blocker, findBlockers, findRowHolders } from '../locks/blockers';
import { type Locking, locksToTake } from '../locks/locks';
import { NotYet, Overtaken, type Run } from '../run';
import { OVERTAKEN } from '../sql/engine';
import { BREAKS_WORKLOAD } from '../sql/guard';
import { GRACE_MS, OUTLAST_MARGIN_MS, waitOrGiveUp } from '../time/limits';
import { isLockTrouble, migrationError } from './failures';
import { type Outlast, outlasting } from './outlast';
import { refuseOvertaken } from './rivals';
import type { Scripted } from './script-builder';

/** What waits for a lock. */
export interface Waiting {
  readonly name: string;
  readonly file: string;
  readonly statements: readonly Locking[];
}

/**
 * Sends transactions as one message. After an error what was committed counts; what met a lock is sent again from
 * there, after a pause in which the application can breathe.
 * @throws {NotYet} when a lock could not be had by the deadline
 * @throws {Overtaken} when another runner has been at one of them
 */
export async function execute(
  run: Run,
  scripts: readonly Scripted[],
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
  let outlast: Outlast | null = null;
  for (let attempt = 1; ; attempt++) {
    if (Date.now() >= run.deadline)
      throw new NotYet(`the time budget ran out before ${migrations[done]!.name}`);
    const sent = scripts.slice(done);
    sent[0] = outlasting(sent[0]!, outlast);
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
      if (error.sqlstate === OVERTAKEN && origin?.section === 'ledger')
        throw new Overtaken(migrations[failed]!.name);
      if (error.sqlstate === BREAKS_WORKLOAD && origin?.section === 'guard')
        throw await brokenBy(run, migrations[failed]!, error, null);
      if (!isLockTrouble(error, origin)) {
        await refuseOvertaken(run, migrations[failed]!.name);
        throw migrationError(error, origin, migrations[failed]!);
      }
      outlast = await waitForLock(run, migrations[failed]!, error, attempt);
    }
  }
}

/**
 * Names the blockers and pauses.
 * @returns what the next attempt has to wait for first
 * @throws {NotYet} when the deadline comes first
 */
export async function waitForLock(
  run: Run,
  migration: Waiting,
  error: SqlError,
  attempt: number,
): Promise<Outlast | null> {
  const wanted = locksToTake(migration.statements)
    .map(([relation, mode]) => ({ relation, mode }))
    .filter(({ relation }) => relation !== ANY_RELATION);
  const blockers =
    wanted.length > 0
      ? await findBlockers(run.db, wanted, run.names.ownerRole)
      : await findRowHolders(run.db, rowsChanged(migration), run.names.ownerRole);
  const unseen = wanted.length > 0 ? 'the holder was not seen' : 'its holder is unknown';
  const who = blockers.length > 0 ? blockers.map(({ words }) => words).join('; ') : unseen;
  run.tell({ type: 'waiting', for: 'lock', message: `${migration.name} waits for a lock: ${who}` });
  if (await waitOrGiveUp(attempt, run.deadline)) return toOutlast(run, wanted, blockers);
  throw new NotYet(`${migration.name} waits for a lock: ${who}`, {
    code: 'lock-timeout',
    migration: migration.name,
    file: migration.file,
    message: `could not get a lock on ${wanted.map((lock) => lock.relation).join(', ') || 'its tables'} in time`,
    remedy:
      blockers.length > 0 && blockers.every(({ autovacuum }) => autovacuum !== null)
        ? BEHIND_AUTOVACUUM
        : wanted.length > 0
          ? 'End the sessions that hold it (pg_terminate_backend), or deploy at a quieter time; the application was not blocked.'
          : 'End the transactions that hold rows of it (pg_terminate_backend), or deploy at a quieter time.',
    sqlstate: error.sqlstate,
    details: blockers.map(({ words }) => words),
  });
}

/** Nobody but a superuser, or from PostgreSQL 18 on a member of pg_signal_autovacuum_worker, may end one. */
const BEHIND_AUTOVACUUM =
  'Deploy again once autovacuum has finished with the table (pg_stat_progress_vacuum shows its progress; a higher autovacuum_vacuum_cost_limit in the parameter group speeds it up). An autovacuum that prevents wraparound never gives way.';

/** The tables whose rows the migration changes. */
const rowsChanged = ({ statements }: Waiting): string[] => [
  ...new Set(
    statements
      .flatMap(({ locks }) => locks)
      .filter(
        ({ mode, created, relation }) => mode === 'ROW EXCLUSIVE' && !created && relation !== ANY_RELATION,
      )
      .map(({ relation }) => relation),
  ),
];

/** Where nobody but an autovacuum that only cleans is in the way. */
function toOutlast(
  run: Run,
  wanted: readonly { readonly relation: string }[],
  blockers: readonly Blocker[],
): Outlast | null {
  if (wanted.length === 0 || blockers.length === 0) return null;
  if (blockers.some(({ autovacuum }) => autovacuum !== 'cleans')) return null;
  const waitMs = blockers[0]!.deadlockMs + OUTLAST_MARGIN_MS;
  if (Date.now() + waitMs > run.deadline) return null;
  return { relations: wanted.map(({ relation }) => relation), waitMs };
}
