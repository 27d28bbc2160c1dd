/**
 * The life of a database session: connects, waits for a database that starts or restarts, works, gives up on an
 * answer that does not come, and closes.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { TrueupError } from '../../contract/errors';
import { ConnectionLostError, type Database } from '../../postgres/database';
import { isTransient } from '../apply/connection-failures';
import { describeUnexpectedError } from '../apply/failures';
import { DeadlineReachedError, type EngineContext } from '../run';
import {
  CONNECT_PATIENCE_MS,
  GIVE_UP_AFTER_MS,
  GRACE_MS,
  MAX_TIMER_MS,
  MIN_CONNECT_MS,
  waitOrGiveUp,
} from './limits';

export type SessionContext = Pick<
  EngineContext,
  'connect' | 'deadline' | 'progress' | 'connectPatienceMs' | 'connectWaitedMs'
>;

/** The database could not be reached, or stayed disconnected, for longer than the engine waits. */
export class DatabaseUnreachableError extends Error {
  override readonly name = 'DatabaseUnreachableError';
  constructor(
    override readonly cause: ConnectionLostError,
    /** Whether the deadline came first; a caller that calls again may then have waiting time left. */
    readonly timeIsUp: boolean,
    /** When an established connection was lost, in milliseconds since the epoch; `null` if none was established. */
    readonly lostAt: number | null,
  ) {
    super(cause.message);
  }
}

/**
 * Connects, works and closes. After a lost connection it does all of it again, so `work` may start several times.
 * @throws {DatabaseUnreachableError} when the database stays unreachable; errors that `work` throws are passed through
 */
export async function inSession<T>(ctx: SessionContext, work: (db: Database) => Promise<T>): Promise<T> {
  const patience = ctx.connectPatienceMs ?? CONNECT_PATIENCE_MS;
  let giveUp = Date.now() + patience - (ctx.connectWaitedMs ?? 0);
  let lostAt: number | null = null;
  for (let attempt = 1; ; attempt++) {
    let db: Database | undefined;
    try {
      db = await connectBeforeDeadline(ctx, Math.min(giveUp, ctx.deadline));
      return await withAnswerDeadline(db, ctx, work);
    } catch (error) {
      if (!(error instanceof ConnectionLostError) || !isTransient(error)) throw error;
      if (db) {
        lostAt = Date.now();
        giveUp = lostAt + patience;
      }
      ctx.progress?.({ type: 'waiting', for: 'database', message: describeUnexpectedError(error).message });
      if (await waitOrGiveUp(attempt, Math.min(giveUp, ctx.deadline))) continue;
      throw new DatabaseUnreachableError(error, giveUp >= ctx.deadline, lostAt);
    } finally {
      await closeWithTimeout(db);
    }
  }
}

/** Runs work that only reads, and turns every failure into a TrueupError. @throws {TrueupError} */
export async function withDatabase<T>(ctx: SessionContext, work: (db: Database) => Promise<T>): Promise<T> {
  try {
    return await inSession(ctx, work);
  } catch (error) {
    if (error instanceof TrueupError) throw error;
    if (error instanceof DeadlineReachedError && error.waitingFor)
      throw new TrueupError(error.waitingFor, { cause: error });
    const cause = error instanceof DatabaseUnreachableError ? error.cause : error;
    throw new TrueupError(describeUnexpectedError(cause), { cause });
  }
}

/**
 * Makes one attempt to connect, with a time limit: an address that drops all packets would otherwise take very long.
 * @param end milliseconds since the epoch; an attempt gets at least a few seconds
 * @throws {ConnectionLostError} if there is no connection by then
 */
async function connectBeforeDeadline(ctx: SessionContext, end: number): Promise<Database> {
  const leftMs = Math.min(Math.max(MIN_CONNECT_MS, end - Date.now()), MAX_TIMER_MS);
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<null>((resolve) => {
    timer = setTimeout(resolve, leftMs, null);
  });
  const connecting = ctx.connect();
  const db = await Promise.race([connecting, late]).finally(() => clearTimeout(timer));
  if (db) return db;
  connecting.then((unused) => unused.close()).catch(() => {});
  throw new ConnectionLostError('connect ETIMEDOUT', 'ETIMEDOUT');
}

/**
 * Limits how long an answer is waited for. Long statements have their own limit and are left to the server. This
 * limit is for everything else (ledger, lock, catalog), because a hanging network reports no error.
 * @throws {DeadlineReachedError} if there is no answer some time after the deadline; the connection can then no longer be used
 */
async function withAnswerDeadline<T>(
  db: Database,
  ctx: Pick<SessionContext, 'deadline'>,
  work: (db: Database) => Promise<T>,
): Promise<T> {
  // Each call of the Data API has its own time limit.
  if (!db.capabilities.session) return work(db);
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    const wait = (deadline: number): void => {
      const left = Math.max(0, deadline - Date.now()) + GIVE_UP_AFTER_MS;
      // The deadline may have been moved in the meantime.
      const end = (): void => (ctx.deadline > deadline ? wait(ctx.deadline) : reject(makeUnansweredError()));
      timer = setTimeout(end, Math.min(left, MAX_TIMER_MS));
    };
    wait(ctx.deadline);
  });
  const answer = work(db);
  // Closing the connection makes it reject when no caller awaits it any more.
  answer.catch(() => {});
  return Promise.race([answer, late]).finally(() => clearTimeout(timer));
}

const makeUnansweredError = (): DeadlineReachedError =>
  new DeadlineReachedError('the database stopped answering', {
    code: 'connection',
    message: 'the database stopped answering',
    remedy: 'Check the network, and that the server is running; the next run continues from there.',
  });

/** Closes the connection, without waiting long for a close that does not get through. */
async function closeWithTimeout(db: Database | undefined): Promise<void> {
  if (!db?.capabilities.session) return db?.close();
  await Promise.race([db.close(), sleep(GRACE_MS, undefined, { ref: false })]);
}
