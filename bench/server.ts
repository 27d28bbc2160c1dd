/** The server of the measurements: durable, and telling how long it worked on each message. */
import { randomBytes } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { Client } from 'pg';
import { type PostgresServer, startPostgres } from '../lib/scratch-postgres/server';

/** @param major @default - the newest */
export const startServer = (major?: number): Promise<PostgresServer> =>
  startPostgres({ major, settings: { fsync: 'on', full_page_writes: 'on', log_duration: 'on' } });

/**
 * A database of its own, which goes with the server. It is not dropped before: ext4 gives no inode away again for a
 * minute or more after its file was deleted and looks at each of them whenever a file is made, so that every dropped
 * database would slow down the tools that come after it, by more than what is measured here.
 */
export async function withDatabase<T>(
  server: PostgresServer,
  work: (url: string, name: string) => Promise<T>,
): Promise<T> {
  const name = `bench_${randomBytes(5).toString('hex')}`;
  await asAdmin(server, `CREATE DATABASE ${name}`);
  return work(server.url(name), name);
}

async function asAdmin(server: PostgresServer, sql: string): Promise<void> {
  const client = new Client({ connectionString: server.url() });
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}

/** Milliseconds that the server worked for this database since `from` in its log: the sum of all durations. */
export function serverTime(server: PostgresServer, database: string, from: number): number {
  const log = readFileSync(server.logFile).subarray(from).toString('utf8');
  let sum = 0;
  for (const [, name, ms] of log.matchAll(/@([^:]+):\[\d+\]:LOG: {2}duration: ([\d.]+) ms$/gm)) {
    if (name === database) sum += Number(ms);
  }
  return sum;
}

export const logSize = (server: PostgresServer): number => statSync(server.logFile).size;
