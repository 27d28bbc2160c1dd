/** How many rows each table has: what the server believes, or counted. */
import type { Database } from '../postgres/database';
import { PINNED_PATH } from '../postgres/pinned';
import { OWN_RELATION, type Reference } from './catalogue/kind';
import { MAY_NOT_READ, type NotSeen, ROWS, whyRefused } from './not-seen';
import { askEach, type Question, relation } from './short-transactions';

/** Of a table or a partition; the rows of a partitioned table are those of its partitions. */
export interface RowCount extends Reference {
  readonly rows: number;
  /** Counted; otherwise an estimate of the last VACUUM or ANALYZE. */
  readonly exact?: true;
}

interface TableRow {
  readonly schema: string;
  readonly name: string;
  /** Null where it was never analysed. */
  readonly estimate: string | null;
  readonly pages: number;
  readonly readable: boolean | null;
}

/** −1 says that nobody looked; before PostgreSQL 14, 0 says that or that there are none. */
const TABLES = `SELECT n.nspname AS schema, c.relname AS name,
    CASE WHEN c.reltuples > 0 OR (c.reltuples = 0 AND current_setting('server_version_num')::int >= 140000)
      THEN c.reltuples::int8::text END AS estimate, c.relpages AS pages,
    has_schema_privilege(n.oid, 'USAGE') AND has_any_column_privilege(c.oid, 'SELECT') AS readable
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE ${OWN_RELATION('r')}
  ORDER BY n.nspname COLLATE "C", c.relname COLLATE "C"`;

export const COUNT_TIMEOUT_MS = 60_000;
/** Pages of 8 KB that are counted while the locks of a group are held: some milliseconds. */
const PAGES_AT_ONCE = 2_000;
/** What a table may have that was never analysed. */
const UNKNOWN_PAGES = 20;

export interface Rows {
  readonly rows: readonly RowCount[];
  readonly notSeen: readonly NotSeen[];
}

/** Touches no table. */
export async function estimateRows(db: Database): Promise<Rows> {
  const tables = await listTables(db);
  return {
    rows: tables.flatMap(({ schema, name, estimate }) =>
      estimate === null ? [] : [{ schema, name, rows: Number(estimate) }],
    ),
    notSeen: tables
      .filter(({ estimate }) => estimate === null)
      .map(({ schema, name }) => notSeen({ schema, name }, 'it was never analysed, and not counted')),
  };
}

/** Reads every table. With row security on, a count would be silently too low: then it is refused. */
export async function countRows(db: Database): Promise<Rows> {
  const tables = await listTables(db);
  const questions = tables
    .filter(({ readable }) => readable)
    .map(
      ({ schema, name, estimate, pages }): Question => ({
        of: { schema, name },
        sql: `SELECT count(*)::text AS count FROM ONLY ${relation({ schema, name })}`,
        weight: estimate === null ? Math.max(pages, UNKNOWN_PAGES) : pages,
      }),
    );
  const { answered, refused } = await askEach<{ count: string }>([db], questions, {
    weight: PAGES_AT_ONCE,
    timeoutMs: COUNT_TIMEOUT_MS,
    settings: { row_security: 'off' },
  });
  return {
    rows: answered.map(({ of, row }) => ({ ...of, rows: Number(row.count), exact: true })),
    notSeen: [
      ...tables
        .filter(({ readable }) => !readable)
        .map(({ schema, name }) => notSeen({ schema, name }, MAY_NOT_READ)),
      ...refused.map(({ of, sqlstate }) => notSeen(of, whyRefused(sqlstate, COUNT_TIMEOUT_MS))),
    ],
  };
}

const listTables = (db: Database): Promise<readonly TableRow[]> =>
  db.query<TableRow & Record<string, unknown>>(TABLES, [], {
    search_path: PINNED_PATH,
    lock_timeout: '50',
    statement_timeout: '60000',
  });

const notSeen = (of: Reference, why: string): NotSeen => ({ what: ROWS, of, why });
