/** Whether somebody changed the schema while it was read. */
import { OWN_SCHEMA } from './kind';

/** Catalogues by how their rows lead to a schema: those of temporary tables come and go all the time. */
const BY_SCHEMA = [
  ['pg_class', 'relnamespace'],
  ['pg_proc', 'pronamespace'],
  ['pg_type', 'typnamespace'],
] as const;
const BY_TABLE = [
  ['pg_attribute', 'attrelid', 'attrelid::int8 * 2048 + attnum'],
  ['pg_attrdef', 'adrelid', 'oid'],
  ['pg_constraint', 'conrelid', 'oid'],
  ['pg_index', 'indrelid', 'indexrelid'],
  ['pg_trigger', 'tgrelid', 'oid'],
  ['pg_policy', 'polrelid', 'oid'],
  ['pg_rewrite', 'ev_class', 'oid'],
  ['pg_sequence', 'seqrelid', 'seqrelid'],
] as const;
const ALONE = ['pg_namespace', 'pg_enum', 'pg_extension'] as const;

/** A row that is written anew has another xmin; that of VACUUM and ANALYZE stays. */
const mark = (catalogue: string, key: string): string =>
  `SELECT pg_catalog.hashint8((${key})::int8 # (${catalogue}.xmin::text::int8 << 31))::int8 AS h FROM ${catalogue}`;

/** One row: `version` of the server, and `mark`, the same as long as no object of the application is made, changed or dropped. */
export const FINGERPRINT = `WITH own AS (SELECT c.oid FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE ${OWN_SCHEMA('n')} AND c.relkind NOT IN ('t', 'i', 'I'))
SELECT count(*) || ' ' || sum(h) AS mark, current_setting('server_version_num')::int AS version FROM (
${[
  ...BY_SCHEMA.map(
    ([catalogue, schema]) =>
      `${mark(catalogue, `${catalogue}.oid`)} JOIN pg_namespace n ON n.oid = ${schema} WHERE ${OWN_SCHEMA('n')}`,
  ),
  ...BY_TABLE.map(
    ([catalogue, table, key]) =>
      `${mark(catalogue, key.replace(/^oid$/, `${catalogue}.oid`))} JOIN own ON own.oid = ${table}`,
  ),
  ...ALONE.map((catalogue) => mark(catalogue, `${catalogue}.oid`)),
].join('\nUNION ALL\n')}) AS marks`;
