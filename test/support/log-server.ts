/** A server whose log is read: errors are raised on it, and the lines that it wrote are what a test looks at. */
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';
import { afterAll } from 'vitest';
import { type PostgresServer, startPostgres } from '../../lib/local/postgres-server';

export const RDS_PREFIX = '%t:%r:%u@%d:[%p]:';
/** From PostgreSQL 16 on. */
export const RDS_PREFIX_16 = '%m:%r:%u@%d:[%p]:%l:%e:%s:%v:%x:%c:%q%a';

export interface LogServer {
  readonly server: PostgresServer;
  /** Sets server-wide settings, for connections made after. */
  set(settings: Readonly<Record<string, string>>): Promise<void>;
  /** What the server logs while `work` runs. */
  logged(work: (client: Client) => Promise<void>, url?: string): Promise<string[]>;
}

/** One server for a test file; it ends with the file. */
export async function startLogServer(major: number): Promise<LogServer> {
  const server = await startPostgres({ major });
  afterAll(() => server.stop());
  const withClient = async (url: string, work: (client: Client) => Promise<void>): Promise<void> => {
    const client = new Client({ connectionString: url, application_name: 'orders-api' });
    await client.connect();
    try {
      await work(client);
    } finally {
      await client.end();
    }
  };
  return {
    server,
    async set(settings) {
      await withClient(server.url(), async (client) => {
        for (const [name, value] of Object.entries(settings)) {
          await client.query(`ALTER SYSTEM SET ${name} = '${value.replaceAll("'", "''")}'`);
        }
        await client.query('SELECT pg_reload_conf()');
        // The settings are there when a new session has them.
        for (;;) {
          const check = new Client({ connectionString: server.url() });
          await check.connect();
          const { rows } = await check.query('SELECT current_setting(name) AS value, $2::json ->> name AS wanted FROM unnest($1::text[]) name', [
            Object.keys(settings),
            JSON.stringify(settings),
          ]);
          await check.end();
          if (rows.every((row) => row.value === row.wanted)) return;
          await sleep(20);
        }
      });
    },
    async logged(work, url = server.url()) {
      const before = readFileSync(server.logFile, 'utf8').length;
      await withClient(url, work);
      return readFileSync(server.logFile, 'utf8').slice(before).trimEnd().split('\n');
    },
  };
}

/** Runs statements that are expected to fail, one after another. */
export async function failing(client: Client, statements: readonly string[]): Promise<void> {
  for (const statement of statements) await client.query(statement).catch(() => {});
}
