/**
 * The lock between runners, on two levels. A run holds its namespace's lock alone and the database's with others, so that
 * tenants who share a database do not wait for each other; what changes schema trueup itself, for all of them, holds the
 * database's alone. Code that knows the database's lock only takes it alone, and so keeps all of these out, as they it.
 *
 * It is asked for again and again, never waited for in the server: a blocked pg_advisory_lock holds a snapshot that
 * CREATE INDEX CONCURRENTLY waits for, and the two deadlock.
 */
import { createHash } from 'node:crypto';
import { type Database, type LockedBy, SqlError } from '../../postgres/database';
import { type EngineContext, NotYet } from '../run';
import { DEAD_RUNNER_MS, RUNNER_PAUSE_MS, waitOrGiveUp } from '../time/limits';

/** Advisory locks are a database's own: one key for all of them. */
export const RUNNER_LOCK = 0x7472756575700001n;

/** Two namespaces whose keys should ever be the same wait for each other, and nothing else. */
export const namespaceLock = (namespace: string): bigint =>
  createHash('sha256').update(`trueup namespace ${namespace}`).digest().readBigInt64BE();

/** Keys as {@link Database.tryLock} takes them. */
export type RunnerLock = readonly [key: bigint, shared?: bigint];
/** To install or upgrade schema trueup. */
export const DATABASE_LOCK: RunnerLock = [RUNNER_LOCK];
/** To migrate. */
export const lockOf = (namespace: string): RunnerLock => [namespaceLock(namespace), RUNNER_LOCK];

/** Works under the lock, and releases it. @throws {NotYet} when the deadline comes before the lock */
export async function withRunnerLock<T>(
  db: Database,
  ctx: EngineContext,
  lock: RunnerLock,
  work: () => Promise<T>,
): Promise<T> {
  await acquireRunnerLock(db, ctx, lock);
  return releasing(db, lock, work);
}

/**
 * The same for work that somebody else may do meanwhile, who then goes on with another lock that keeps this one out.
 * @param isDone asked each time that the lock is not to be had
 * @returns null: it is done
 */
export async function withRunnerLockUnless<T>(
  db: Database,
  ctx: EngineContext,
  lock: RunnerLock,
  isDone: () => Promise<boolean>,
  work: () => Promise<T>,
): Promise<T | null> {
  if (!(await acquireRunnerLock(db, ctx, lock, isDone))) return null;
  return releasing(db, lock, work);
}

async function releasing<T>(db: Database, lock: RunnerLock, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } finally {
    await db.unlock(...lock).catch(() => {});
  }
}

/** @returns false: it is not needed any more. @throws {NotYet} when the deadline comes first */
async function acquireRunnerLock(
  db: Database,
  ctx: EngineContext,
  lock: RunnerLock,
  isDone: () => Promise<boolean> = async () => false,
): Promise<boolean> {
  for (let attempt = 1; ; attempt++) {
    if (await db.tryLock(...lock)) return true;
    if (await isDone()) return false;
    const holder = await db.lockHolder(...lock);
    const stuck = holder !== null && isDead(holder) && !(await terminate(db, holder));
    const message = holder ? describeHolder(holder) : 'another runner has just ended';
    if (attempt % 10 === 1) ctx.progress?.({ type: 'waiting', for: 'runner', message });
    if (!(await waitOrGiveUp(attempt, ctx.deadline, RUNNER_PAUSE_MS))) {
      throw new NotYet(message, {
        code: 'busy',
        ...(stuck
          ? {
              message: `another runner is dead and still holds the lock: ${message}`,
              remedy: `Run, as a superuser or as the role of that session: SELECT pg_terminate_backend(${holder.pid}); and deploy again.`,
            }
          : {
              message: `another runner is working: ${message}`,
              remedy: 'Wait for it to end, and deploy again.',
            }),
      });
    }
  }
}

export function describeHolder(holder: LockedBy): string {
  // Of another role's session, pg_stat_activity shows little to a role without pg_monitor.
  if (holder.state === '') return `pid ${holder.pid}, whose work this role may not see`;
  // A message of migrations begins with BEGIN, which says nothing of what it is at.
  const at = holder.command === 'BEGIN' ? 'applies migrations' : `is at ${holder.command || 'a statement'}`;
  const doing = holder.state === 'active' ? at : `is ${holder.state}`;
  const progress = holder.progress ? ` (${holder.progress})` : '';
  return `pid ${holder.pid} ${doing}${progress}, for ${Math.round(holder.stateAgeMs / 1000)} s`;
}

/**
 * Its client is gone and the network has not noticed: a live runner is idle for moments only. Over the Data API it is
 * the lock's transaction that is idle, and a live runner uses that every 20 seconds.
 */
export const isDead = (holder: LockedBy): boolean =>
  holder.state.startsWith('idle') &&
  holder.stateAgeMs > DEAD_RUNNER_MS &&
  holder.applicationName.startsWith('trueup');

/** Pid and start together name one backend; a pid alone may have passed to somebody else. False: it may not be ended. */
async function terminate(db: Database, holder: LockedBy): Promise<boolean> {
  try {
    await db.query(
      `SELECT pg_catalog.pg_terminate_backend(pid) FROM pg_catalog.pg_stat_activity
WHERE pid OPERATOR(pg_catalog.=) $1::int AND backend_start::pg_catalog.text OPERATOR(pg_catalog.=) $2::pg_catalog.text`,
      [holder.pid, holder.backendStart],
    );
    return true;
  } catch (error) {
    if (error instanceof SqlError && error.sqlstate === '42501') return false;
    throw error;
  }
}
