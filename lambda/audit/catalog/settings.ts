import type { ObjectKind } from './kind';

/** A setting made by ALTER ROLE … SET or ALTER DATABASE … SET that applies to sessions of this database. */
export interface Setting {
  /**
   * Role that the setting applies to.
   * @default - every role
   */
  readonly role?: string;
  /** The setting applies in this database only. */
  readonly inDatabase?: true;
  readonly name: string;
  readonly value: string;
}

/** Settings that change what a statement means. Others may hold a secret (`app.jwt_secret`) and are not read. */
const RELEVANT_SETTINGS = [
  'array_nulls',
  'backslash_quote',
  'bytea_output',
  'client_encoding',
  'datestyle',
  'default_tablespace',
  'default_table_access_method',
  'default_text_search_config',
  'default_transaction_deferrable',
  'default_transaction_isolation',
  'default_transaction_read_only',
  'extra_float_digits',
  'intervalstyle',
  'lc_messages',
  'lc_monetary',
  'lc_numeric',
  'lc_time',
  'quote_all_identifiers',
  'role',
  'row_security',
  'search_path',
  'session_replication_role',
  'standard_conforming_strings',
  'timezone',
  'timezone_abbreviations',
  'transform_null_equals',
  'xmlbinary',
  'xmloption',
] as const;

export const settings: ObjectKind<Setting> = {
  namedBy: ['role', 'name', 'inDatabase'],
  sql: () => `SELECT role, "inDatabase", name, value FROM (
    SELECT CASE WHEN s.setrole <> 0 THEN pg_get_userbyid(s.setrole) END AS role, s.setdatabase <> 0 AS "inDatabase",
      split_part(line, '=', 1) AS name, substr(line, strpos(line, '=') + 1) AS value
    FROM pg_db_role_setting s, unnest(s.setconfig) AS line
    WHERE s.setdatabase IN (0, (SELECT d.oid FROM pg_database d WHERE d.datname = current_database()))) AS lines
  WHERE lower(name) IN (${RELEVANT_SETTINGS.map((name) => `'${name}'`).join(', ')})`,
};
