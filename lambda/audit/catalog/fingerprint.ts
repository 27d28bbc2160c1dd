/** Detects whether the schema was changed while it was being read. */
import { buildIsOwnSchemaSql } from './kind';

/**
 * Catalogs by the way from a row to its schema. Rows of temporary tables are left out, since they come and go all the
 * time.
 */
const CATALOGS_BY_SCHEMA = [
  ['pg_class', 'relnamespace'],
  ['pg_proc', 'pronamespace'],
  ['pg_type', 'typnamespace'],
] as const;
const CATALOGS_BY_TABLE = [
  ['pg_attribute', 'attrelid', 'attrelid::int8 * 2048 + attnum'],
  ['pg_attrdef', 'adrelid', 'oid'],
  ['pg_constraint', 'conrelid', 'oid'],
  ['pg_index', 'indrelid', 'indexrelid'],
  ['pg_trigger', 'tgrelid', 'oid'],
  ['pg_policy', 'polrelid', 'oid'],
  ['pg_rewrite', 'ev_class', 'oid'],
  ['pg_sequence', 'seqrelid', 'seqrelid'],
] as const;
const STANDALONE_CATALOGS = ['pg_namespace', 'pg_enum', 'pg_extension'] as const;

/** Hashes the key and xmin of a row. An update changes xmin; the in-place updates of VACUUM and ANALYZE do not. */
const buildRowMarkSql = (catalog: string, key: string): string =>
  `SELECT pg_catalog.hashint8((${key})::int8 # (${catalog}.xmin::text::int8 << 31))::int8 AS h FROM ${catalog}`;

/**
 * Returns one row: the server's `version`, and a `mark` that stays the same until an object of the application is
 * created, changed or dropped.
 */
export const FINGERPRINT_SQL = `WITH own AS (SELECT c.oid FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE ${buildIsOwnSchemaSql('n')} AND c.relkind NOT IN ('t', 'i', 'I'))
SELECT count(*) || ' ' || sum(h) AS mark, current_setting('server_version_num')::int AS version FROM (
${[
  ...CATALOGS_BY_SCHEMA.map(
    ([catalog, schema]) =>
      `${buildRowMarkSql(catalog, `${catalog}.oid`)} JOIN pg_namespace n ON n.oid = ${schema} WHERE ${buildIsOwnSchemaSql('n')}`,
  ),
  ...CATALOGS_BY_TABLE.map(
    ([catalog, table, key]) =>
      `${buildRowMarkSql(catalog, key.replace(/^oid$/, `${catalog}.oid`))} JOIN own ON own.oid = ${table}`,
  ),
  ...STANDALONE_CATALOGS.map((catalog) => buildRowMarkSql(catalog, `${catalog}.oid`)),
].join('\nUNION ALL\n')}) AS marks`;
