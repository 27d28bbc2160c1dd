import type { Kind } from './kind';

/** What ALTER ROLE … SET and ALTER DATABASE … SET say, for sessions of this database. */
export interface Setting {
  /** @default - every role */
  readonly role?: string;
  /** In this database alone. */
  readonly inDatabase?: true;
  readonly name: string;
  readonly value: string;
}

/** Those that change what a statement means. Any other may hold a secret (`app.jwt_secret`) and is left out. */
export const SETTINGS_THAT_MATTER = [
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

export const settings: Kind<Setting> = {
  namedBy: ['role', 'name', 'inDatabase'],
  sql: () => `SELECT role, "inDatabase", name, value FROM (
    SELECT CASE WHEN s.setrole <> 0 THEN pg_get_userbyid(s.setrole) END AS role, s.setdatabase <> 0 AS "inDatabase",
      split_part(line, '=', 1) AS name, substr(line, strpos(line, '=') + 1) AS value
    FROM pg_db_role_setting s, unnest(s.setconfig) AS line
    WHERE s.setdatabase IN (0, (SELECT d.oid FROM pg_database d WHERE d.datname = current_database()))) AS lines
  WHERE lower(name) IN (${SETTINGS_THAT_MATTER.map((name) => `'${name}'`).join(', ')})`,
};
