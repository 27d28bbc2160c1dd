/** A server whose log is read: errors are raised on it, and the lines that it wrote are what a test looks at. */
import { readFileSync } from 'node:fs';
import type { Client } from 'pg';
import { afterAll } from 'vitest';
import { type PostgresServer, startPostgres } from '../../lib/scratch-postgres/server';
import { withClient } from './client';

export const RDS_PREFIX = '%t:%r:%u@%d:[%p]:';
/** From PostgreSQL 16 on. */
export const RDS_PREFIX_16 = '%m:%r:%u@%d:[%p]:%l:%e:%s:%v:%x:%c:%q%a';

export interface LogServer {
  readonly server: PostgresServer;
  /** What the server logs while `work` runs. */
  logged(work: (client: Client) => Promise<void>, url?: string): Promise<string[]>;
}

/** One server for a test file; it ends with the file. */
export async function startLogServer(
  major: number,
  settings: Readonly<Record<string, string>> = {},
): Promise<LogServer> {
  const server = await startPostgres({ major, settings });
  afterAll(() => server.stop());
  return {
    server,
    async logged(work, url = server.url()) {
      const before = readFileSync(server.logFile, 'utf8').length;
      await withClient({ connectionString: url, application_name: 'orders-api' }, work);
      return readFileSync(server.logFile, 'utf8').slice(before).trimEnd().split('\n');
    },
  };
}

/** Runs statements that are expected to fail, one after another. */
export async function failing(client: Client, statements: readonly string[]): Promise<void> {
  for (const statement of statements) await client.query(statement).catch(() => {});
}
