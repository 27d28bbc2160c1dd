/**
 * Determines whether a non-transactional REINDEX completed, and drops the copies that an interrupted one leaves.
 */

import type { StatementStart, StatementTarget } from '../../contract/manifest';
import { SqlError } from '../../postgres/database';
import { quoteIdentifier } from '../../sql/quote';
import type { Run } from '../run';
import { buildLongRunningSettings } from './index-state';
import { resolveRelations } from './resolve-names';

export type ReindexTarget = Extract<StatementTarget, { kind: 'index' }>;

/**
 * Selects the indexes that the REINDEX covers, including those of partitions and TOAST tables. `$1` is a table, `$2`
 * an index, `$3` a schema; all are NULL for the whole database. Indexes of PostgreSQL's own catalogs belong to
 * REINDEX SYSTEM.
 */
const REINDEX_SCOPE_SQL = `WITH RECURSIVE named (oid) AS (
  SELECT $1::pg_catalog.oid WHERE $1::pg_catalog.oid IS NOT NULL
  UNION ALL SELECT $2::pg_catalog.oid WHERE $2::pg_catalog.oid IS NOT NULL
  UNION ALL SELECT c.oid FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace
    WHERE $1::pg_catalog.oid IS NULL AND $2::pg_catalog.oid IS NULL
      AND c.relkind OPERATOR(pg_catalog.=) ANY ('{r,m,p}'::pg_catalog."char"[])
      AND CASE WHEN $3::pg_catalog.text IS NULL
        THEN n.nspname OPERATOR(pg_catalog.!~) '^pg_' AND n.nspname OPERATOR(pg_catalog.<>) 'information_schema'::pg_catalog.name
        ELSE n.nspname OPERATOR(pg_catalog.=) $3::pg_catalog.name END
), whole (oid) AS (
  SELECT oid FROM named
  UNION
  SELECT h.inhrelid FROM whole w
    JOIN pg_catalog.pg_class p ON p.oid OPERATOR(pg_catalog.=) w.oid
      AND p.relkind OPERATOR(pg_catalog.=) ANY ('{p,I}'::pg_catalog."char"[])
    JOIN pg_catalog.pg_inherits h ON h.inhparent OPERATOR(pg_catalog.=) w.oid
), tables (oid) AS (
  SELECT oid FROM whole
  UNION SELECT c.reltoastrelid FROM whole w JOIN pg_catalog.pg_class c ON c.oid OPERATOR(pg_catalog.=) w.oid
    WHERE c.reltoastrelid OPERATOR(pg_catalog.<>) 0::pg_catalog.oid
), scope AS (
  SELECT i.*, c.relname, c.relnamespace, c.xmin AS changed FROM pg_catalog.pg_index i
  JOIN pg_catalog.pg_class c ON c.oid OPERATOR(pg_catalog.=) i.indexrelid
    AND c.relkind OPERATOR(pg_catalog.=) 'i'::pg_catalog."char"
  WHERE i.indexrelid OPERATOR(pg_catalog.=) ANY (SELECT oid FROM whole)
    OR i.indrelid OPERATOR(pg_catalog.=) ANY (SELECT oid FROM tables))`;

/**
 * Whether the index's row in pg_class is newer than transaction `$4`. That number has 64 bits; xmin is its lower
 * half.
 */
const buildChangedSinceSql = (index: string): string =>
  `pg_catalog.age(${index}.changed) OPERATOR(pg_catalog.<)
    pg_catalog.age(($4::numeric OPERATOR(pg_catalog.%) 4294967296)::pg_catalog.text::pg_catalog.xid)`;

async function readReindexScope(run: Run, target: ReindexTarget): Promise<(string | null)[]> {
  const { name, schema, table } = target;
  const named = (written: string) => resolveRelations(run.db, [written], run.names.ownerRole);
  // Oid 0 matches no relation: a name that does not exist must not select the whole database.
  if (name !== null) {
    const index =
      schema === null ? quoteIdentifier(name) : `${quoteIdentifier(schema)}.${quoteIdentifier(name)}`;
    return [null, (await named(index))[0] ?? '0', null];
  }
  if (table !== null) return [(await named(table))[0] ?? '0', null, null];
  return [null, null, schema];
}

