/** Reads the number of rows of each table, as the server's estimate or by counting. */
import type { Database } from '../postgres/database';
import { PINNED_SEARCH_PATH } from '../postgres/pinned-search-path';
import { buildIsOwnRelationSql, type Reference } from './catalog/kind';
import { describeRefusal, MAY_NOT_READ_REASON, type NotCheckedItem, ROWS_NOT_COUNTED } from './not-checked';
import { quoteRelation, type RelationQuery, runEachQuery } from './short-transactions';

/** Row count of a table or a partition. A partitioned table has no rows of its own. */
export interface RowCount extends Reference {
  readonly rows: number;
  /** The rows were counted. If absent, the number is an estimate of the last VACUUM or ANALYZE. */
  readonly exact?: true;
}

interface TableRow {
  readonly schema: string;
  readonly name: string;
  /** Estimated number of rows, or null if the table was never analyzed. */
  readonly estimate: string | null;
  readonly pages: number;
  readonly readable: boolean | null;
}

/** reltuples is −1 if the table was never analyzed. Before PostgreSQL 14, 0 means either that or an empty table. */
const TABLES_SQL = `SELECT n.nspname AS schema, c.relname AS name,
    CASE WHEN c.reltuples > 0 OR (c.reltuples = 0 AND current_setting('server_version_num')::int >= 140000)
      THEN c.reltuples::int8::text END AS estimate, c.relpages AS pages,
    has_schema_privilege(n.oid, 'USAGE') AND has_any_column_privilege(c.oid, 'SELECT') AS readable
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE ${buildIsOwnRelationSql('r')}
  ORDER BY n.nspname COLLATE "C", c.relname COLLATE "C"`;

const COUNT_TIMEOUT_MS = 60_000;
/** Number of 8 KB pages that are counted while the locks of a group are held, which takes some milliseconds. */
const MAX_PAGES_PER_GROUP = 2_000;
/** Assumed number of pages of a table that was never analyzed. */
const DEFAULT_PAGES = 20;

export interface RowCounts {
  readonly rows: readonly RowCount[];
  readonly notChecked: readonly NotCheckedItem[];
}

/** Returns the estimates in the catalog, without reading any table. */
export async function estimateRows(db: Database): Promise<RowCounts> {
  const tables = await listTables(db);
  return {
    rows: tables.flatMap(({ schema, name, estimate }) =>
      estimate === null ? [] : [{ schema, name, rows: Number(estimate) }],
    ),
    notChecked: tables
      .filter(({ estimate }) => estimate === null)
      .map(({ schema, name }) =>
        makeRowsNotChecked({ schema, name }, 'the table was never analyzed, and its rows were not counted'),
      ),
  };
}

/**
 * Counts the rows of every table. If row security would hide rows, the server rejects the query instead of counting too
 * few.
 */
export async function countRows(db: Database): Promise<RowCounts> {
  const tables = await listTables(db);
  const questions = tables
    .filter(({ readable }) => readable)
    .map(
      ({ schema, name, estimate, pages }): RelationQuery => ({
        of: { schema, name },
        sql: `SELECT count(*)::text AS count FROM ONLY ${quoteRelation({ schema, name })}`,
        weight: estimate === null ? Math.max(pages, DEFAULT_PAGES) : pages,
      }),
    );
  const { answered, refused } = await runEachQuery<{ count: string }>([db], questions, {
    weight: MAX_PAGES_PER_GROUP,
    timeoutMs: COUNT_TIMEOUT_MS,
    settings: { row_security: 'off' },
  });
  return {
    rows: answered.map(({ of, row }) => ({ ...of, rows: Number(row.count), exact: true })),
    notChecked: [
      ...tables
        .filter(({ readable }) => !readable)
        .map(({ schema, name }) => makeRowsNotChecked({ schema, name }, MAY_NOT_READ_REASON)),
      ...refused.map(({ of, sqlstate, code }) =>
        makeRowsNotChecked(of, describeRefusal(sqlstate, COUNT_TIMEOUT_MS, code)),
      ),
    ],
  };
}

const listTables = (db: Database): Promise<readonly TableRow[]> =>
  db.query<TableRow & Record<string, unknown>>(TABLES_SQL, [], {
    search_path: PINNED_SEARCH_PATH,
    lock_timeout: '50',
    statement_timeout: '60000',
  });

const makeRowsNotChecked = (of: Reference, why: string): NotCheckedItem => ({
  what: ROWS_NOT_COUNTED,
  of,
  why,
});
