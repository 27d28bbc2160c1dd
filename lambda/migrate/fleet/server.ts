/** A fleet's server at this moment: what room it has, and at which tenants somebody is at work, by the locks between runners. */
import type { ServerState } from '../../contract/fleet';
import { namespaceLock, RUNNER_LOCK } from '../../engine/locks/runner-lock';
import type { EngineContext } from '../../engine/run';
import { withDatabase } from '../../engine/time/session';
import type { Database } from '../../postgres/database';
import { freeConnections } from '../../postgres/free-connections';
import { advisoryLocksBeside } from '../../postgres/lock-holder';
import { type Connect, WORKING } from '../connect';

const NAMED = 10;

export const serverState = (
  ctx: Omit<EngineContext, 'connect' | 'manifest'>,
  connect: Connect,
  namespace: string,
): Promise<ServerState> =>
  withDatabase({ ...ctx, connect: () => connect({ readOnly: true }) }, async (db) => {
    const free = await freeConnections(db);
    return { freeConnections: free, inFlight: await runnersOn(db, namespace) };
  });

/** @param namespace of the folder */
export const runnersOn = async (db: Database, namespace: string): Promise<ServerState['inFlight']> =>
  inFlight(await db.query<RunnerRow>(advisoryLocksBeside(RUNNER_LOCK)), namespace);

/** Who holds the lock that every run holds. */
export interface RunnerRow {
  readonly database: string;
  readonly application_name: string;
  /** What else it holds, as unsigned decimals. */
  readonly keys: readonly string[];
  readonly [column: string]: unknown;
}

/**
 * Those of this fleet, and those of whom it is not known. Pure.
 * @param namespace of the folder
 */
export function inFlight(rows: readonly RunnerRow[], namespace: string): ServerState['inFlight'] {
  const [own, tenants] = [clipped(WORKING + namespace), clipped(`${WORKING}${namespace}/`)];
  const runners = rows
    .map(({ database, application_name: name, keys }) => {
      const claimed = name.startsWith(WORKING) ? name.slice(WORKING.length) : null;
      const proved = claimed !== null && keys.includes(BigInt.asUintN(64, namespaceLock(claimed)).toString());
      const elsewhere = claimed !== null && name !== own && !name.startsWith(tenants);
      return { database, namespace: proved ? claimed : null, elsewhere };
    })
    .filter(({ elsewhere }) => !elsewhere);
  return {
    count: runners.length,
    first: runners.slice(0, NAMED).map(({ elsewhere: _, ...runner }) => runner),
  };
}

/** The server keeps 63 bytes of it. */
const clipped = (name: string): string => Buffer.from(name).subarray(0, 63).toString();
