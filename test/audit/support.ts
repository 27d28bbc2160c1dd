import type { Database, Queryable, ReadOptions, Row } from '../../lambda/postgres/database';
import { connectPg } from '../../lambda/postgres/pg';
import { atEndOfFile } from '../support/end-of-file';

const opened: Database[] = [];
atEndOfFile(async () => {
  for (const db of opened.splice(0)) await db.close();
});

export async function readOnly(url: string): Promise<Database> {
  const db = await connectPg({ url, readOnly: true });
  opened.push(db);
  return db;
}

/** The same database; what it is asked goes through `query`, also within a transaction that only reads. */
export function intercepted(
  db: Database,
  query: (ask: Database['query'], ...args: Parameters<Database['query']>) => Promise<readonly Row[]>,
  /** Told of each such transaction: `BEGIN`, with its options, and `ROLLBACK` when it has ended. */
  tell: (command: 'BEGIN' | 'ROLLBACK', options?: ReadOptions) => unknown = () => {},
): Database {
  const through = (reads: Queryable): Database['query'] =>
    ((...args: Parameters<Database['query']>) =>
      query((...all) => reads.query(...all), ...args)) as Database['query'];
  return Object.assign(Object.create(db) as Database, {
    query: through(db),
    queryEach: undefined,
    inReadOnlyTransaction: (async (work, options) => {
      try {
        return await db.inReadOnlyTransaction(async (reads) => {
          await tell('BEGIN', options);
          return work({ capabilities: reads.capabilities, query: through(reads) });
        }, options);
      } finally {
        await tell('ROLLBACK');
      }
    }) as Database['inReadOnlyTransaction'],
  });
}

/** What is sent, and something else that happens right before a question of these words, `times` times. */
export function disturbed(
  db: Database,
  words: string,
  disturb: () => Promise<unknown>,
  times = 1,
): { db: Database; sent: string[] } {
  const sent: string[] = [];
  let left = times;
  return {
    sent,
    db: intercepted(
      db,
      async (ask, sql, params, settings) => {
        sent.push(sql);
        if (sql.includes(words) && left-- > 0) await disturb();
        return ask(sql, params, settings);
      },
      (command) => sent.push(command),
    ),
  };
}

export const attempts = (sent: readonly string[], words: string): number =>
  sent.filter((sql) => sql.includes(words) && !sql.startsWith('PREPARE ')).length;
