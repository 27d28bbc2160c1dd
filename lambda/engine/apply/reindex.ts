/** REINDEX outside a transaction: whether it came to its end, and the copies that an interrupted one leaves behind. */

import type { Since, StatementTarget } from '../../contract/manifest';
import { SqlError } from '../../postgres/database';
import { quoteIdentifier } from '../../sql/quote';
import type { Run } from '../run';
import { longRunning } from './indexes';
import { relationsNamed } from './resolve-names';

export type ReindexTarget = Extract<StatementTarget, { kind: 'index' }>;

/**
 * The indexes that it is about, `$1` a table, `$2` an index, `$3` a schema, all null for the whole database: those of
 * partitions and of TOAST tables too. What PostgreSQL itself made belongs to REINDEX SYSTEM.
 */
const SCOPE = `WITH RECURSIVE named (oid) AS (
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

/** Its row in pg_class is newer than transaction `$4`, a number of 64 bits of which the row has the lower half. */
const changedSince = (index: string): string =>
  `pg_catalog.age(${index}.changed) OPERATOR(pg_catalog.<)
    pg_catalog.age(($4::numeric OPERATOR(pg_catalog.%) 4294967296)::pg_catalog.text::pg_catalog.xid)`;

async function scopeOf(run: Run, target: ReindexTarget): Promise<(string | null)[]> {
  const { name, schema, table } = target;
  const named = (written: string) => relationsNamed(run.db, [written], run.names.ownerRole);
  // An oid that nothing has: what is named but gone is not the whole database.
  if (name !== null) {
    const index =
      schema === null ? quoteIdentifier(name) : `${quoteIdentifier(schema)}.${quoteIdentifier(name)}`;
    return [null, (await named(index))[0] ?? '0', null];
  }
  if (table !== null) return [(await named(table))[0] ?? '0', null, null];
  return [null, null, schema];
}

/** Every index that it is about was built since. REINDEX passes over INVALID ones and, CONCURRENTLY, over EXCLUDE. */
export async function isRebuilt(run: Run, target: ReindexTarget, since: Since): Promise<boolean> {
  const rows = await run.db.query(
    `${SCOPE}
SELECT FROM scope s WHERE s.indisvalid AND NOT s.indisexclusion AND NOT (${changedSince('s')}) LIMIT 1`,
    [...(await scopeOf(run, target)), since.xid],
  );
  return rows.length === 0;
}

/** What makes two indexes copies of each other: all but their names and whether they are valid. */
const SAME_DEFINITION = [
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
 * A failed REINDEX CONCURRENTLY leaves one of the two indexes behind, INVALID and still kept up to date by every write:
 * the new one as `<name>_ccnew`, or the old one as `<name>_ccold` (documentation of REINDEX), with a number where that
 * is taken, and shortened where the name is long. So it is known by its definition, and ours by its age.
 */
export async function dropReindexLeftovers(run: Run, target: ReindexTarget, since?: Since): Promise<void> {
  const rows = await run.db.query(
    `${SCOPE}
SELECT DISTINCT n.nspname AS schema, copy.relname AS name, o.relname AS of
FROM scope o JOIN pg_catalog.pg_index i ON i.indexrelid OPERATOR(pg_catalog.=) o.indexrelid
JOIN (SELECT x.*, c.relname, c.relnamespace, c.xmin AS changed FROM pg_catalog.pg_index x
    JOIN pg_catalog.pg_class c ON c.oid OPERATOR(pg_catalog.=) x.indexrelid) copy
  ON copy.indrelid OPERATOR(pg_catalog.=) i.indrelid AND copy.indexrelid OPERATOR(pg_catalog.<>) i.indexrelid
JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) copy.relnamespace
WHERE NOT copy.indisvalid AND copy.relname OPERATOR(pg_catalog.~) '_cc(new|old)[0-9]*$'
  AND pg_catalog.starts_with(o.relname::pg_catalog.text, pg_catalog.regexp_replace(copy.relname::pg_catalog.text, '_cc(new|old)[0-9]*$', ''))
  AND ($4::pg_catalog.text IS NULL OR ${changedSince('copy')})
  AND ${SAME_DEFINITION}
  AND NOT EXISTS (SELECT FROM pg_catalog.pg_stat_progress_create_index p
    WHERE p.index_relid OPERATOR(pg_catalog.=) copy.indexrelid)`,
    [...(await scopeOf(run, target)), since?.xid ?? null],
  );
  for (const { schema, name, of } of rows) {
    const copy = `${quoteIdentifier(String(schema))}.${quoteIdentifier(String(name))}`;
    const settings = longRunning(run.serverVersion, run.names.ownerRole);
    try {
      await run.db.executeOutside(`DROP INDEX CONCURRENTLY IF EXISTS ${copy}`, settings, {
        deadline: run.deadline,
      });
    } catch (error) {
      // Only a superuser may name what is in schema pg_toast.
      if (!(error instanceof SqlError) || error.sqlstate !== '42501') throw error;
      run.warnings.push(
        `an interrupted REINDEX left ${copy}, an INVALID copy of ${String(of)}, which this role may not drop; a superuser can (DROP INDEX ${copy}), and VACUUM FULL of its table removes it`,
      );
    }
  }
}
