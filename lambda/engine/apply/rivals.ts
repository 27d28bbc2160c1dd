/** Whether somebody else is at work on the same migrations although this run holds the lock. */

import type { Known } from '../ledger/rows';
import { Overtaken, type Run } from '../run';

/**
 * What failed may have failed because another runner did it first.
 * @throws {Overtaken} when the migration's row is not as this run knows it
 */
export async function refuseOvertaken(run: Run, name: string): Promise<void> {
  const [row] = await run.db.query<Known & Record<string, unknown>>(
    `SELECT state, statement, running, up_checksum, deployment FROM trueup.migrations
WHERE namespace OPERATOR(pg_catalog.=) $1::pg_catalog.text AND name OPERATOR(pg_catalog.=) $2::pg_catalog.text`,
    [run.names.namespace, name],
  );
  const known = run.known.get(name);
  const fields = ['state', 'statement', 'running', 'up_checksum', 'deployment'] as const;
  if (fields.some((field) => (row?.[field] ?? null) !== (known?.[field] ?? null))) throw new Overtaken(name);
}
