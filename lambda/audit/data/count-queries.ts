/**
 * Counts rows of the target. Small tables, and single rows or index lookups in others, are always read. Whole large
 * tables are read only with --full-scan.
 */
import { type Database, SqlError } from '../../postgres/database';
import type { Reference } from '../catalog/kind';
import { joinKey } from '../names';
import { describeRefusal, MAY_NOT_READ_REASON, type NotCheckedItem } from '../not-checked';
import {
  buildSettings,
  distributeWork,
  MAX_RELATIONS_PER_TRANSACTION,
  type RelationQuery,
  runEachQuery,
  type Sessions,
  STATEMENT_MARK,
} from '../short-transactions';

export interface ScanDepth {
  /** Read tables of any size. */
  readonly fullScan: boolean;
  /** Results of {@link inspectTables} by table, so that each table is looked up once. */
  readonly looks: Map<string, TableInspection>;
}

/** Tables of up to 8 MB are read within milliseconds. */
const MAX_SMALL_TABLE_BYTES = 8 * 1024 * 1024;
const COUNT_TIMEOUT_MS = 5_000;
const FULL_SCAN_TIMEOUT_MS = 10 * 60_000;

/** A count that reads a whole table. */
export interface CountQuery<T> {
  readonly about: T;
  readonly table: Reference;
  /** SELECT of one column `count` as text. */
  readonly sql: string;
}

export interface CountResult<T> {
  readonly counts: readonly { readonly about: T; readonly count: number }[];
  readonly notChecked: readonly NotCheckedItem[];
}

/**
 * Runs the counts.
 * @param what the counted thing, for tables that could not be checked: `duplicates`
 */
export async function runCountQueries<T>(
  sessions: Sessions,
  what: string,
  wanted: readonly CountQuery<T>[],
  { fullScan, looks }: ScanDepth,
): Promise<CountResult<T>> {
  await inspectTables(
    sessions,
    wanted.map(({ table }) => table),
    looks,
  );
  const getInspection = ({ table: { schema, name } }: CountQuery<T>): TableInspection =>
    looks.get(joinKey(schema, name)) ?? DROPPED_TABLE;
  const asked = wanted.filter((each) => findSkipReason(getInspection(each), fullScan) === null);
  const timeoutMs = fullScan ? FULL_SCAN_TIMEOUT_MS : COUNT_TIMEOUT_MS;
  // Each question gets its own name, since a table may have several.
  const questions = asked.map(
    (each, i): RelationQuery => ({
      of: { schema: '', name: String(i) },
      sql: each.sql,
      weight: fullScan ? MAX_SMALL_TABLE_BYTES : getInspection(each).bytes,
    }),
  );
  const { answered, refused } = await runEachQuery<{ count: string }>(sessions, questions, {
    timeoutMs,
    weight: MAX_SMALL_TABLE_BYTES,
    settings: { row_security: 'off', ...SEQUENTIAL_SCAN_SETTINGS },
  });
  return {
    counts: answered.map(({ of, row }) => ({
      about: asked[Number(of.name)]!.about,
      count: Number(row.count),
    })),
    notChecked: [
      ...wanted.flatMap((each) => {
        const why = findSkipReason(getInspection(each), fullScan);
        return why === null ? [] : [{ what, of: each.table, why }];
      }),
      ...refused.map(({ of, sqlstate, code }) => ({
        what,
        of: asked[Number(of.name)]!.table,
        why: describeRefusal(sqlstate, timeoutMs, code),
      })),
    ],
  };
}

/** A damaged index would return what it contains, not what the table contains. */
const SEQUENTIAL_SCAN_SETTINGS = {
  enable_indexscan: 'off',
  enable_indexonlyscan: 'off',
  enable_bitmapscan: 'off',
};

const TOO_LARGE_REASON = 'the table is larger than 8 MB; --full-scan reads it';

