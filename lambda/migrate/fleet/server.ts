/**
 * The current state of a fleet's server: its free connections, and the tenants with a running migration, according to
 * the runners' advisory locks.
 */
import type { ServerState } from '../../contract/fleet';
import { computeNamespaceLockKey, RUNNER_LOCK_KEY } from '../../engine/locks/runner-lock';
import type { EngineContext } from '../../engine/run';
import { withDatabase } from '../../engine/time/session';
import type { Database } from '../../postgres/database';
import { countFreeConnections } from '../../postgres/free-connections';
import { buildOtherAdvisoryLocksSql } from '../../postgres/lock-holder';
import { type Connect, RUNNER_SESSION_PREFIX } from '../connect';

const MAX_NAMED_RUNNERS = 10;

export const readServerState = (
  ctx: Omit<EngineContext, 'connect' | 'manifest'>,
  connect: Connect,
  namespace: string,
): Promise<ServerState> =>
  withDatabase({ ...ctx, connect: () => connect({ readOnly: true }) }, async (db) => {
    const free = await countFreeConnections(db);
    return { freeConnections: free, inFlight: await readRunners(db, namespace) };
  });

/** Returns the runners that hold a lock on this server. @param namespace the ledger namespace of the folder */
export const readRunners = async (db: Database, namespace: string): Promise<ServerState['inFlight']> =>
  collectInFlight(await db.query<RunnerRow>(buildOtherAdvisoryLocksSql(RUNNER_LOCK_KEY)), namespace);

/** A session that holds the advisory lock of all runs. */
export interface RunnerRow {
  readonly database: string;
  readonly application_name: string;
  /** Keys of its other advisory locks, as unsigned decimals. */
  readonly keys: readonly string[];
  readonly [column: string]: unknown;
}

/**
 * Returns the runners of this fleet, and those whose namespace could not be confirmed. Pure.
 * @param namespace the ledger namespace of the folder
 */
export function collectInFlight(rows: readonly RunnerRow[], namespace: string): ServerState['inFlight'] {
  const [own, tenants] = [
    truncateName(RUNNER_SESSION_PREFIX + namespace),
    truncateName(`${RUNNER_SESSION_PREFIX}${namespace}/`),
  ];
  const runners = rows
    .map(({ database, application_name: name, keys }) => {
      const claimed = name.startsWith(RUNNER_SESSION_PREFIX)
        ? name.slice(RUNNER_SESSION_PREFIX.length)
        : null;
      const proved =
        claimed !== null && keys.includes(BigInt.asUintN(64, computeNamespaceLockKey(claimed)).toString());
      const elsewhere = claimed !== null && name !== own && !name.startsWith(tenants);
      return { database, namespace: proved ? claimed : null, elsewhere };
    })
    .filter(({ elsewhere }) => !elsewhere);
  return {
    count: runners.length,
    first: runners.slice(0, MAX_NAMED_RUNNERS).map(({ elsewhere: _, ...runner }) => runner),
  };
}

/** Truncates an application_name to 63 bytes, as the server does. */
const truncateName = (name: string): string => Buffer.from(name).subarray(0, 63).toString();
