/** What an SQLite database is, without its rows; names as they are spelled there. */
import type { Database, SQLiteValue } from 'node-sqlite3-wasm';
import { quoteIdentifier } from '../../../../lambda/sql/quote';

export interface SqliteSchema {
  readonly tables: readonly SqliteTable[];
  readonly views: readonly SqliteObject[];
  readonly triggers: readonly (SqliteObject & { readonly table: string })[];
  /** Made by a module of SQLite, a full text search say. */
  readonly virtual: readonly string[];
}

export interface SqliteObject {
  readonly name: string;
  /** In SQLite's language. */
  readonly sql: string;
}

export interface SqliteTable extends SqliteObject {
  readonly columns: readonly SqliteColumn[];
  readonly indexes: readonly SqliteIndex[];
  readonly foreignKeys: readonly SqliteForeignKey[];
  /** Counted; null where they cannot be. */
  readonly rows: number | null;
  /** The column that numbers the rows by itself, and the last number that it gave. */
  readonly numbered: { readonly column: string; readonly last: bigint | null } | null;
}

export interface SqliteColumn {
  readonly name: string;
  /** As it was declared; often empty. */
  readonly type: string;
  readonly notNull: boolean;
  readonly default: string | null;
  readonly generated: boolean;
}

export interface SqliteIndex {
  /** None where a constraint made it. */
  readonly sql: string | null;
  readonly name: string;
  readonly unique: boolean;
  readonly primary: boolean;
  /** Null for an expression. */
  readonly columns: readonly { readonly name: string | null; readonly ignoresCase: boolean }[];
}

export interface SqliteForeignKey {
  readonly columns: readonly string[];
  readonly table: string;
  /** None where it is the primary key. */
  readonly to: readonly string[];
  readonly onDelete: string;
  readonly onUpdate: string;
}

type Row = Record<string, SQLiteValue>;

/** @throws {SQLite3Error} */
export function readSchema(db: Database): SqliteSchema {
  const ask = (sql: string, values: readonly string[] = []): Row[] => db.all(sql, [...values]) as Row[];
  const objects = ask(
    "SELECT type, name, tbl_name, sql FROM sqlite_schema WHERE name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY name",
  );
  const kinds = ask("SELECT name, type, wr FROM pragma_table_list WHERE schema = 'main'");
  const kindOf = (name: string): Row | undefined => kinds.find((each) => text(each.name) === name);
  const of = (type: string): Row[] => objects.filter((each) => text(each.type) === type);
  const last = numbers(ask);
  return {
    tables: of('table')
      .filter(({ name }) => text(kindOf(text(name))?.type) === 'table')
      .map(({ name, sql }) =>
        readTable(ask, text(name), text(sql), Number(kindOf(text(name))?.wr) === 1, last),
      ),
    views: of('view').map(({ name, sql }) => ({ name: text(name), sql: text(sql) })),
    triggers: of('trigger').map(({ name, sql, tbl_name }) => ({
      name: text(name),
      sql: text(sql),
      table: text(tbl_name),
    })),
    virtual: kinds.filter(({ type }) => text(type) === 'virtual').map(({ name }) => text(name)),
  };
}

type Ask = (sql: string, values?: readonly string[]) => Row[];
const text = (value: SQLiteValue | undefined): string => (typeof value === 'string' ? value : '');

/** Of tables with AUTOINCREMENT: numbers that were given once are never given again. */
function numbers(ask: Ask): ReadonlyMap<string, bigint> {
  if (ask("SELECT 1 AS x FROM sqlite_schema WHERE name = 'sqlite_sequence'").length === 0) return new Map();
  return new Map(
    ask('SELECT name, CAST(seq AS TEXT) AS seq FROM sqlite_sequence').map(({ name, seq }) => [
      text(name),
      BigInt(text(seq) || 0),
    ]),
  );
}

function readTable(
  ask: Ask,
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
    keys.length === 1 && !withoutRowid && /^integer$/i.test(text(only!.type)) ? text(only!.name) : null;
  const indexes = readIndexes(ask, name);
  return {
    name,
    sql,
    columns: all.map((each) => ({
      name: text(each.name),
      type: text(each.type),
      notNull: Number(each.nn) === 1 || Number(each.pk) > 0,
      default: typeof each.def === 'string' ? each.def : null,
      generated: Number(each.hidden) > 1,
    })),
    indexes: [
      // A key of whole numbers is the table itself, and has no index.
      ...(keys.length > 0 && !indexes.some(({ primary }) => primary)
        ? [
            {
              sql: null,
              name: '',
              unique: true,
              primary: true,
              columns: keys.map((each) => ({ name: text(each.name), ignoresCase: false })),
            },
          ]
        : []),
      ...indexes,
    ],
    foreignKeys: readForeignKeys(ask, name),
    rows: countOf(ask, `SELECT CAST(count(*) AS TEXT) AS n FROM ${quoteIdentifier(name)}`),
    numbered: number === null ? null : { column: number, last: lastNumber(ask, name, number, given) },
  };
}

function countOf(ask: Ask, sql: string): number | null {
  try {
    return Number(text(ask(sql)[0]?.n));
  } catch {
    return null;
  }
}

function lastNumber(
  ask: Ask,
  table: string,
  column: string,
  given: ReadonlyMap<string, bigint>,
): bigint | null {
  const [row] = ask(
    `SELECT CAST(max(${quoteIdentifier(column)}) AS TEXT) AS n FROM ${quoteIdentifier(table)}`,
  );
  const highest = text(row?.n);
  const before = given.get(table) ?? 0n;
  if (highest === '') return before > 0n ? before : null;
  return BigInt(highest) > before ? BigInt(highest) : before;
}

function readIndexes(ask: Ask, table: string): SqliteIndex[] {
  return ask(
    'SELECT l.name, l."unique" AS u, l.origin, s.sql FROM pragma_index_list(?) AS l LEFT JOIN sqlite_schema AS s ON s.name = l.name ORDER BY l.name',
    [table],
  ).map(({ name, u, origin, sql }) => ({
    name: text(name),
    sql: typeof sql === 'string' ? sql : null,
    unique: Number(u) === 1,
    primary: text(origin) === 'pk',
    columns: ask('SELECT name, coll FROM pragma_index_xinfo(?) WHERE key = 1 ORDER BY seqno', [
      text(name),
    ]).map((each) => ({
      name: typeof each.name === 'string' ? each.name : null,
      ignoresCase: text(each.coll) === 'NOCASE',
    })),
  }));
}

function readForeignKeys(ask: Ask, table: string): SqliteForeignKey[] {
  const rows = ask(
    'SELECT id, "table" AS t, "from" AS f, "to" AS r, on_delete AS d, on_update AS u FROM pragma_foreign_key_list(?) ORDER BY id, seq',
    [table],
  );
  const ids = [...new Set(rows.map(({ id }) => Number(id)))];
  return ids.map((id) => {
    const own = rows.filter((each) => Number(each.id) === id);
    const [first] = own as [Row];
    return {
      table: text(first.t),
      columns: own.map(({ f }) => text(f)),
      to: own.flatMap(({ r }) => (typeof r === 'string' ? [r] : [])),
      onDelete: text(first.d),
      onUpdate: text(first.u),
    };
  });
}
