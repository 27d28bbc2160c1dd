/**
 * A network that hangs tells nobody. What takes long has a limit of its own and is left to the server; for everything
 * else (the ledger, the lock, the catalogue) this is the limit.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Database } from '../postgres/database';
import { GRACE_MS, LONGEST_TIMER_MS, SILENCE_MS } from './retry';
import { NotYet } from './run';

/** @throws {NotYet} when there is still no answer a while after the deadline; the connection is then of no use */
export async function answeredInTime<T>(
  db: Database,
  deadline: number,
  work: (db: Database) => Promise<T>,
): Promise<T> {
  // Each call of the Data API ends by itself.
  if (!db.capabilities.session) return work(db);
  let timer: NodeJS.Timeout | undefined;
  const silent = new Promise<never>((_, reject) => {
    const left = Math.max(0, deadline - Date.now()) + SILENCE_MS;
    timer = setTimeout(() => reject(stopped()), Math.min(left, LONGEST_TIMER_MS));
  });
  const answer = work(db);
  // Once the connection is closed it fails, and nobody listens any more.
  answer.catch(() => {});
  return Promise.race([answer, silent]).finally(() => clearTimeout(timer));
}

const stopped = (): NotYet =>
  new NotYet('the database stopped answering', {
    code: 'connection',
    message: 'the database stopped answering',
    remedy:
      'Check the network on the way to it, and that the server is running; the next run goes on from there.',
  });

/** A goodbye that does not get through is not waited for. */
export async function closeInTime(db: Database | undefined): Promise<void> {
  if (!db?.capabilities.session) return db?.close();
  await Promise.race([db.close(), sleep(GRACE_MS, undefined, { ref: false })]);
}
