/** The server of a fleet as a whole: whether it responds, and how many connections it has free. */
import { setTimeout as sleep } from 'node:timers/promises';
import { describeConnectionError, isTransient } from '../../../lambda/engine/apply/connection-failures';
import { CONNECT_PATIENCE_MS } from '../../../lambda/engine/time/limits';
import { type ConnectionHeadroom, computeHeadroom } from '../../../lambda/fleet/connection-headroom';
import { ConnectionLostError, type Database } from '../../../lambda/postgres/database';
import { countFreeConnections } from '../../../lambda/postgres/free-connections';
import { connectPg } from '../../../lambda/postgres/pg';
import type { ConnectionTarget } from '../database/connection';
import { toConnectionError } from '../database/connection-error';

/**
 * SQLSTATEs that concern only this database: it does not exist, this login may not connect to it, or it accepts no
 * connections.
 */
const DATABASE_ONLY_ERRORS = new Set(['3D000', '42501', '55000', '28000']);
/** Maximum number of databases to try if the first ones have such an error. */
const MAX_DATABASES_TRIED = 10;

/**
 * cannot_connect_now and too_many_connections: the server is there
 * (https://www.postgresql.org/docs/current/errcodes-appendix.html).
 */
const SERVER_UP_ERRORS = new Set(['57P03', '53300']);
const PAUSE_MS = 1_000;

/**
 * A server as all connections of a run have seen it. If it was reachable and no longer is (a restart, a failover), the
 * run waits for it, as the deployed functions do. The time is counted once, not once for each tenant.
 */
export class ServerAvailability {
  private wasThere = false;
  private awaySinceMs: number | null = null;
  /**
   * Called while the run waits for the server.
   * @default - does nothing
   */
  onWait: (message: string) => void = () => {};

  constructor(private readonly patienceMs = CONNECT_PATIENCE_MS) {}

  /**
   * Returns the connector for the engine, which connects again after a connection is lost.
   * @param open makes one attempt
   */
  connector<T extends Database | null>(target: ConnectionTarget, open: () => Promise<T>): () => Promise<T> {
    return async () => {
      try {
        const db = await open();
        this.wasThere = true;
        this.awaySinceMs = null;
        return db;
      } catch (error) {
        if (!(error instanceof ConnectionLostError) || this.waitsAfter(error)) throw error;
        throw toConnectionError(error, target);
      }
    };
  }

  private waitsAfter(error: ConnectionLostError): boolean {
    if (SERVER_UP_ERRORS.has(error.reason ?? '')) this.wasThere = true;
    // An address that has never responded may be wrong.
    if (!isTransient(error) || !this.wasThere) return false;
    this.awaySinceMs ??= Date.now();
    const waits = Date.now() - this.awaySinceMs < this.patienceMs;
    if (waits) this.onWait(describeConnectionError(error).message);
    return waits;
  }
}

/**
 * Asks the server how many connections are free, through the first database that accepts the login.
 * @param at returns the connection to a database
 * @returns `null` if none of the tried databases accepts it; each of them then reports its own error
 * @throws {TrueupError} if the server cannot be reached
 */
export async function readConnectionHeadroom(
  databases: readonly string[],
  at: (database: string) => ConnectionTarget,
  asked: number,
  server: ServerAvailability,
): Promise<ConnectionHeadroom | null> {
  for (const database of databases.slice(0, MAX_DATABASES_TRIED)) {
    const connect = server.connector(at(database), () =>
      connectPg({ ...at(database).pg, readOnly: true }).catch((error) => {
        if (error instanceof ConnectionLostError && DATABASE_ONLY_ERRORS.has(error.reason ?? '')) return null;
        throw error;
      }),
    );
    const db = await waitForServer(connect);
    if (db === null) continue;
    try {
      return computeHeadroom(asked, await countFreeConnections(db));
    } finally {
      await db.close();
    }
  }
  return null;
}

/**
 * Connects, and retries while the server is away.
 * @throws {TrueupError} once the server has been away for too long
 */
async function waitForServer(connect: () => Promise<Database | null>): Promise<Database | null> {
  for (;;) {
    try {
      return await connect();
    } catch (error) {
      if (!(error instanceof ConnectionLostError)) throw error;
      await sleep(PAUSE_MS);
    }
  }
}
