/** Sessions of the campaign. */
import { Client } from 'pg';
import type { Database } from '../../../lambda/postgres/database';
import { connectPg } from '../../../lambda/postgres/pg';
import { type Snapshot, takeSnapshot } from '../../../lib/audit/snapshot';

export const OPTIONS = { version: '0', workload: [] } as const;

export async function withClient<T>(url: string, work: (client: Client) => Promise<T>): Promise<T> {
  const client = new Client({ connectionString: url });
  client.on('error', () => {});
  await client.connect();
  return work(client).finally(() => client.end());
}

export const withDatabase = async <T>(url: string, work: (db: Database) => Promise<T>): Promise<T> => {
  const db = await connectPg({ url, readOnly: true });
  return work(db).finally(() => db.close());
};

export const snapshotOf = (url: string): Promise<Snapshot> =>
  withDatabase(url, (db) => takeSnapshot(db, OPTIONS));
