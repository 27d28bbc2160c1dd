/**
 * One question about each of many relations: in short transactions, none of which locks more than fifty of them, over one
 * session or several at the same time.
 */
import { type Database, type Row, SqlError } from '../postgres/database';
import { PINNED_PATH } from '../postgres/pinned';
import { quoteIdentifier } from '../sql/quote';
import type { Reference } from './catalogue/kind';

/**
 * A server has room for 64 locks a connection, and the application shares it; and what a server needs to plan a question
 * of a hundred parts is more than twice what it needs for one of fifty.
 */
export const AT_ONCE = 50;

/** Marks a statement as Trueup's own, also where pg_stat_statements remembers it (lib/workload/normalize.ts). */
export const MARK = 'trueup_item';

/** Of one database. All of them are asked at the same time. */
export type Sessions = readonly [Database, ...Database[]];

export interface Limits {
  /** What one transaction asks comes to this at most, by {@link Question.weight}. @default - no limit */
  readonly weight?: number;
  /** Milliseconds that one statement may take. */
  readonly timeoutMs: number;
  readonly settings?: Readonly<Record<string, string>>;
}

export interface Question {
  readonly of: Reference;
  /** A SELECT of one row. */
  readonly sql: string;
  /** @default 0 */
  readonly weight?: number;
}

export interface Answers<R> {
  readonly answered: readonly { readonly of: Reference; readonly row: R }[];
  readonly refused: readonly { readonly of: Reference; readonly sqlstate: string }[];
}

export const relation = ({ schema, name }: Reference): string =>
  `${quoteIdentifier(schema)}.${quoteIdentifier(name)}`;

/** Of a statement about so many relations. */
export const settingsFor = (relations: number, timeoutMs: number): Readonly<Record<string, string>> => ({
  search_path: PINNED_PATH,
  statement_timeout: String(timeoutMs),
  // Who waits while holding locks may get somebody else killed as a deadlock's victim.
  lock_timeout: relations > 1 ? '50' : '1000',
});

/** Answers are in the order of the questions. */
export async function askEach<R extends Row>(
  sessions: Sessions,
  questions: readonly Question[],
  limits: Limits,
): Promise<Answers<R>> {
  const parts = groups(questions, limits.weight ?? Number.POSITIVE_INFINITY);
  return joined(await shareOut(parts, sessions, (db, group) => askGroup<R>(db, group, limits)));
}

/** Where one of the group cannot be answered, each of it is asked by itself. */
async function askGroup<R extends Row>(
  db: Database,
  group: readonly Question[],
  limits: Limits,
): Promise<Answers<R>> {
  try {
    const rows = await db.query<R>(together(group), [], {
      ...settingsFor(group.length, limits.timeoutMs),
      ...limits.settings,
    });
    return { answered: rows.map((row) => ({ of: group[Number(row[MARK])]!.of, row })), refused: [] };
  } catch (error) {
    if (!(error instanceof SqlError)) throw error;
    if (group.length === 1)
      return { answered: [], refused: [{ of: group[0]!.of, sqlstate: error.sqlstate }] };
    const each: Answers<R>[] = [];
    for (const question of group) each.push(await askGroup<R>(db, [question], limits));
    return joined(each);
  }
}

const joined = <R>(all: readonly Answers<R>[]): Answers<R> => ({
  answered: all.flatMap(({ answered }) => answered),
  refused: all.flatMap(({ refused }) => refused),
});

/**
 * Each session takes the next part when it is done with one; after an error none is begun.
 * @returns in the order of the parts
 */
export async function shareOut<T, R>(
  parts: readonly T[],
  sessions: Sessions,
  work: (db: Database, part: T) => Promise<R>,
): Promise<readonly R[]> {
  const results: R[] = [];
  let next = 0;
  const take = async (db: Database): Promise<void> => {
    while (next < parts.length) {
      const i = next++;
      try {
        results[i] = await work(db, parts[i]!);
      } catch (error) {
        next = parts.length;
        throw error;
      }
    }
  };
  await Promise.all(sessions.map(take));
  return results;
}

const together = (group: readonly Question[]): string =>
  group.map(({ sql }, i) => `SELECT ${i} AS ${MARK}, one.* FROM (${sql}) AS one`).join('\nUNION ALL\n');

function groups(questions: readonly Question[], limit: number): Question[][] {
  const all: Question[][] = [];
  let weight = 0;
  for (const question of questions) {
    const last = all.at(-1);
    weight += question.weight ?? 0;
    if (last === undefined || last.length === AT_ONCE || weight > limit) {
      all.push([question]);
      weight = question.weight ?? 0;
    } else last.push(question);
  }
  return all;
}
