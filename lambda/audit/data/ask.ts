/** What the rows of the target are asked: by index or for a single row, or of small tables; of all only where somebody wants it deep. */
import type { Database } from '../../postgres/database';
import { PINNED_PATH } from '../../postgres/pinned';
import type { Reference } from '../catalogue/kind';
import { key } from '../names';
import { type NotSeen, whyRefused } from '../not-seen';
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
  const sizes = deep
    ? new Map<string, number>()
    : await sizesOf(
        db,
        wanted.map(({ table }) => table),
      );
  const isSmall = ({ table: { schema, name } }: Count<T>): boolean =>
    deep || (sizes.get(key(schema, name)) ?? Number.POSITIVE_INFINITY) <= SMALL_BYTES;
  const asked = wanted.filter(isSmall);
  const timeoutMs = deep ? DEEP_TIMEOUT_MS : TIMEOUT_MS;
  // A name for each, since a table may be asked twice.
  const questions = asked.map(
    ({ sql }, i): Question => ({ of: { schema: '', name: String(i) }, sql, weight: 1 }),
  );
  const { answered, refused } = await askEach<{ count: string }>(db, questions, {
    timeoutMs,
    weight: 1,
    settings: { row_security: 'off', ...WITHOUT_INDEXES },
  });
  return {
    counts: answered.map(({ of, row }) => ({
      about: asked[Number(of.name)]!.about,
      count: Number(row.count),
    })),
    notSeen: [
      ...wanted.filter((each) => !isSmall(each)).map(({ table }) => ({ what, of: table, why: TOO_LARGE })),
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

async function sizesOf(db: Database, tables: readonly Reference[]): Promise<ReadonlyMap<string, number>> {
  if (tables.length === 0) return new Map();
  const rows = await db.query<{ schema: string; name: string; bytes: string | null }>(
    `SELECT n.nspname AS schema, c.relname AS name, pg_table_size(c.oid)::text AS bytes
     FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE (n.nspname || chr(31) || c.relname) = ANY ($1)`,
    [[...new Set(tables.map(({ schema, name }) => `${schema}\u001f${name}`))]],
    { search_path: PINNED_PATH, lock_timeout: '50', statement_timeout: '10000' },
  );
  return new Map(rows.map(({ schema, name, bytes }) => [key(schema, name), Number(bytes ?? Number.NaN)]));
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
