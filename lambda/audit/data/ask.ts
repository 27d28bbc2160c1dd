/** What the rows of the target are asked: by index or for a single row, or of small tables; of all only where somebody wants it deep. */
import { type Database, SqlError } from '../../postgres/database';
import type { Reference } from '../catalogue/kind';
import { key } from '../names';
import { MAY_NOT_READ, type NotSeen, whyRefused } from '../not-seen';
import {
  AT_ONCE,
  askEach,
  MARK,
  type Question,
  type Sessions,
  settingsFor,
  shareOut,
} from '../short-transactions';

export interface Depth {
  /** Tables of any size are read. */
  readonly deep: boolean;
  /** Tables that were looked at, which is not done twice. */
  readonly looks: Map<string, Look>;
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
  sessions: Sessions,
  what: string,
  wanted: readonly Count<T>[],
  { deep, looks }: Depth,
): Promise<Counted<T>> {
  await lookAt(
    sessions,
    wanted.map(({ table }) => table),
    looks,
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
  const { answered, refused } = await askEach<{ count: string }>(sessions, questions, {
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
export interface Look {
  readonly bytes: number;
  /** Why it cannot be read. */
  readonly why: string | null;
}

const DROPPED: Look = { bytes: 0, why: whyRefused('42P01', TIMEOUT_MS) };

const whyNot = ({ bytes, why }: Look, deep: boolean): string | null =>
  why ?? (deep || bytes <= SMALL_BYTES ? null : TOO_LARGE);

/** One plan for all of a group, where a question each would take the server longer to plan than to answer. */
const LOOK = `SELECT asked.i::int AS ${MARK}, pg_table_size(c.oid)::text AS bytes,
    has_schema_privilege(n.oid, 'USAGE') AND has_any_column_privilege(c.oid, 'SELECT') AS readable
  FROM unnest($1::name[], $2::name[]) WITH ORDINALITY AS asked (schema, name, i)
  JOIN pg_namespace n ON n.nspname = asked.schema JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = asked.name`;

/** Their size now: what the catalogue says is of the last VACUUM. */
async function lookAt(
  sessions: Sessions,
  tables: readonly Reference[],
  looks: Map<string, Look>,
): Promise<void> {
  const look = async (db: Database, group: readonly Reference[]): Promise<void> => {
    try {
      const rows = await db.query<{ [MARK]: number; bytes: string | null; readable: boolean }>(
        LOOK,
        [group.map(({ schema }) => schema), group.map(({ name }) => name)],
        settingsFor(group.length, TIMEOUT_MS),
      );
      for (const { [MARK]: i, bytes, readable } of rows) {
        const { schema, name } = group[i - 1]!;
        if (bytes !== null)
          looks.set(key(schema, name), { bytes: Number(bytes), why: readable ? null : MAY_NOT_READ });
      }
    } catch (error) {
      if (!(error instanceof SqlError)) throw error;
      const [{ schema, name }] = group as readonly [Reference];
      if (group.length === 1)
        looks.set(key(schema, name), { bytes: 0, why: whyRefused(error.sqlstate, TIMEOUT_MS) });
      else for (const each of group) await look(db, [each]);
    }
  };
  const once = new Map(tables.map((of) => [key(of.schema, of.name), of]));
  const open = [...once].flatMap(([name, of]) => (looks.has(name) ? [] : [of]));
  const groups: Reference[][] = [];
  for (let from = 0; from < open.length; from += AT_ONCE) groups.push(open.slice(from, from + AT_ONCE));
  await shareOut(groups, sessions, look);
}

/** Tables of these that have not a single row. */
export async function emptyOf(
  sessions: Sessions,
  tables: readonly Reference[],
): Promise<{ readonly empty: readonly Reference[]; readonly notSeen: readonly NotSeen[] }> {
  const { answered, refused } = await askEach<{ filled: boolean }>(
    sessions,
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