/**
 * Whether every index that the REINDEX covers was rebuilt since then. REINDEX skips INVALID indexes and, with
 * CONCURRENTLY, those of EXCLUDE constraints.
 */
export async function isRebuilt(run: Run, target: ReindexTarget, since: StatementStart): Promise<boolean> {
  const rows = await run.db.query(
    `${REINDEX_SCOPE_SQL}
SELECT FROM scope s WHERE s.indisvalid AND NOT s.indisexclusion AND NOT (${buildChangedSinceSql('s')}) LIMIT 1`,
    [...(await readReindexScope(run, target)), since.xid],
  );
  return rows.length === 0;
}

/** Columns in which two copies of an index agree: everything but the name and the validity. */
const SAME_DEFINITION_COLUMNS = [
  ...['indrelid', 'indisunique', 'indkey', 'indclass', 'indcollation', 'indoption', 'indnkeyatts'].map(
    (column) => [`copy.${column}`, `i.${column}`] as const,
  ),
  ...['indexprs', 'indpred'].map(
    (column) =>
      [
        `pg_catalog.pg_get_expr(copy.${column}, copy.indrelid)`,
        `pg_catalog.pg_get_expr(i.${column}, i.indrelid)`,
      ] as const,
  ),
]
  .map(
    ([a, b]) =>
      `coalesce(${a}::pg_catalog.text, '') OPERATOR(pg_catalog.=) coalesce(${b}::pg_catalog.text, '')`,
  )
  .join('\n  AND ');

/**
 * A failed REINDEX CONCURRENTLY leaves one of the two indexes behind. It is INVALID, and every write still updates
 * it. The new one is named `<name>_ccnew` and the old one `<name>_ccold` (documentation of REINDEX), with a number if
 * that name is taken, and shortened if the name is long. So a leftover is recognized by its definition, and one of
 * this run by its age.
 */
export async function dropReindexLeftovers(
  run: Run,
  target: ReindexTarget,
  since?: StatementStart,
): Promise<void> {
  const rows = await run.db.query(
    `${REINDEX_SCOPE_SQL}
SELECT DISTINCT n.nspname AS schema, copy.relname AS name, o.relname AS of
FROM scope o JOIN pg_catalog.pg_index i ON i.indexrelid OPERATOR(pg_catalog.=) o.indexrelid
JOIN (SELECT x.*, c.relname, c.relnamespace, c.xmin AS changed FROM pg_catalog.pg_index x
    JOIN pg_catalog.pg_class c ON c.oid OPERATOR(pg_catalog.=) x.indexrelid) copy
  ON copy.indrelid OPERATOR(pg_catalog.=) i.indrelid AND copy.indexrelid OPERATOR(pg_catalog.<>) i.indexrelid
JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) copy.relnamespace
WHERE NOT copy.indisvalid AND copy.relname OPERATOR(pg_catalog.~) '_cc(new|old)[0-9]*$'
  AND pg_catalog.starts_with(o.relname::pg_catalog.text, pg_catalog.regexp_replace(copy.relname::pg_catalog.text, '_cc(new|old)[0-9]*$', ''))
  AND ($4::pg_catalog.text IS NULL OR ${buildChangedSinceSql('copy')})
  AND ${SAME_DEFINITION_COLUMNS}
  AND NOT EXISTS (SELECT FROM pg_catalog.pg_stat_progress_create_index p
    WHERE p.index_relid OPERATOR(pg_catalog.=) copy.indexrelid)`,
    [...(await readReindexScope(run, target)), since?.xid ?? null],
  );
  for (const { schema, name, of } of rows) {
    const copy = `${quoteIdentifier(String(schema))}.${quoteIdentifier(String(name))}`;
    const settings = buildLongRunningSettings(run.serverVersion, run.names.ownerRole);
    try {
      await run.db.executeOutside(`DROP INDEX CONCURRENTLY IF EXISTS ${copy}`, settings, {
        deadline: run.deadline,
      });
    } catch (error) {
      // Only a superuser may name objects in schema pg_toast.
      if (!(error instanceof SqlError) || error.sqlstate !== '42501') throw error;
      run.warnings.push(
        `an interrupted REINDEX left ${copy}, an INVALID copy of ${String(of)}, which this role may not drop; a superuser can (DROP INDEX ${copy}), and VACUUM FULL of its table removes it`,
      );
    }
  }
}
