/** The questions that give a page of a fleet's targets, in a stable order. Pure. */
import type { TargetSource } from '../../contract/fleet';
import type { Value } from '../../postgres/database';

export interface PageQuestion {
  readonly sql: string;
  readonly params: readonly Value[];
}

/** Names are compared byte by byte: the same order whatever the database's collation. */
const C = 'COLLATE pg_catalog."C"';

/**
 * @param after the key of the last target of the page before; null for the first page
 * @returns rows of `key`, as {@link keyOf} reads it, of `times`, how often a query has it, and of `other`, a column that means nothing
 */
export function pageQuestion(source: TargetSource, after: string | null, limit: number): PageQuestion {
  if (source.kind === 'query') return { sql: ofQuery(source.sql), params: [after, limit] };
  const sql = source.kind === 'databases' ? DATABASES : SCHEMAS;
  return { sql, params: [after, limit, likeOf(source.pattern), source.except ?? []] };
}

/** Characters; a name of more is refused, and a text of a megabyte is not carried to where that is found out. */
const LONGEST = { name: 100, database: 100, schema: 100, server: 100, secret: 600 } as const;
const FIELDS = Object.keys(LONGEST) as (keyof typeof LONGEST)[];

/**
 * The owner's text is a table here, so it can only be one query that changes nothing. It ends in a line of its own, since it may
 * end in a comment. Operators are named by their schema, because the text keeps the login's search_path.
 */
const ofQuery = (sql: string): string => `SELECT keyed.key, pg_catalog.count(*)::pg_catalog.int4 AS times,
  pg_catalog.min(keyed.other) AS other
FROM (SELECT pg_catalog.jsonb_build_array(${FIELDS.map(
  (field) =>
    `pg_catalog.left(given.fields OPERATOR(pg_catalog.->>) '${field}'::pg_catalog.text, ${LONGEST[field]})`,
).join(', ')})::pg_catalog.text ${C} AS key,
    (SELECT pg_catalog.min(name) FROM pg_catalog.jsonb_object_keys(given.fields) AS columns (name)
      WHERE name OPERATOR(pg_catalog.<>) ALL ('{${FIELDS.join(',')}}'::pg_catalog.text[])) AS other
  FROM (SELECT pg_catalog.to_jsonb(targets) AS fields FROM (
${sql.replace(/[\s;]+$/, '')}
) AS targets) AS given) AS keyed
WHERE $1::pg_catalog.text IS NULL OR keyed.key OPERATOR(pg_catalog.>) $1::pg_catalog.text
GROUP BY keyed.key ORDER BY keyed.key LIMIT $2::pg_catalog.int8`;

/** Neither the server's own, nor a template, nor one whose DROP was cut short (datconnlimit -2). */
const DATABASES = `SELECT pg_catalog.jsonb_build_array(d.datname, d.datname)::pg_catalog.text AS key, 1 AS times, NULL AS other
FROM pg_catalog.pg_database d
WHERE d.datallowconn AND NOT d.datistemplate AND d.datconnlimit OPERATOR(pg_catalog.<>) -2
  AND d.datname OPERATOR(pg_catalog.<>) ALL ('{postgres,rdsadmin}'::pg_catalog.name[])
  AND d.datname OPERATOR(pg_catalog.~~) $3::pg_catalog.text
  AND d.datname::pg_catalog.text OPERATOR(pg_catalog.<>) ALL ($4::pg_catalog.text[])
  AND ($1::pg_catalog.text IS NULL OR (d.datname::pg_catalog.text ${C}) OPERATOR(pg_catalog.>)
    ($1::pg_catalog.jsonb OPERATOR(pg_catalog.->>) 0))
ORDER BY d.datname::pg_catalog.text ${C} LIMIT $2::pg_catalog.int8`;

const SCHEMAS = `SELECT pg_catalog.jsonb_build_array(n.nspname, pg_catalog.current_database(), n.nspname)::pg_catalog.text AS key,
  1 AS times, NULL AS other
FROM pg_catalog.pg_namespace n
WHERE n.nspname OPERATOR(pg_catalog.!~) '^pg_'
  AND n.nspname OPERATOR(pg_catalog.<>) ALL ('{information_schema,trueup}'::pg_catalog.name[])
  AND n.nspname OPERATOR(pg_catalog.~~) $3::pg_catalog.text
  AND n.nspname::pg_catalog.text OPERATOR(pg_catalog.<>) ALL ($4::pg_catalog.text[])
  AND ($1::pg_catalog.text IS NULL OR (n.nspname::pg_catalog.text ${C}) OPERATOR(pg_catalog.>)
    ($1::pg_catalog.jsonb OPERATOR(pg_catalog.->>) 0))
ORDER BY n.nspname::pg_catalog.text ${C} LIMIT $2::pg_catalog.int8`;

/** `*` is any characters and `?` one; everything else is itself. */
export const likeOf = (pattern: string): string =>
  pattern
    .replace(/[\\%_]/g, '\\$&')
    .replaceAll('*', '%')
    .replaceAll('?', '_');

/** What a key says; a field that is left out or NULL is none. */
export function keyOf(key: string): Record<string, string> {
  const values = JSON.parse(key) as (string | null)[];
  return Object.fromEntries(
    FIELDS.map((field, i) => [field, values[i] ?? null] as const).filter(
      (entry): entry is [keyof typeof LONGEST, string] => entry[1] !== null,
    ),
  );
}
