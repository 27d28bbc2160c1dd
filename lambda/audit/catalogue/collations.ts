import { type Kind, NO_MEMBER, OWN_SCHEMA } from './kind';

/** One that the application made, or one of the server that a column or an index uses. */
export interface Collation {
  readonly schema: string;
  readonly name: string;
  readonly provider: 'libc' | 'icu' | 'builtin' | 'default';
  /** `en_US.utf8`, or ICU's name. */
  readonly locale?: string;
  readonly nondeterministic?: true;
  /** Of the library when it was made or last refreshed: indexes are sorted by this one. */
  readonly version?: string;
  /** Of the library that is installed now. Another one than `version` means that indexes may be out of order. */
  readonly actualVersion?: string;
}

/** Codes are letters of pg_collation.collprovider and pg_database.datlocprovider. */
export const PROVIDER = (code: string): string =>
  `CASE ${code} WHEN 'c' THEN 'libc' WHEN 'i' THEN 'icu' WHEN 'b' THEN 'builtin' ELSE 'default' END`;

const localeOf = (major: number): string =>
  major >= 17
    ? 'coalesce(l.colllocale, l.collcollate)'
    : major >= 15
      ? 'coalesce(l.colliculocale, l.collcollate)'
      : 'l.collcollate';

export const collations: Kind<Collation> = {
  namedBy: ['schema', 'name'],
  sql: (major) => `SELECT n.nspname AS schema, l.collname AS name, ${PROVIDER('l.collprovider')} AS provider,
    ${localeOf(major)} AS locale, NOT l.collisdeterministic AS nondeterministic, l.collversion AS version,
    pg_collation_actual_version(l.oid) AS "actualVersion"
  FROM pg_collation l
  JOIN pg_namespace n ON n.oid = l.collnamespace
  WHERE (${OWN_SCHEMA('n')} AND ${NO_MEMBER('pg_collation', 'l.oid')})
    OR (l.collprovider <> 'd' AND n.nspname = 'pg_catalog' AND l.oid IN (
      SELECT a.attcollation FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
        JOIN pg_namespace cn ON cn.oid = c.relnamespace WHERE a.attcollation NOT IN (0, 100) AND NOT a.attisdropped AND ${OWN_SCHEMA('cn')}
      UNION SELECT unnest(i.indcollation::oid[]) FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid
        JOIN pg_namespace cn ON cn.oid = c.relnamespace WHERE ${OWN_SCHEMA('cn')}))`,
};
