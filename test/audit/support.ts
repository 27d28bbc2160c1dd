import { afterAll } from 'vitest';
import type { Database } from '../../lambda/postgres/database';
import { connectPg } from '../../lambda/postgres/pg';

const opened: Database[] = [];
afterAll(async () => {
  for (const db of opened.splice(0)) await db.close();
});

export async function readOnly(url: string): Promise<Database> {
  const db = await connectPg({ url, readOnly: true });
  opened.push(db);
  return db;
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
    db: {
      ...db,
      capabilities: db.capabilities,
      query: async (sql, params, settings) => {
        sent.push(sql);
        if (sql.includes(words) && left-- > 0) await disturb();
        return db.query(sql, params, settings);
      },
    } as Database,
  };
}

export const attempts = (sent: readonly string[], words: string): number =>
  sent.filter((sql) => sql.includes(words)).length;
