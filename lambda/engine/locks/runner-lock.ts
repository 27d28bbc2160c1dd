/**
 * The runner lock, on two levels. A run holds its namespace's lock exclusively and the database's lock
 * shared, so that tenants in one database do not wait for each other. A change of schema trueup itself, which affects
 * all of them, holds the database's lock exclusively. Older code that knows only the database's lock takes it
 * exclusively, so it and the newer runners exclude each other.
 *
 * Runners poll with pg_try_advisory_lock and never wait in the server. A blocked pg_advisory_lock holds a snapshot
 * that CREATE INDEX CONCURRENTLY waits for, and the two would deadlock.
 */
import { createHash } from 'node:crypto';
import { type Database, type LockHolder, SqlError } from '../../postgres/database';
import { DeadlineReachedError, type EngineContext } from '../run';
import { DEAD_RUNNER_MS, MAX_RUNNER_PAUSE_MS, waitOrGiveUp } from '../time/limits';

/** The key of the database's lock. Advisory locks are local to a database, so one key serves all databases. */
export const RUNNER_LOCK_KEY = 0x7472756575700001n;

/**
 * Returns the key of a namespace's lock. If two namespaces ever have the same key, their runners only wait for each
 * other.
 */
export const computeNamespaceLockKey = (namespace: string): bigint =>
  createHash('sha256').update(`trueup namespace ${namespace}`).digest().readBigInt64BE();

/** Keys as {@link Database.tryLock} takes them. */
export type RunnerLock = readonly [key: bigint, shared?: bigint];
/** The lock for installing or upgrading schema trueup. */
export const DATABASE_LOCK: RunnerLock = [RUNNER_LOCK_KEY];
/** Returns the lock for migrating a namespace. */
export const getNamespaceLock = (namespace: string): RunnerLock => [
  computeNamespaceLockKey(namespace),
  RUNNER_LOCK_KEY,
];

/** Does the work while holding the lock, then releases it. @throws {DeadlineReachedError} when the deadline comes before the lock */
export async function withRunnerLock<T>(
  db: Database,
  ctx: EngineContext,
  lock: RunnerLock,
  work: () => Promise<T>,
): Promise<T> {
  await acquireRunnerLock(db, ctx, lock);
  return releaseAfter(db, lock, work);
}

/**
 * Does the same for work that another runner may do in the meantime. That runner then holds a lock which excludes
 * this one.
 * @param isDone called each time that the lock cannot be acquired
 * @returns `null` if the work is already done
 */
export async function withRunnerLockUnless<T>(
  db: Database,
  ctx: EngineContext,
  lock: RunnerLock,
  isDone: () => Promise<boolean>,
  work: () => Promise<T>,
): Promise<T | null> {
  if (!(await acquireRunnerLock(db, ctx, lock, isDone))) return null;
  return releaseAfter(db, lock, work);
}

async function releaseAfter<T>(db: Database, lock: RunnerLock, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } finally {
    await db.unlock(...lock).catch(() => {});
  }
}

/** Acquires the lock; returns false if it is no longer needed. @throws {DeadlineReachedError} when the deadline comes first */
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
    const stuck = holder !== null && isDeadSession(holder) && !(await terminateSession(db, holder));
    const message = holder ? describeHolder(holder) : 'another runner has just ended';
    if (attempt % 10 === 1) ctx.progress?.({ type: 'waiting', for: 'runner', message });
    if (!(await waitOrGiveUp(attempt, ctx.deadline, MAX_RUNNER_PAUSE_MS))) {
      throw new DeadlineReachedError(message, {
        code: 'busy',
        ...describeLockHolder(holder, message, stuck),
      });
    }
  }
}

/** Every role may take an advisory lock, so only a session with Trueup's application_name counts as a runner. */
const isRunner = (holder: LockHolder): boolean => holder.applicationName.startsWith('trueup');

function describeLockHolder(
  holder: LockHolder | null,
  message: string,
  stuck: boolean,
): { readonly message: string; readonly remedy: string } {
  if (holder === null || (isRunner(holder) && !stuck))
    return {
      message: `another runner is working: ${message}`,
      remedy: 'Wait for it to end, and deploy again.',
    };
  if (stuck)
    return {
      message: `another runner is dead and still holds the lock: ${message}`,
      remedy: `${formatTerminateCommand(holder)} and deploy again.`,
    };
  const name =
    holder.applicationName === '' ? 'no application_name' : `application_name ${quoteName(holder)}`;
  return {
    message: `a session that is not a runner of Trueup holds the runner lock: ${message}; role ${holder.user || 'unknown'}, ${name}`,
    remedy: `Ask its owner to end it, or wait for it to end. ${formatTerminateCommand(holder)} and deploy again.`,
  };
}

/** The name was chosen by another client, so it must not contain line breaks or be very long. */
const quoteName = ({ applicationName }: LockHolder): string => JSON.stringify(applicationName.slice(0, 64));

function formatTerminateCommand({ pid, user, mayEnd }: LockHolder): string {
  const sql = `SELECT pg_terminate_backend(${pid});`;
  if (mayEnd) return `This login may end it: run ${sql}`;
  const role = user === '' ? 'the role of that session' : `role ${user}`;
  return `This login may not end it. Run, as a superuser, as ${role} or as a member of pg_signal_backend (which ends no superuser's session): ${sql}`;
}

export function describeHolder(holder: LockHolder): string {
  // pg_stat_activity hides most columns of another role's session from a role without pg_monitor.
  if (holder.state === '') return `pid ${holder.pid}, whose activity this role may not see`;
  // A message with migrations begins with BEGIN, which does not show what the runner is doing.
  const at = holder.command === 'BEGIN' ? 'applies migrations' : `is at ${holder.command || 'a statement'}`;
  const doing = holder.state === 'active' ? at : `is ${holder.state}`;
  const progress = holder.progress ? ` (${holder.progress})` : '';
  return `pid ${holder.pid} ${doing}${progress}, for ${Math.round(holder.stateAgeMs / 1000)} s`;
}

/**
 * Whether the holder's client has died without closing the connection; a live runner is idle only for moments. Over
 * the Data API the idle session is the lock's own transaction, which a live runner uses every 20 seconds.
 */
export const isDeadSession = (holder: LockHolder): boolean =>
  holder.state.startsWith('idle') && holder.stateAgeMs > DEAD_RUNNER_MS && isRunner(holder);

/**
 * Ends the holder's session. The pid together with backend_start identifies a session; a pid alone may be reused.
 * Returns false if the role lacks the privilege.
 */
async function terminateSession(db: Database, holder: LockHolder): Promise<boolean> {
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
