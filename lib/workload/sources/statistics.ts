/**
 * Reads the statements that pg_stat_statements recorded for one database, which may be one that is about to be
 * abandoned. Read-only.
 */
import type { Database } from '../../../lambda/postgres/database';
import { PINNED_SEARCH_PATH } from '../../../lambda/postgres/pinned-search-path';
import { quoteIdentifier } from '../../../lambda/sql/quote';
import type { SentStatement } from '../collect-workload';

export interface WorkloadStatistics {
  readonly sent: readonly SentStatement[];
  /** Number of statements of other roles whose text the current role may not see. */
  readonly hidden: number;
  /** Role that ran the query. */
  readonly role: string;
}

/** Text that pg_stat_statements returns for a statement that the current role may not see. */
const HIDDEN_TEXT = '<insufficient privilege>';
/** Roles of RDS itself, which do not belong to the application. */
const SERVICE_ROLES = ['rdsadmin', 'rdsproxyadmin', 'rdsrepladmin', 'rdstopmgr'];

/**
 * Selects the search path setting that applies to a role's sessions in this database. As in the server, a setting for
 * role and database comes first, then one for the role, then one for the database; without any of them the server's
 * default applies. Search paths that the application sets itself are not visible here.
 * @see https://www.postgresql.org/docs/current/catalog-pg-db-role-setting.html
 */
const SEARCH_PATH_SQL = `
  (SELECT pg_catalog.substr(setting, pg_catalog.length('search_path=') + 1)
   FROM pg_catalog.pg_db_role_setting d, pg_catalog.unnest(d.setconfig) AS setting
   WHERE d.setrole IN (s.userid, 0) AND d.setdatabase IN (s.dbid, 0)
     AND pg_catalog.starts_with(setting, 'search_path=')
   ORDER BY (d.setrole <> 0) DESC, (d.setdatabase <> 0) DESC LIMIT 1)`;

const PINNED_SETTINGS = { search_path: PINNED_SEARCH_PATH, lock_timeout: '50', statement_timeout: '60000' };

/**
 * Reads the statistics from the extension's function instead of its view: anyone can create a view with that name, but
 * only a superuser can create a C function.
 * @throws {NoStatistics} if the extension is missing
 * @throws {SqlError}
 */
export async function readStatistics(db: Database): Promise<WorkloadStatistics> {
  const [extension] = await db.query<{ schema: string; role: string }>(
    `SELECT n.nspname AS schema, current_user AS role FROM pg_catalog.pg_proc p
     JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
     JOIN pg_catalog.pg_language l ON l.oid = p.prolang AND l.lanname = 'c'
     JOIN pg_catalog.pg_depend d ON d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass AND d.objid = p.oid AND d.deptype = 'e'
     JOIN pg_catalog.pg_extension e ON d.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass AND e.oid = d.refobjid
     WHERE e.extname = 'pg_stat_statements' AND p.proname = 'pg_stat_statements'`,
    [],
    PINNED_SETTINGS,
  );
  if (extension === undefined) throw new NoStatistics();
  const { schema, role } = extension;
  // All values come from a single query, because each read of the view is a new snapshot.
  const rows = await db.query<{ query: string; role: string | null; path: string | null; calls: string }>(
    `SELECT s.query, r.rolname::text AS role, ${SEARCH_PATH_SQL} AS path, s.calls::text AS calls
     FROM ${quoteIdentifier(schema)}.pg_stat_statements(true) s
     JOIN pg_catalog.pg_database d ON d.oid = s.dbid
     LEFT JOIN pg_catalog.pg_roles r ON r.oid = s.userid
     WHERE d.datname = pg_catalog.current_database() AND s.query IS NOT NULL
       AND (r.rolname IS NULL OR NOT r.rolname = ANY ($1))`,
    [SERVICE_ROLES],
    PINNED_SETTINGS,
  );
  const seen = rows.filter(({ query }) => query !== HIDDEN_TEXT);
  return {
    sent: seen.map((row) => ({
      sql: row.query,
      role: row.role,
      searchPath: row.path,
      calls: Number(row.calls),
    })),
    hidden: rows.length - seen.length,
    role,
  };
}

export class NoStatistics extends Error {
  override readonly name = 'NoStatistics';
  readonly remedy =
    'Add pg_stat_statements to shared_preload_libraries (the default on RDS and Aurora), run CREATE EXTENSION ' +
    'pg_stat_statements in this database, and try again after the application has run for a while. Or give logs ' +
    '(--log) or files of SQL.';
  constructor() {
    super('the database has no extension pg_stat_statements, so the statements sent to it are unknown');
  }
}
