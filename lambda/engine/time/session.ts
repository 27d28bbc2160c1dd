/**
 * A session with the database, from its beginning to its end: connect, wait for a database that starts or restarts, work,
 * stop waiting for an answer that does not come, close.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { TrueupError } from '../../contract/errors';
import { ConnectionLost, type Database } from '../../postgres/database';
import { isTransient } from '../apply/connection-failures';
import { unexpectedError } from '../apply/failures';
import { type EngineContext, NotYet } from '../run';
import {
  CONNECT_PATIENCE_MS,
  GRACE_MS,
  LONGEST_TIMER_MS,
  SHORTEST_CONNECT_MS,
  UNANSWERED_MS,
  waitOrGiveUp,
} from './limits';

export type SessionContext = Pick<
  EngineContext,
  'connect' | 'deadline' | 'progress' | 'connectPatienceMs' | 'connectWaitedMs'
>;

/** The database was not there, or went away, for longer than it is waited for. */
export class Unreachable extends Error {
  override readonly name = 'Unreachable';
  constructor(
    override readonly cause: ConnectionLost,
    /** The deadline came first: whoever calls again may have more patience left. */
    readonly timeIsUp: boolean,
    /** Milliseconds since the epoch: when a connection that had come about was lost; null when none had. */
    readonly lostAt: number | null,
  ) {
    super(cause.message);
  }
}

/**
 * Connects, works and closes; after a lost connection, all of it again. So `work` may begin several times.
 * @throws {Unreachable} what `work` throws comes through
 */
export async function inSession<T>(ctx: SessionContext, work: (db: Database) => Promise<T>): Promise<T> {
  const patience = ctx.connectPatienceMs ?? CONNECT_PATIENCE_MS;
  let giveUp = Date.now() + patience - (ctx.connectWaitedMs ?? 0);
  let lostAt: number | null = null;
  for (let attempt = 1; ; attempt++) {
    let db: Database | undefined;
    try {
      db = await connectBy(ctx, Math.min(giveUp, ctx.deadline));
      return await answeredInTime(db, ctx.deadline, work);
    } catch (error) {
      if (!(error instanceof ConnectionLost) || !isTransient(error)) throw error;
      if (db) {
        lostAt = Date.now();
        giveUp = lostAt + patience;
      }
      ctx.progress?.({ type: 'waiting', for: 'database', message: unexpectedError(error).message });
      if (await waitOrGiveUp(attempt, Math.min(giveUp, ctx.deadline))) continue;
      throw new Unreachable(error, giveUp >= ctx.deadline, lostAt);
    } finally {
      await closeInTime(db);
    }
  }
}

/** For a question, whose every failure is an error of ours. @throws {TrueupError} */
export async function withDatabase<T>(ctx: SessionContext, work: (db: Database) => Promise<T>): Promise<T> {
  try {
    return await inSession(ctx, work);
  } catch (error) {
    if (error instanceof TrueupError) throw error;
    if (error instanceof NotYet && error.waitingFor)
      throw new TrueupError(error.waitingFor, { cause: error });
    const cause = error instanceof Unreachable ? error.cause : error;
    throw new TrueupError(unexpectedError(cause), { cause });
  }
}

/**
 * One attempt, which an address that swallows everything would draw out for long.
 * @param end milliseconds since the epoch; an attempt has a few seconds even after it
 * @throws {ConnectionLost} when it has not come about by then
 */
async function connectBy(ctx: SessionContext, end: number): Promise<Database> {
  const leftMs = Math.min(Math.max(SHORTEST_CONNECT_MS, end - Date.now()), LONGEST_TIMER_MS);
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<null>((resolve) => {
    timer = setTimeout(resolve, leftMs, null);
  });
  const connecting = ctx.connect();
  const db = await Promise.race([connecting, late]).finally(() => clearTimeout(timer));
  if (db) return db;
  connecting.then((unused) => unused.close()).catch(() => {});
  throw new ConnectionLost('connect ETIMEDOUT', 'ETIMEDOUT');
}

/**
 * What takes long has a limit of its own and is left to the server; for everything else (the ledger, the lock, the
 * catalogue) this is the limit, since a network that hangs reports nothing.
 * @throws {NotYet} when there is still no answer a while after the deadline; the connection is then of no use
 */
async function answeredInTime<T>(
  db: Database,
  deadline: number,
  work: (db: Database) => Promise<T>,
): Promise<T> {
  // Each call of the Data API ends by itself.
  if (!db.capabilities.session) return work(db);
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    const left = Math.max(0, deadline - Date.now()) + UNANSWERED_MS;
    timer = setTimeout(() => reject(unanswered()), Math.min(left, LONGEST_TIMER_MS));
  });
  const answer = work(db);
  // Once the connection is closed it fails, and nobody listens any more.
  answer.catch(() => {});
  return Promise.race([answer, late]).finally(() => clearTimeout(timer));
}

const unanswered = (): NotYet =>
  new NotYet('the database stopped answering', {
    code: 'connection',
    message: 'the database stopped answering',
    remedy: 'Check the network, and that the server is running; the next run continues from there.',
  });

/** A goodbye that does not get through is not waited for. */
async function closeInTime(db: Database | undefined): Promise<void> {
  if (!db?.capabilities.session) return db?.close();
  await Promise.race([db.close(), sleep(GRACE_MS, undefined, { ref: false })]);
}
