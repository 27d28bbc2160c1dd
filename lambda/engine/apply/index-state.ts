/**
 * Handles indexes built CONCURRENTLY: reads the state of a build whose client disconnected, and removes what a failed
 * build left. An INVALID unique index is not harmless: it rejects inserts, and ON CONFLICT does not use it.
 */

import type { StatementTarget } from '../../contract/manifest';
import type { Database } from '../../postgres/database';
import { formatIndexBuildProgress } from '../../postgres/lock-holder';
import { quoteIdentifier } from '../../sql/quote';
import { LONG_LOCK_TIMEOUT_MS } from '../time/limits';
import { resolveRelations } from './resolve-names';

export type IndexTarget = Extract<StatementTarget, { kind: 'index' }>;

export interface IndexState {
  readonly valid: boolean;
  readonly unique: boolean;
  /** Quoted and schema-qualified. */
  readonly name: string;
  /** Phase and percentage while a backend is building it; otherwise `null`. */
  readonly building: string | null;
}

/** Returns the oid of the table if it is named, else of the index. `null` means that there is no such relation. */
async function resolveIndexLocation(
  db: Database,
  { name, schema, table }: IndexTarget,
  ownerRole: string | null,
): Promise<{ table?: string | null; index?: string | null }> {
  if (table !== null) return { table: (await resolveRelations(db, [table], ownerRole))[0] };
  if (name === null) return {};
  const written =
    schema === null ? quoteIdentifier(name) : `${quoteIdentifier(schema)}.${quoteIdentifier(name)}`;
  return { index: (await resolveRelations(db, [written], ownerRole))[0] };
}

/** Reads the index of that name, on that table if the table is known. */
export async function readIndex(
  db: Database,
  target: IndexTarget,
  ownerRole: string | null = null,
): Promise<IndexState | null> {
  const { table, index } = await resolveIndexLocation(db, target, ownerRole);
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
    building: formatIndexBuildProgress(row),
  };
}

/** Returns settings for a statement that may run long and does not block the application. */
export function buildLongRunningSettings(
  serverVersion: number,
  ownerRole: string | null = null,
): Record<string, string> {
  return {
    // As in a transaction of the engine, this role determines `"$user"` and owns new objects.
    ...(ownerRole === null ? {} : { role: ownerRole }),
    lock_timeout: String(LONG_LOCK_TIMEOUT_MS),
    statement_timeout: '0',
    // The server continues the build when its client dies, and the next run finds it. The setting exists since
    // PostgreSQL 14.
    ...(serverVersion >= 140000 ? { client_connection_check_interval: '0' } : {}),
  };
}

/**
 * Drops an INVALID index. A valid index, and one that is being built, stays. Returns true if nothing is left of it.
 */
export async function dropInvalidIndex(
  db: Database,
  target: IndexTarget,
  serverVersion: number,
  deadline: number,
  ownerRole: string | null = null,
): Promise<boolean> {
  const index = await readIndex(db, target, ownerRole);
  if (!index) return true;
  if (index.valid || index.building) return false;
  const settings = buildLongRunningSettings(serverVersion, ownerRole);
  await db.executeOutside(`DROP INDEX CONCURRENTLY IF EXISTS ${index.name}`, settings, { deadline });
  return true;
}
