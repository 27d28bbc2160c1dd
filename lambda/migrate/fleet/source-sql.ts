/** Builds the queries for a page of a fleet's tenants, in a stable order. Pure. */
import type { TenantSource } from '../../contract/fleet';
import type { Value } from '../../postgres/database';

export interface PageQuery {
  readonly sql: string;
  readonly params: readonly Value[];
}

/** Compares names byte by byte, so that the order does not depend on the database's collation. */
const COLLATE_C = 'COLLATE pg_catalog."C"';

/**
 * Builds the query for one page.
 * @param after the key of the last tenant of the previous page; null for the first page
 * @returns a query for rows of `key`, which {@link parseKey} reads; `times`, the number of rows with that key; and
 * `other`, the name of an unknown column, if any
 */
export function buildPageQuery(source: TenantSource, after: string | null, limit: number): PageQuery {
  if (source.kind === 'query') return { sql: buildQuerySourceSql(source.sql), params: [after, limit] };
  const sql = source.kind === 'databases' ? DATABASES_SOURCE_SQL : SCHEMAS_SOURCE_SQL;
  return {
    sql,
    params: [after, limit, toLikePattern(source.pattern), (source.exclude ?? []).map(toLikePattern)],
  };
}

/**
 * Maximum lengths in characters. Longer names are rejected later; the cut avoids carrying a text of a megabyte to that
 * point.
 */
const MAX_FIELD_LENGTHS = { name: 100, database: 100, schema: 100, server: 100, secret: 600 } as const;
const TENANT_FIELDS = Object.keys(MAX_FIELD_LENGTHS) as (keyof typeof MAX_FIELD_LENGTHS)[];

/**
 * Uses the owner's query as a subquery, so it can only be a single query without data changes. The closing parenthesis
 * is on its own line, since the text may end in a comment. Operators are schema-qualified, because the text keeps the
 * login's search_path.
 */
const buildQuerySourceSql = (
  sql: string,
): string => `SELECT keyed.key, pg_catalog.count(*)::pg_catalog.int4 AS times,
  pg_catalog.min(keyed.other) AS other
FROM (SELECT pg_catalog.jsonb_build_array(${TENANT_FIELDS.map(
  (field) =>
    `pg_catalog.left(given.fields OPERATOR(pg_catalog.->>) '${field}'::pg_catalog.text, ${MAX_FIELD_LENGTHS[field]})`,
).join(', ')})::pg_catalog.text ${COLLATE_C} AS key,
    (SELECT pg_catalog.min(name) FROM pg_catalog.jsonb_object_keys(given.fields) AS columns (name)
      WHERE name OPERATOR(pg_catalog.<>) ALL ('{${TENANT_FIELDS.join(',')}}'::pg_catalog.text[])) AS other
  FROM (SELECT pg_catalog.to_jsonb(tenants) AS fields FROM (
${sql.replace(/[\s;]+$/, '')}
) AS tenants) AS given) AS keyed
WHERE $1::pg_catalog.text IS NULL OR keyed.key OPERATOR(pg_catalog.>) $1::pg_catalog.text
GROUP BY keyed.key ORDER BY keyed.key LIMIT $2::pg_catalog.int8`;

/** Excludes the server's own databases, templates, and databases whose DROP was interrupted (datconnlimit -2). */
const DATABASES_SOURCE_SQL = `SELECT pg_catalog.jsonb_build_array(d.datname, d.datname)::pg_catalog.text AS key, 1 AS times, NULL AS other
FROM pg_catalog.pg_database d
WHERE d.datallowconn AND NOT d.datistemplate AND d.datconnlimit OPERATOR(pg_catalog.<>) -2
  AND d.datname OPERATOR(pg_catalog.<>) ALL ('{postgres,rdsadmin}'::pg_catalog.name[])
  AND d.datname OPERATOR(pg_catalog.~~) $3::pg_catalog.text
  AND NOT (d.datname::pg_catalog.text OPERATOR(pg_catalog.~~) ANY ($4::pg_catalog.text[]))
  AND ($1::pg_catalog.text IS NULL OR (d.datname::pg_catalog.text ${COLLATE_C}) OPERATOR(pg_catalog.>)
    ($1::pg_catalog.jsonb OPERATOR(pg_catalog.->>) 0))
ORDER BY d.datname::pg_catalog.text ${COLLATE_C} LIMIT $2::pg_catalog.int8`;

const SCHEMAS_SOURCE_SQL = `SELECT pg_catalog.jsonb_build_array(n.nspname, pg_catalog.current_database(), n.nspname)::pg_catalog.text AS key,
  1 AS times, NULL AS other
FROM pg_catalog.pg_namespace n
WHERE n.nspname OPERATOR(pg_catalog.!~) '^pg_'
  AND n.nspname OPERATOR(pg_catalog.<>) ALL ('{information_schema,trueup}'::pg_catalog.name[])
  AND n.nspname OPERATOR(pg_catalog.~~) $3::pg_catalog.text
  AND NOT (n.nspname::pg_catalog.text OPERATOR(pg_catalog.~~) ANY ($4::pg_catalog.text[]))
  AND ($1::pg_catalog.text IS NULL OR (n.nspname::pg_catalog.text ${COLLATE_C}) OPERATOR(pg_catalog.>)
    ($1::pg_catalog.jsonb OPERATOR(pg_catalog.->>) 0))
ORDER BY n.nspname::pg_catalog.text ${COLLATE_C} LIMIT $2::pg_catalog.int8`;

/**
 * Converts a pattern to LIKE: `*` matches any characters, `?` matches one, and every other character matches itself.
 */
export const toLikePattern = (pattern: string): string =>
  pattern
    .replace(/[\\%_]/g, '\\$&')
    .replaceAll('*', '%')
    .replaceAll('?', '_');

/** Reads the fields from a key. Missing and NULL fields are left out. */
export function parseKey(key: string): Record<string, string> {
  const values = JSON.parse(key) as (string | null)[];
  return Object.fromEntries(
    TENANT_FIELDS.map((field, i) => [field, values[i] ?? null] as const).filter(
      (entry): entry is [keyof typeof MAX_FIELD_LENGTHS, string] => entry[1] !== null,
    ),
  );
}
