/** Reads the schema of an SQLite database, without its rows. Names keep their original spelling. */
import type { Database, SQLiteValue } from 'node-sqlite3-wasm';
import { quoteIdentifier } from '../../../../lambda/sql/quote';

export interface SqliteSchema {
  readonly tables: readonly SqliteTable[];
  readonly views: readonly SqliteObject[];
  readonly triggers: readonly (SqliteObject & { readonly table: string })[];
  /** Names of virtual tables, which an SQLite module implements, such as full-text search. */
  readonly virtual: readonly string[];
}

export interface SqliteObject {
  readonly name: string;
  /** Definition in SQLite's SQL dialect. */
  readonly sql: string;
}

export interface SqliteTable extends SqliteObject {
  readonly columns: readonly SqliteColumn[];
  readonly indexes: readonly SqliteIndex[];
  readonly foreignKeys: readonly SqliteForeignKey[];
  /** Exact number of rows; `null` if they cannot be counted. */
  readonly rows: number | null;
  /** Column that numbers the rows automatically, and the last number that it assigned. */
  readonly numbered: { readonly column: string; readonly last: bigint | null } | null;
}

export interface SqliteColumn {
  readonly name: string;
  /** Declared type; often empty. */
  readonly type: string;
  readonly notNull: boolean;
  readonly default: string | null;
  readonly generated: boolean;
}

export interface SqliteIndex {
  /** CREATE INDEX statement; `null` if a constraint created the index. */
  readonly sql: string | null;
  readonly name: string;
  readonly unique: boolean;
  readonly primary: boolean;
  /** Key columns; `name` is `null` for an expression. */
  readonly columns: readonly { readonly name: string | null; readonly ignoresCase: boolean }[];
}

export interface SqliteForeignKey {
  readonly columns: readonly string[];
  readonly table: string;
  /** Referenced columns; empty if they are the primary key. */
  readonly to: readonly string[];
  readonly onDelete: string;
  readonly onUpdate: string;
}

type SqliteRow = Record<string, SQLiteValue>;

/** Reads the schema of an SQLite file. @throws {Error} SQLite3Error of node-sqlite3-wasm if the file is damaged */
export function readSqliteSchema(db: Database): SqliteSchema {
  const ask = (sql: string, values: readonly string[] = []): SqliteRow[] =>
    db.all(sql, [...values]) as SqliteRow[];
  const objects = ask(
    "SELECT type, name, tbl_name, sql FROM sqlite_schema WHERE name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY name",
  );
  const kinds = ask("SELECT name, type, wr FROM pragma_table_list WHERE schema = 'main'");
  const findKind = (name: string): SqliteRow | undefined =>
    kinds.find((each) => readText(each.name) === name);
  const of = (type: string): SqliteRow[] => objects.filter((each) => readText(each.type) === type);
  const last = readAutoincrements(ask);
  return {
    tables: of('table')
      .filter(({ name }) => readText(findKind(readText(name))?.type) === 'table')
      .map(({ name, sql }) =>
        readTable(ask, readText(name), readText(sql), Number(findKind(readText(name))?.wr) === 1, last),
      ),
    views: of('view').map(({ name, sql }) => ({ name: readText(name), sql: readText(sql) })),
    triggers: of('trigger').map(({ name, sql, tbl_name }) => ({
      name: readText(name),
      sql: readText(sql),
      table: readText(tbl_name),
    })),
    virtual: kinds.filter(({ type }) => readText(type) === 'virtual').map(({ name }) => readText(name)),
  };
}

type QuerySqlite = (sql: string, values?: readonly string[]) => SqliteRow[];
const readText = (value: SQLiteValue | undefined): string => (typeof value === 'string' ? value : '');

/** Returns the last numbers of the tables with AUTOINCREMENT, which never assigns a number twice. */
function readAutoincrements(ask: QuerySqlite): ReadonlyMap<string, bigint> {
  if (ask("SELECT 1 AS x FROM sqlite_schema WHERE name = 'sqlite_sequence'").length === 0) return new Map();
  return new Map(
    ask('SELECT name, CAST(seq AS TEXT) AS seq FROM sqlite_sequence').map(({ name, seq }) => [
      readText(name),
      BigInt(readText(seq) || 0),
    ]),
  );
}

