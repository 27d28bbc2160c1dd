/** How many connections a fleet's server has room for. */
import { type Room, roomFor } from '../../../lambda/fleet/room';
import { ConnectionLost, type Database } from '../../../lambda/postgres/database';
import { freeConnections } from '../../../lambda/postgres/free-connections';
import { connectPg } from '../../../lambda/postgres/pg';
import type { ConnectionTarget } from '../database/connection';
import { explainConnection } from '../database/connection-error';

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
      return roomFor(asked, await freeConnections(db));
    } finally {
      await db.close();
    }
  }
  return null;
}
