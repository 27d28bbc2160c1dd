/** What the rows of the target are asked: by index or for a single row, or of small tables; of all only where somebody wants it deep. */
import type { Database } from '../../postgres/database';
import { quoteLiteral } from '../../sql/quote';
import type { Reference } from '../catalogue/kind';
import { key } from '../names';
import { MAY_NOT_READ, type NotSeen, whyRefused } from '../not-seen';
import { askEach, type Question } from '../short-transactions';

export interface Depth {
  /** Tables of any size are read. */
  readonly deep: boolean;
}

/** Of 8 MB, which are read in some milliseconds. */
const SMALL_BYTES = 8 * 1024 * 1024;
const TIMEOUT_MS = 5_000;
const DEEP_TIMEOUT_MS = 10 * 60_000;

/** A count that reads a whole table. */
export interface Count<T> {
  readonly about: T;
  readonly table: Reference;
  /** SELECT of one column `count`, a text. */
  readonly sql: string;
}

export interface Counted<T> {
  readonly counts: readonly { readonly about: T; readonly count: number }[];
  readonly notSeen: readonly NotSeen[];
}

/** @param what of a table, for what is not seen: `duplicates` */
export async function countEach<T>(
  db: Database,
  what: string,
  wanted: readonly Count<T>[],
  { deep }: Depth,
): Promise<Counted<T>> {
  const looks = await lookAt(
    db,
    wanted.map(({ table }) => table),
  );
  const lookOf = ({ table: { schema, name } }: Count<T>): Look => looks.get(key(schema, name)) ?? DROPPED;
  const asked = wanted.filter((each) => whyNot(lookOf(each), deep) === null);
  const timeoutMs = deep ? DEEP_TIMEOUT_MS : TIMEOUT_MS;
  // A name for each, since a table may be asked twice.
  const questions = asked.map(
    (each, i): Question => ({
      of: { schema: '', name: String(i) },
      sql: each.sql,
      weight: deep ? SMALL_BYTES : lookOf(each).bytes,
    }),
  );
  const { answered, refused } = await askEach<{ count: string }>(db, questions, {
    timeoutMs,
    weight: SMALL_BYTES,
    settings: { row_security: 'off', ...WITHOUT_INDEXES },
  });
  return {
    counts: answered.map(({ of, row }) => ({
      about: asked[Number(of.name)]!.about,
      count: Number(row.count),
    })),
    notSeen: [
      ...wanted.flatMap((each) => {
        const why = whyNot(lookOf(each), deep);
        return why === null ? [] : [{ what, of: each.table, why }];
      }),
      ...refused.map(({ of, sqlstate }) => ({
        what,
        of: asked[Number(of.name)]!.table,
        why: whyRefused(sqlstate, timeoutMs),
      })),
    ],
  };
}

/** A damaged index answers what it was built for, not what the table holds. */
const WITHOUT_INDEXES = { enable_indexscan: 'off', enable_indexonlyscan: 'off', enable_bitmapscan: 'off' };

const TOO_LARGE = 'the table is larger than 8 MB; --deep reads it';

/** At a table, before its rows are read. */
interface Look {
  readonly bytes: number;
  /** Why it cannot be read. */
  readonly why: string | null;
}

const DROPPED: Look = { bytes: 0, why: whyRefused('42P01', TIMEOUT_MS) };

const whyNot = ({ bytes, why }: Look, deep: boolean): string | null =>
  why ?? (deep || bytes <= SMALL_BYTES ? null : TOO_LARGE);

/** Their size now: what the catalogue says is of the last VACUUM. */
async function lookAt(db: Database, tables: readonly Reference[]): Promise<ReadonlyMap<string, Look>> {
  const once = new Map(tables.map((of) => [key(of.schema, of.name), of]));
  const { answered, refused } = await askEach<{ bytes: string | null; readable: boolean }>(
    db,
    [...once.values()].map((of) => ({
      of,
      sql: `SELECT pg_table_size(c.oid)::text AS bytes,
          has_schema_privilege(n.oid, 'USAGE') AND has_any_column_privilege(c.oid, 'SELECT') AS readable
        FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE n.nspname = ${quoteLiteral(of.schema)} AND c.relname = ${quoteLiteral(of.name)}`,
    })),
    { timeoutMs: TIMEOUT_MS },
  );
  return new Map([
    ...answered
      .filter(({ row }) => row.bytes !== null)
      .map(({ of, row }): [string, Look] => [
        key(of.schema, of.name),
        { bytes: Number(row.bytes), why: row.readable ? null : MAY_NOT_READ },
      ]),
    ...refused.map(({ of, sqlstate }): [string, Look] => [
      key(of.schema, of.name),
      { bytes: 0, why: whyRefused(sqlstate, TIMEOUT_MS) },
    ]),
  ]);
}

/** Tables of these that have not a single row. */
export async function emptyOf(
  db: Database,
  tables: readonly Reference[],
): Promise<{ readonly empty: readonly Reference[]; readonly notSeen: readonly NotSeen[] }> {
  const { answered, refused } = await askEach<{ filled: boolean }>(
    db,
    tables.map((of) => ({ of, sql: `SELECT EXISTS (SELECT FROM ONLY ${quoted(of)}) AS filled` })),
    { timeoutMs: TIMEOUT_MS, settings: { row_security: 'off' } },
  );
  return {
    empty: answered.filter(({ row }) => !row.filled).map(({ of }) => of),
    notSeen: refused.map(({ of, sqlstate }) => ({
      what: 'whether a table has rows',
      of,
      why: whyRefused(sqlstate, TIMEOUT_MS),
    })),
  };
}

export const quoted = ({ schema, name }: Reference): string =>
  [schema, name].map((each) => `"${each.replaceAll('"', '""')}"`).join('.');
