/** One question about each of many relations: in short transactions, none of which locks more than fifty of them. */
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

export interface Limits {
  /** What may be asked at once comes to this at most, by {@link Question.weight}. @default - no limit */
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

/** Where one of a group cannot be answered, each of the group is asked by itself. */
export async function askEach<R extends Row>(
  db: Database,
  questions: readonly Question[],
  limits: Limits,
): Promise<Answers<R>> {
  const answered: { of: Reference; row: R }[] = [];
  const refused: { of: Reference; sqlstate: string }[] = [];
  const ask = async (group: readonly Question[]): Promise<void> => {
    try {
      const rows = await db.query<R>(together(group), [], {
        ...settingsFor(group.length, limits.timeoutMs),
        ...limits.settings,
      });
      for (const row of rows) answered.push({ of: group[Number(row[MARK])]!.of, row });
    } catch (error) {
      if (!(error instanceof SqlError)) throw error;
      if (group.length === 1) refused.push({ of: group[0]!.of, sqlstate: error.sqlstate });
      else for (const question of group) await ask([question]);
    }
  };
  for (const group of groups(questions, limits.weight ?? Number.POSITIVE_INFINITY)) await ask(group);
  return { answered, refused };
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
