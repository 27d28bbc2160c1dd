/**
 * Parts that the catalog queries of the checks share. All of them are SELECTs on pg_catalog, which every role may read.
 */

/** Restricts to tables of the application. `c` is pg_class and `n` its pg_namespace. */
export const APPLICATION_TABLES_SQL = `c.relkind IN ('r', 'p')
  AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'trueup') AND n.nspname !~ '^pg_(toast|temp)'`;

/** `schema.table`, quoted by the server. */
export const TABLE_NAME_SQL = `format('%I.%I', n.nspname, c.relname)`;

export const buildTableFilterSql = (table: string, column: string): string =>
  `($1::text IS NULL OR ${table} = $1) AND ($2::text IS NULL OR ${column} = $2)`;

/**
 * Columns that look like references and have no foreign key: `x_id` beside a table `x`, `xs`, `xes` (or `…ies` for
 * `…y`) of the same schema that has a primary key of one column. `same` tells whether the two types can be compared.
 */
export const LIKELY_REFERENCES_SQL = `
  SELECT n.nspname, c.relname, a.attname, target.relname AS target, key.attname AS target_column,
    format_type(a.atttypid, a.atttypmod) AS type, format_type(key.atttypid, key.atttypmod) AS target_type,
    from_type.typcategory = key_type.typcategory
      AND (from_type.typcategory IN ('N', 'S') OR from_type.oid = key_type.oid) AS same
  FROM pg_class c
  JOIN pg_namespace n ON n.oid = c.relnamespace
  JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attname ~ '._id$'
  CROSS JOIN LATERAL (SELECT left(a.attname, -3) AS stem) AS s
  JOIN pg_class target ON target.relnamespace = c.relnamespace AND target.relkind IN ('r', 'p')
    AND target.relname IN (stem, stem || 's', stem || 'es', regexp_replace(stem, 'y$', 'ies'))
  JOIN pg_index i ON i.indrelid = target.oid AND i.indisprimary AND i.indnkeyatts = 1
  JOIN pg_attribute key ON key.attrelid = target.oid AND key.attnum = i.indkey[0]
  JOIN pg_type from_declared ON from_declared.oid = a.atttypid
  JOIN pg_type from_type ON from_type.oid = coalesce(nullif(from_declared.typbasetype, 0), from_declared.oid)
  JOIN pg_type key_declared ON key_declared.oid = key.atttypid
  JOIN pg_type key_type ON key_type.oid = coalesce(nullif(key_declared.typbasetype, 0), key_declared.oid)
  WHERE ${APPLICATION_TABLES_SQL} AND NOT c.relispartition
    AND NOT EXISTS (SELECT FROM pg_constraint f
      WHERE f.conrelid = c.oid AND f.contype = 'f' AND a.attnum = ANY (f.conkey))`;

/**
 * SQL for the numbers of the columns that foreign key `f` sets to NULL or to their defaults. From PostgreSQL 15 on, ON
 * DELETE SET NULL and SET DEFAULT may have a list of columns; the catalog of earlier versions has no such column.
 * @param actions SQL of the actions that count, as an array
 */
export const buildClearedColumnsSql = (actions: string): string =>
  `(CASE WHEN f.confupdtype = ANY (${actions}) OR (to_jsonb(f) ->> 'confdelsetcols') IS NULL AND f.confdeltype = ANY (${actions}) THEN f.conkey
    WHEN f.confdeltype = ANY (${actions}) THEN ARRAY(SELECT jsonb_array_elements_text(to_jsonb(f) -> 'confdelsetcols')::int2) ELSE '{}' END)`;
