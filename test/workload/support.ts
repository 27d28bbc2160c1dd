import type { Client } from 'pg';
import type { StatementUse, StatementVerdict } from '../../lambda/contract/workload';
import type { Database } from '../../lambda/postgres/database';
import { connectPg } from '../../lambda/postgres/pg';
import { type PlanOptions, planStatements } from '../../lambda/workload/plan-statements';
import { connect, createDatabase } from '../support/database';
import { atEndOfFile } from '../support/end-of-file';

export interface Shop {
  readonly url: string;
  readonly client: Client;
  plan(texts: readonly (string | StatementUse)[], options?: PlanOptions): Promise<StatementVerdict[]>;
}

const opened: Database[] = [];
atEndOfFile(async () => {
  for (const db of opened.splice(0)) await db.close();
});

export async function asking(url: string): Promise<Shop['plan']> {
  const db = await connectPg({ url, readOnly: true });
  opened.push(db);
  return (texts, options) =>
    planStatements(
      db,
      texts.map((each) => (typeof each === 'string' ? { text: each, role: null, searchPath: null } : each)),
      options,
    );
}

export async function shop(major: number, schema: string): Promise<Shop> {
  const url = await createDatabase(major);
  const client = await connect(url);
  await client.query(schema);
  return { url, client, plan: await asking(url) };
}

/** What a verdict comes to, in a word or two. */
export const brief = (verdict: StatementVerdict): string => {
  switch (verdict.outcome) {
    case 'plans':
      return 'plans';
    case 'undecided':
      return `undecided: ${verdict.why}`;
    case 'fails':
      return verdict.sqlstate;
    case 'would-fail':
      return `would fail ${verdict.sqlstate} ${verdict.object}`;
  }
};

/** SQLSTATE of really running it, undone; `ok` where it ran. */
export async function truth(client: Client, text: string, values: readonly unknown[] = []): Promise<string> {
  await client.query('BEGIN');
  try {
    await client.query(text, [...values]);
    return 'ok';
  } catch (error) {
    return (error as { code: string }).code;
  } finally {
    await client.query('ROLLBACK');
  }
}
