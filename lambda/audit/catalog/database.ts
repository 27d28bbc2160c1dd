import { buildProviderSql } from './collations';
import type { ObjectKind } from './kind';

/** Properties of the database as a whole and of its server. */
export interface DatabaseProperties {
  readonly name: string;
  /** Version of the server: `18.4`. */
  readonly serverVersion: string;
  /** Version of the server as a number: 180004. */
  readonly serverVersionNumber: number;
  /** Encoding: `UTF8`. Like `collate` and `ctype`, it is empty if the source is a file that does not state it. */
  readonly encoding: string;
  /** The database's LC_COLLATE. */
  readonly collate: string;
  /** The database's LC_CTYPE. */
  readonly ctype: string;
  /**
   * Locale provider (PostgreSQL 15).
   * @default - libc
   */
  readonly localeProvider?: 'libc' | 'icu' | 'builtin';
  /** Locale of the ICU or builtin provider. */
  readonly locale?: string;
  /**
   * Recorded collation version (PostgreSQL 15), see {@link Collation.version}. Undefined under the locale C, which
   * depends on no library.
   */
  readonly collationVersion?: string;
  readonly actualCollationVersion?: string;
  /** Owner of the database. Undefined if the source does not state it. */
  readonly owner?: string;
}

const buildLocaleSql = (major: number): string => (major >= 17 ? 'd.datlocale' : 'd.daticulocale');

export const database: ObjectKind<DatabaseProperties> = {
  namedBy: ['name'],
  sql: (
    major,
  ) => `SELECT d.datname AS name, split_part(current_setting('server_version'), ' ', 1) AS "serverVersion",
    current_setting('server_version_num')::int AS "serverVersionNumber",
    pg_encoding_to_char(d.encoding) AS encoding, d.datcollate AS collate, d.datctype AS ctype,
    pg_get_userbyid(d.datdba)::text AS owner
    ${
      major >= 15
        ? `, ${buildProviderSql('d.datlocprovider')} AS "localeProvider", ${buildLocaleSql(major)} AS locale,
           d.datcollversion AS "collationVersion",
           CASE WHEN d.datcollversion IS NOT NULL THEN pg_database_collation_actual_version(d.oid) END AS "actualCollationVersion"`
        : ''
    }
  FROM pg_database d WHERE d.datname = current_database()`,
};
