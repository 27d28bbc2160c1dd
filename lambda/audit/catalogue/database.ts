import { PROVIDER } from './collations';
import type { Kind } from './kind';

/** Of the database as a whole, and of its server. */
export interface DatabaseProperties {
  readonly name: string;
  /** `18.4` */
  readonly serverVersion: string;
  /** 180004 */
  readonly serverVersionNumber: number;
  /** `UTF8`; empty, as the next two, where the source was a file that does not tell. */
  readonly encoding: string;
  /** LC_COLLATE */
  readonly collate: string;
  /** LC_CTYPE */
  readonly ctype: string;
  /** PostgreSQL 15. @default - libc */
  readonly localeProvider?: 'libc' | 'icu' | 'builtin';
  /** Of ICU and of the builtin provider. */
  readonly locale?: string;
  /** PostgreSQL 15: as {@link Collation.version}. None under the locale C: nothing depends on a library. */
  readonly collationVersion?: string;
  readonly actualCollationVersion?: string;
}

const localeOf = (major: number): string => (major >= 17 ? 'd.datlocale' : 'd.daticulocale');

export const database: Kind<DatabaseProperties> = {
  namedBy: ['name'],
  sql: (
    major,
  ) => `SELECT d.datname AS name, split_part(current_setting('server_version'), ' ', 1) AS "serverVersion",
    current_setting('server_version_num')::int AS "serverVersionNumber",
    pg_encoding_to_char(d.encoding) AS encoding, d.datcollate AS collate, d.datctype AS ctype
    ${
      major >= 15
        ? `, ${PROVIDER('d.datlocprovider')} AS "localeProvider", ${localeOf(major)} AS locale,
           d.datcollversion AS "collationVersion",
           CASE WHEN d.datcollversion IS NOT NULL THEN pg_database_collation_actual_version(d.oid) END AS "actualCollationVersion"`
        : ''
    }
  FROM pg_database d WHERE d.datname = current_database()`,
};
