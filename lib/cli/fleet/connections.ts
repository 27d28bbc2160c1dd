/** How many connections a fleet may have: as many as were asked for, and never more than a tenth of those that are free. */
import { ConnectionLost, type Database } from '../../../lambda/postgres/database';
import { connectPg } from '../../../lambda/postgres/pg';
import type { ConnectionTarget } from '../database/connection';
import { explainConnection } from '../database/connection-error';

export const DEFAULT_CONCURRENCY = 8;
const SHARE_OF_FREE = 0.1;

export interface Room {
  /** What the server would still give to anybody. */
  readonly free: number;
  /** What this run takes of it, one at least. */
  readonly connections: number;
}

/** Pure. */
export const roomFor = (asked: number, free: number): Room => ({
  free,
  connections: Math.max(1, Math.min(asked, Math.floor(free * SHARE_OF_FREE))),
});

/** Those that only a superuser gets are nobody's; a role without pg_monitor sees the sessions of others too. */
const FREE = `SELECT pg_catalog.current_setting('max_connections')::int
  OPERATOR(pg_catalog.-) pg_catalog.current_setting('superuser_reserved_connections')::int
  OPERATOR(pg_catalog.-) (SELECT pg_catalog.count(*)::int FROM pg_catalog.pg_stat_activity
    WHERE coalesce(backend_type, 'client backend') OPERATOR(pg_catalog.=) 'client backend') AS free`;

/** What is wrong with this database alone: there is none of that name, this login may not connect, it takes nobody. */
const OF_THIS_DATABASE = new Set(['3D000', '42501', '55000', '28000']);
/** How many databases are tried, should the first ones be of that kind. */
const TRIES = 10;

/**
 * Asks the server, over the first database that lets us in.
 * @param at the connection to a database
 * @returns null where none of those that were tried does: each then says so for itself
 * @throws {TrueupError} where the server cannot be reached
 */
export async function askRoom(
  databases: readonly string[],
  at: (database: string) => ConnectionTarget,
  asked: number,
): Promise<Room | null> {
  for (const database of databases.slice(0, TRIES)) {
    let db: Database;
    try {
      db = await connectPg(at(database).pg);
    } catch (error) {
      if (!(error instanceof ConnectionLost)) throw error;
      if (OF_THIS_DATABASE.has(error.reason ?? '')) continue;
      throw explainConnection(error, at(database));
    }
    try {
      const [row] = await db.query<{ free: number }>(FREE);
      return roomFor(asked, row!.free);
    } finally {
      await db.close();
    }
  }
  return null;
}
