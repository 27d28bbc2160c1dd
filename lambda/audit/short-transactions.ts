/**
 * Runs one query about each of many relations, in short transactions that lock at most fifty of them, on one session or
 * several in parallel.
 */
import { type Database, type Row, SqlError } from '../postgres/database';
import { PINNED_SEARCH_PATH } from '../postgres/pinned-search-path';
import { findUntrusted, queryTrusted, UntrustedCode } from '../postgres/untrusted-code';
import { quoteIdentifier } from '../sql/quote';
import type { Reference } from './catalog/kind';

/**
 * Number of questions in one statement. The server's lock table has room for 64 locks per connection on average, shared
 * with the application. Planning a statement of a hundred parts takes more than twice the server's memory for one of
 * fifty.
 */
export const MAX_RELATIONS_PER_TRANSACTION = 50;

/** Used in place of an SQLSTATE. */
const NOT_TRUSTED_SQLSTATE = 'TU007';

/**
 * Marks a statement as Trueup's own, so that it is also recognized in pg_stat_statements (lib/workload/normalize.ts).
 */
export const STATEMENT_MARK = 'trueup_item';

/** Sessions of one database, used in parallel. */
export type Sessions = readonly [Database, ...Database[]];

export interface TransactionLimits {
  /**
   * Limit of the summed {@link RelationQuery.weight} of one transaction.
   * @default - no limit
   */
  readonly weight?: number;
  /** Statement timeout in milliseconds. */
  readonly timeoutMs: number;
  readonly settings?: Readonly<Record<string, string>>;
}

export interface RelationQuery {
  readonly of: Reference;
  /** SELECT that returns one row. */
  readonly sql: string;
  /**
   * Cost of the query, in the unit of {@link TransactionLimits.weight}.
   * @default 0
   */
  readonly weight?: number;
}

export interface RefusedQuery {
  readonly of: Reference;
  readonly sqlstate: string;
  /**
   * Code that the query may run and that is not trusted with the login's privileges, so it was not sent: `role:
   * object`.
   * @default - the query was sent
   */
  readonly code?: string;
}

export interface QueryAnswers<R> {
  readonly answered: readonly { readonly of: Reference; readonly row: R }[];
  readonly refused: readonly RefusedQuery[];
}

export const quoteRelation = ({ schema, name }: Reference): string =>
  `${quoteIdentifier(schema)}.${quoteIdentifier(name)}`;

/** Returns the settings for a statement about this number of relations. */
export const buildSettings = (relations: number, timeoutMs: number): Readonly<Record<string, string>> => ({
  search_path: PINNED_SEARCH_PATH,
  statement_timeout: String(timeoutMs),
  // A session that waits for a lock while it holds others can make another session the victim of a deadlock.
  lock_timeout: relations > 1 ? '50' : '1000',
});

/** Runs the queries. Answers are in the order of the questions. */
export async function runEachQuery<R extends Row>(
  sessions: Sessions,
  questions: readonly RelationQuery[],
  limits: TransactionLimits,
): Promise<QueryAnswers<R>> {
  const { codes, state } = await findUntrusted(
    sessions[0],
    questions.map(({ sql }) => sql),
  );
  const trusted = questions.filter((_, i) => codes[i] === null);
  const parts = splitIntoGroups(trusted, limits.weight ?? Number.POSITIVE_INFINITY);
  const { answered, refused } = mergeAnswers(
    await distributeWork(parts, sessions, (db, group) => runQueryGroup<R>(db, group, limits, state)),
  );
  const notAsked = questions.flatMap(({ of }, i): RefusedQuery[] =>
    codes[i] == null ? [] : [{ of, sqlstate: NOT_TRUSTED_SQLSTATE, code: codes[i] }],
  );
  return { answered, refused: [...refused, ...notAsked] };
}

/**
 * Runs the queries of a group. If one of the group fails, each of them runs separately. @param judged the state of
 * the code that was judged
 */
async function runQueryGroup<R extends Row>(
  db: Database,
  group: readonly RelationQuery[],
  limits: TransactionLimits,
  judged: string,
): Promise<QueryAnswers<R>> {
  try {
    const sql = buildCombinedSql(group);
    const settings = { ...buildSettings(group.length, limits.timeoutMs), ...limits.settings };
    const rows = await queryTrusted<R>(db, { sql, hold: sql, settings, judged });
    return {
      answered: rows.map((row) => ({ of: group[Number(row[STATEMENT_MARK])]!.of, row })),
      refused: [],
    };
  } catch (error) {
    const isUntrusted = error instanceof UntrustedCode;
    if (!isUntrusted && !(error instanceof SqlError)) throw error;
    if (group.length === 1) {
      const [{ of }] = group as [RelationQuery];
      const refused = isUntrusted
        ? { of, sqlstate: NOT_TRUSTED_SQLSTATE, code: error.code }
        : { of, sqlstate: error.sqlstate };
      return { answered: [], refused: [refused] };
    }
    const each: QueryAnswers<R>[] = [];
    for (const question of group) each.push(await runQueryGroup<R>(db, [question], limits, judged));
    return mergeAnswers(each);
  }
}

const mergeAnswers = <R>(all: readonly QueryAnswers<R>[]): QueryAnswers<R> => ({
  answered: all.flatMap(({ answered }) => answered),
  refused: all.flatMap(({ refused }) => refused),
});

/**
 * Distributes parts over the sessions: each takes the next part when it has finished one. After an error, no further
 * part is started.
 * @returns the results in the order of the parts
 */
export async function distributeWork<T, R>(
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

const buildCombinedSql = (group: readonly RelationQuery[]): string =>
  group
    .map(({ sql }, i) => `SELECT ${i} AS ${STATEMENT_MARK}, one.* FROM (${sql}) AS one`)
    .join('\nUNION ALL\n');

function splitIntoGroups(questions: readonly RelationQuery[], limit: number): RelationQuery[][] {
  const all: RelationQuery[][] = [];
  let weight = 0;
  for (const question of questions) {
    const last = all.at(-1);
    weight += question.weight ?? 0;
    if (last === undefined || last.length === MAX_RELATIONS_PER_TRANSACTION || weight > limit) {
      all.push([question]);
      weight = question.weight ?? 0;
    } else last.push(question);
  }
  return all;
}
