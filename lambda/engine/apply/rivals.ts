/** Detects another runner that works on the same migrations although this run holds the lock. */

import type { KnownRow } from '../ledger/ledger-rows';
import { ConcurrentRunnerError, type Run } from '../run';

/**
 * Checks the migration's row after a failure, which may have occurred because another runner was first.
 * @throws {ConcurrentRunnerError} when the row differs from what this run last read or wrote
 */
export async function throwIfOvertaken(run: Run, name: string): Promise<void> {
  const [row] = await run.db.query<KnownRow & Record<string, unknown>>(
    `SELECT state, statements_done AS statement, running_statement AS running, up_checksum, deployment FROM trueup.migrations
WHERE namespace OPERATOR(pg_catalog.=) $1::pg_catalog.text AND name OPERATOR(pg_catalog.=) $2::pg_catalog.text`,
    [run.names.namespace, name],
  );
  const known = run.known.get(name);
  const fields = ['state', 'statement', 'running', 'up_checksum', 'deployment'] as const;
  if (fields.some((field) => (row?.[field] ?? null) !== (known?.[field] ?? null)))
    throw new ConcurrentRunnerError(name);
}
