import { buildIsOwnSchemaSql, buildNotExtensionMemberSql, type ObjectKind } from './kind';

/** A collation that the application created, or a built-in one that a column or an index uses. */
export interface Collation {
  readonly schema: string;
  readonly name: string;
  readonly provider: 'libc' | 'icu' | 'builtin' | 'default';
  /** Locale such as `en_US.utf8`, or ICU's name for it. */
  readonly locale?: string;
  readonly nondeterministic?: true;
  /**
   * Version of the collation library when the collation was created or last refreshed. Indexes are sorted by this
   * version.
   */
  readonly version?: string;
  /**
   * Version of the collation library that is installed now. If it differs from `version`, indexes may be out of order.
   */
  readonly actualVersion?: string;
}

/** Returns the SQL that names a provider by its letter in pg_collation.collprovider or pg_database.datlocprovider. */
export const buildProviderSql = (code: string): string =>
  `CASE ${code} WHEN 'c' THEN 'libc' WHEN 'i' THEN 'icu' WHEN 'b' THEN 'builtin' ELSE 'default' END`;

const buildLocaleSql = (major: number): string =>
  major >= 17
    ? 'coalesce(l.colllocale, l.collcollate)'
    : major >= 15
      ? 'coalesce(l.colliculocale, l.collcollate)'
      : 'l.collcollate';

export const collations: ObjectKind<Collation> = {
  namedBy: ['schema', 'name'],
  sql: (
    major,
  ) => `SELECT n.nspname AS schema, l.collname AS name, ${buildProviderSql('l.collprovider')} AS provider,
    ${buildLocaleSql(major)} AS locale, NOT l.collisdeterministic AS nondeterministic, l.collversion AS version,
    pg_collation_actual_version(l.oid) AS "actualVersion"
  FROM pg_collation l
  JOIN pg_namespace n ON n.oid = l.collnamespace
  WHERE (${buildIsOwnSchemaSql('n')} AND ${buildNotExtensionMemberSql('pg_collation', 'l.oid')})
    OR (l.collprovider <> 'd' AND n.nspname = 'pg_catalog' AND l.oid IN (
      SELECT a.attcollation FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
        JOIN pg_namespace cn ON cn.oid = c.relnamespace WHERE a.attcollation NOT IN (0, 100) AND NOT a.attisdropped AND ${buildIsOwnSchemaSql('cn')}
      UNION SELECT unnest(i.indcollation::oid[]) FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid
        JOIN pg_namespace cn ON cn.oid = c.relnamespace WHERE ${buildIsOwnSchemaSql('cn')}))`,
};