function readTable(
  ask: QuerySqlite,
  name: string,
  sql: string,
  withoutRowid: boolean,
  given: ReadonlyMap<string, bigint>,
): SqliteTable {
  const all = ask(
    'SELECT name, type, "notnull" AS nn, dflt_value AS def, pk, hidden FROM pragma_table_xinfo(?)',
    [name],
  );
  const keys = all.filter(({ pk }) => Number(pk) > 0).sort((a, b) => Number(a.pk) - Number(b.pk));
  const [only] = keys;
  const number =
    keys.length === 1 && !withoutRowid && /^integer$/i.test(readText(only!.type))
      ? readText(only!.name)
      : null;
  const indexes = readIndexes(ask, name);
  return {
    name,
    sql,
    columns: all.map((each) => ({
      name: readText(each.name),
      type: readText(each.type),
      notNull: Number(each.nn) === 1 || Number(each.pk) > 0,
      default: typeof each.def === 'string' ? each.def : null,
      generated: Number(each.hidden) > 1,
    })),
    indexes: [
      // An INTEGER PRIMARY KEY is the table's rowid and has no index of its own.
      ...(keys.length > 0 && !indexes.some(({ primary }) => primary)
        ? [
            {
              sql: null,
              name: '',
              unique: true,
              primary: true,
              columns: keys.map((each) => ({ name: readText(each.name), ignoresCase: false })),
            },
          ]
        : []),
      ...indexes,
    ],
    foreignKeys: readForeignKeys(ask, name),
    rows: readCount(ask, `SELECT CAST(count(*) AS TEXT) AS n FROM ${quoteIdentifier(name)}`),
    numbered: number === null ? null : { column: number, last: readLastNumber(ask, name, number, given) },
  };
}

function readCount(ask: QuerySqlite, sql: string): number | null {
  try {
    return Number(readText(ask(sql)[0]?.n));
  } catch {
    return null;
  }
}

function readLastNumber(
  ask: QuerySqlite,
  table: string,
  column: string,
  given: ReadonlyMap<string, bigint>,
): bigint | null {
  const [row] = ask(
    `SELECT CAST(max(${quoteIdentifier(column)}) AS TEXT) AS n FROM ${quoteIdentifier(table)}`,
  );
  const highest = readText(row?.n);
  const before = given.get(table) ?? 0n;
  if (highest === '') return before > 0n ? before : null;
  return BigInt(highest) > before ? BigInt(highest) : before;
}

function readIndexes(ask: QuerySqlite, table: string): SqliteIndex[] {
  return ask(
    'SELECT l.name, l."unique" AS u, l.origin, s.sql FROM pragma_index_list(?) AS l LEFT JOIN sqlite_schema AS s ON s.name = l.name ORDER BY l.name',
    [table],
  ).map(({ name, u, origin, sql }) => ({
    name: readText(name),
    sql: typeof sql === 'string' ? sql : null,
    unique: Number(u) === 1,
    primary: readText(origin) === 'pk',
    columns: ask('SELECT name, coll FROM pragma_index_xinfo(?) WHERE key = 1 ORDER BY seqno', [
      readText(name),
    ]).map((each) => ({
      name: typeof each.name === 'string' ? each.name : null,
      ignoresCase: readText(each.coll) === 'NOCASE',
    })),
  }));
}

function readForeignKeys(ask: QuerySqlite, table: string): SqliteForeignKey[] {
  const rows = ask(
    'SELECT id, "table" AS t, "from" AS f, "to" AS r, on_delete AS d, on_update AS u FROM pragma_foreign_key_list(?) ORDER BY id, seq',
    [table],
  );
  const ids = [...new Set(rows.map(({ id }) => Number(id)))];
  return ids.map((id) => {
    const own = rows.filter((each) => Number(each.id) === id);
    const [first] = own as [SqliteRow];
    return {
      table: readText(first.t),
      columns: own.map(({ f }) => readText(f)),
      to: own.flatMap(({ r }) => (typeof r === 'string' ? [r] : [])),
      onDelete: readText(first.d),
      onUpdate: readText(first.u),
    };
  });
}