/** Facts about a table that are read before its rows. */
export interface TableInspection {
  readonly bytes: number;
  /** Reason why the table cannot be read, or null. */
  readonly why: string | null;
}

const DROPPED_TABLE: TableInspection = { bytes: 0, why: describeRefusal('42P01', COUNT_TIMEOUT_MS) };

const findSkipReason = ({ bytes, why }: TableInspection, fullScan: boolean): string | null =>
  why ?? (fullScan || bytes <= MAX_SMALL_TABLE_BYTES ? null : TOO_LARGE_REASON);

/** One query for a group of tables, since planning a query for each would take the server longer than running it. */
const INSPECT_TABLES_SQL = `SELECT asked.i::int AS ${STATEMENT_MARK}, pg_table_size(c.oid)::text AS bytes,
    has_schema_privilege(n.oid, 'USAGE') AND has_any_column_privilege(c.oid, 'SELECT') AS readable
  FROM unnest($1::name[], $2::name[]) WITH ORDINALITY AS asked (schema, name, i)
  JOIN pg_namespace n ON n.nspname = asked.schema JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = asked.name`;

/** Reads the current sizes of tables. The catalog's own numbers date from the last VACUUM. */
async function inspectTables(
  sessions: Sessions,
  tables: readonly Reference[],
  looks: Map<string, TableInspection>,
): Promise<void> {
  const look = async (db: Database, group: readonly Reference[]): Promise<void> => {
    try {
      const rows = await db.query<{ [STATEMENT_MARK]: number; bytes: string | null; readable: boolean }>(
        INSPECT_TABLES_SQL,
        [group.map(({ schema }) => schema), group.map(({ name }) => name)],
        buildSettings(group.length, COUNT_TIMEOUT_MS),
      );
      for (const { [STATEMENT_MARK]: i, bytes, readable } of rows) {
        const { schema, name } = group[i - 1]!;
        if (bytes !== null)
          looks.set(joinKey(schema, name), {
            bytes: Number(bytes),
            why: readable ? null : MAY_NOT_READ_REASON,
          });
      }
    } catch (error) {
      if (!(error instanceof SqlError)) throw error;
      const [{ schema, name }] = group as readonly [Reference];
      if (group.length === 1)
        looks.set(joinKey(schema, name), {
          bytes: 0,
          why: describeRefusal(error.sqlstate, COUNT_TIMEOUT_MS),
        });
      else for (const each of group) await look(db, [each]);
    }
  };
  const once = new Map(tables.map((of) => [joinKey(of.schema, of.name), of]));
  const open = [...once].flatMap(([name, of]) => (looks.has(name) ? [] : [of]));
  const groups: Reference[][] = [];
  for (let from = 0; from < open.length; from += MAX_RELATIONS_PER_TRANSACTION)
    groups.push(open.slice(from, from + MAX_RELATIONS_PER_TRANSACTION));
  await distributeWork(groups, sessions, look);
}

/** Returns the tables that have no rows. */
export async function findEmptyTables(
  sessions: Sessions,
  tables: readonly Reference[],
): Promise<{ readonly empty: readonly Reference[]; readonly notChecked: readonly NotCheckedItem[] }> {
  const { answered, refused } = await runEachQuery<{ filled: boolean }>(
    sessions,
    tables.map((of) => ({ of, sql: `SELECT EXISTS (SELECT FROM ONLY ${quoteReference(of)}) AS filled` })),
    { timeoutMs: COUNT_TIMEOUT_MS, settings: { row_security: 'off' } },
  );
  return {
    empty: answered.filter(({ row }) => !row.filled).map(({ of }) => of),
    notChecked: refused.map(({ of, sqlstate, code }) => ({
      what: 'whether a table has rows',
      of,
      why: describeRefusal(sqlstate, COUNT_TIMEOUT_MS, code),
    })),
  };
}

export const quoteReference = ({ schema, name }: Reference): string =>
  [schema, name].map((each) => `"${each.replaceAll('"', '""')}"`).join('.');
