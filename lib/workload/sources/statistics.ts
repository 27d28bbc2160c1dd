/** What pg_stat_statements holds of one database: also of one that is left behind. Read only. */
import type { Database } from '../../../lambda/postgres/database';
import { quoteIdentifier } from '../../../lambda/sql/quote';
import type { Sent } from '../workload';

export interface Statistics {
  readonly sent: readonly Sent[];
  /** Statements of other roles that the role may not see. */
  readonly hidden: number;
  /** Who asked. */
  readonly role: string;
}

/** As pg_stat_statements writes where the text is not for the one who asks. */
const HIDDEN = '<insufficient privilege>';
/** Those who run the service, not the application. */
const OF_THE_SERVICE = ['rdsadmin', 'rdsproxyadmin', 'rdsrepladmin', 'rdstopmgr'];

/**
 * The entry of a role's search path that counts in a session of this database, as the server looks for it: of role and
 * database, of the role, of the database, else the server's own. What the application sets itself is not in there.
 * https://www.postgresql.org/docs/current/catalog-pg-db-role-setting.html
 */
const SEARCH_PATH = `
  (SELECT pg_catalog.substr(setting, pg_catalog.length('search_path=') + 1)
   FROM pg_catalog.pg_db_role_setting d, pg_catalog.unnest(d.setconfig) AS setting
   WHERE d.setrole IN (s.userid, 0) AND d.setdatabase IN (s.dbid, 0)
     AND pg_catalog.starts_with(setting, 'search_path=')
   ORDER BY (d.setrole <> 0) DESC, (d.setdatabase <> 0) DESC LIMIT 1)`;

/**
 * @throws {NoStatistics} where the extension is missing
 * @throws {SqlError}
 */
export async function readStatistics(db: Database): Promise<Statistics> {
  const [extension] = await db.query<{ schema: string; role: string }>(
    `SELECT n.nspname AS schema, current_user::text AS role FROM pg_catalog.pg_extension e
     JOIN pg_catalog.pg_namespace n ON n.oid = e.extnamespace WHERE e.extname = 'pg_stat_statements'`,
  );
  if (extension === undefined) throw new NoStatistics();
  const { schema, role } = extension;
  // Values of one read: the view is a snapshot of the moment, and each read of it a new one.
  const rows = await db.query<{ query: string; role: string | null; path: string | null; calls: string }>(
    `SELECT s.query, r.rolname::text AS role, ${SEARCH_PATH} AS path, s.calls::text AS calls
     FROM ${quoteIdentifier(schema)}.pg_stat_statements s
     JOIN pg_catalog.pg_database d ON d.oid = s.dbid
     LEFT JOIN pg_catalog.pg_roles r ON r.oid = s.userid
     WHERE d.datname = pg_catalog.current_database() AND s.query IS NOT NULL
       AND (r.rolname IS NULL OR NOT r.rolname = ANY ($1))`,
    [OF_THE_SERVICE],
  );
  const seen = rows.filter(({ query }) => query !== HIDDEN);
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
    'Add pg_stat_statements to shared_preload_libraries (RDS and Aurora have it there by default), run CREATE EXTENSION ' +
    'pg_stat_statements in this database, and ask again when the application has worked for a while. Or give logs ' +
    '(--log) or files of SQL.';
  constructor() {
    super('the database has no extension pg_stat_statements, so it does not know what was sent to it');
  }
}
