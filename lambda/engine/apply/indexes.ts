/**
 * Indexes built outside a transaction: what became of one whose client is gone, and removing what a failed build left.
 * An INVALID unique index is not harmless: it refuses inserts, and ON CONFLICT does not use it.
 */

import type { StatementTarget } from '../../contract/manifest';
import type { Database } from '../../postgres/database';
import { buildProgress } from '../../postgres/lock-holder';
import { quoteIdentifier } from '../../sql/quote';
import { LONG_LOCK_TIMEOUT_MS } from '../time/limits';
import { relationsNamed } from './resolve-names';

export type IndexTarget = Extract<StatementTarget, { kind: 'index' }>;

export interface IndexState {
  readonly valid: boolean;
  readonly unique: boolean;
  /** Quoted, with its schema. */
  readonly name: string;
  /** Phase and percentage while a backend is at it; null when none is. */
  readonly building: string | null;
}

/** The oid of the table that is named, else of the index itself; null where the schema says where to look. */
async function lookedUp(
  db: Database,
  { name, schema, table }: IndexTarget,
  ownerRole: string | null,
): Promise<{ table?: string | null; index?: string | null }> {
  if (table !== null) return { table: (await relationsNamed(db, [table], ownerRole))[0] };
  if (name === null) return {};
  const written =
    schema === null ? quoteIdentifier(name) : `${quoteIdentifier(schema)}.${quoteIdentifier(name)}`;
  return { index: (await relationsNamed(db, [written], ownerRole))[0] };
}

/** The index of that name, on that table where the table is known. */
export async function readIndex(
  db: Database,
  target: IndexTarget,
  ownerRole: string | null = null,
): Promise<IndexState | null> {
  const { table, index } = await lookedUp(db, target, ownerRole);
  const rows = await db.query(
    `SELECT i.indisvalid AS valid, i.indisunique AS "unique", n.nspname AS schema, c.relname AS name, p.phase,
  p.blocks_done::pg_catalog.text AS blocks_done, p.blocks_total::pg_catalog.text AS blocks_total
FROM pg_catalog.pg_index i
JOIN pg_catalog.pg_class c ON c.oid OPERATOR(pg_catalog.=) i.indexrelid
JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace
LEFT JOIN pg_catalog.pg_stat_progress_create_index p ON p.index_relid OPERATOR(pg_catalog.=) c.oid
WHERE c.relname OPERATOR(pg_catalog.=) $1::pg_catalog.name
  AND (i.indrelid OPERATOR(pg_catalog.=) $2::pg_catalog.oid OR c.oid OPERATOR(pg_catalog.=) $3::pg_catalog.oid)`,
    [target.name, table ?? null, index ?? null],
  );
  const row = rows[0];
  if (!row) return null;
  return {
    valid: row.valid === true,
    unique: row.unique === true,
    name: `${quoteIdentifier(String(row.schema))}.${quoteIdentifier(String(row.name))}`,
    building: buildProgress(row),
  };
}

/** Settings for a statement that may take long and hinders nobody. */
export function longRunning(serverVersion: number, ownerRole: string | null = null): Record<string, string> {
  return {
    // As in a transaction of the engine, `"$user"` and new objects' owner are this role.
    ...(ownerRole === null ? {} : { role: ownerRole }),
    lock_timeout: String(LONG_LOCK_TIMEOUT_MS),
    statement_timeout: '0',
    // The server goes on building when its client dies, and the next run finds it (the setting came with 14).
    ...(serverVersion >= 140000 ? { client_connection_check_interval: '0' } : {}),
  };
}

/** Drops an INVALID index; a valid one, and one that is being built, stays. True when there is nothing left of it. */
export async function dropInvalid(
  db: Database,
  target: IndexTarget,
  serverVersion: number,
  deadline: number,
  ownerRole: string | null = null,
): Promise<boolean> {
  const index = await readIndex(db, target, ownerRole);
  if (!index) return true;
  if (index.valid || index.building) return false;
  const settings = longRunning(serverVersion, ownerRole);
  await db.executeOutside(`DROP INDEX CONCURRENTLY IF EXISTS ${index.name}`, settings, { deadline });
  return true;
}
