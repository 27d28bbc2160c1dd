/**
 * Indexes built outside a transaction: what became of one whose client is gone, and removing what a failed build left.
 * An INVALID unique index is not harmless: it refuses inserts, and ON CONFLICT does not see it.
 */
import type { Database } from '../postgres/database';
import { quoteIdentifier } from '../postgres/quote';
import type { Target } from './manifest';
import { LONG_LOCK_TIMEOUT_MS } from './retry';

export type IndexTarget = Extract<Target, { kind: 'index' }>;

export interface IndexState {
  readonly valid: boolean;
  /** Quoted, with its schema. */
  readonly name: string;
  /** Phase and percentage while a backend is at it; null when none is. */
  readonly building: string | null;
}

/** The index of that name, on that table where the table is known. */
export async function readIndex(db: Database, target: IndexTarget): Promise<IndexState | null> {
  const rows = await db.query(
    `SELECT i.indisvalid AS valid, n.nspname AS schema, c.relname AS name, p.phase,
  CASE WHEN p.blocks_total > 0 THEN (100 * p.blocks_done / p.blocks_total)::text END AS percent
FROM pg_catalog.pg_index i
JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_catalog.pg_stat_progress_create_index p ON p.index_relid = c.oid
WHERE c.relname = $1 AND CASE WHEN $2::text IS NOT NULL THEN i.indrelid = to_regclass($2)
  WHEN $3::text IS NOT NULL THEN n.nspname = $3 ELSE pg_catalog.pg_table_is_visible(c.oid) END`,
    [target.name, target.table, target.schema],
  );
  const row = rows[0];
  if (!row) return null;
  const percent = row.percent === null ? '' : `, ${row.percent} %`;
  return {
    valid: row.valid === true,
    name: `${quoteIdentifier(String(row.schema))}.${quoteIdentifier(String(row.name))}`,
    building: row.phase ? `${row.phase}${percent}` : null,
  };
}

/** Settings for a statement that may take long and hinders nobody. */
export function longRunning(serverVersion: number): Record<string, string> {
  return {
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
): Promise<boolean> {
  const index = await readIndex(db, target);
  if (!index) return true;
  if (index.valid || index.building) return false;
  await db.executeOutside(`DROP INDEX CONCURRENTLY IF EXISTS ${index.name}`, longRunning(serverVersion), {
    deadline,
  });
  return true;
}

/** A failed REINDEX CONCURRENTLY leaves its copy behind, INVALID, under `<name>_ccnew` (documentation of REINDEX). */
export async function dropReindexLeftovers(
  db: Database,
  target: IndexTarget,
  serverVersion: number,
  deadline: number,
): Promise<void> {
  const rows = await db.query(
    `SELECT n.nspname AS schema, c.relname AS name FROM pg_catalog.pg_index i
JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE NOT i.indisvalid AND c.relname ~ '_ccnew[0-9]*$'
  AND ($1::text IS NULL OR left(c.relname, length($1::text)) = $1) AND ($2::text IS NULL OR i.indrelid = to_regclass($2))
  AND ($1::text IS NOT NULL OR $2::text IS NOT NULL)
  AND NOT EXISTS (SELECT FROM pg_catalog.pg_stat_progress_create_index p WHERE p.index_relid = c.oid)`,
    [target.name, target.table],
  );
  for (const { schema, name } of rows) {
    const index = `${quoteIdentifier(String(schema))}.${quoteIdentifier(String(name))}`;
    await db.executeOutside(`DROP INDEX CONCURRENTLY IF EXISTS ${index}`, longRunning(serverVersion), {
      deadline,
    });
  }
}
