/** The server of the measurements: durable, and telling how long it worked on each message. */
import { randomBytes } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { Client } from 'pg';
import { type PostgresServer, startPostgres } from '../lib/local/postgres-server';

export const startServer = (): Promise<PostgresServer> =>
  startPostgres({ settings: { fsync: 'on', full_page_writes: 'on', log_duration: 'on' } });

export async function withDatabase<T>(
  server: PostgresServer,
  work: (url: string, name: string) => Promise<T>,
): Promise<T> {
  const name = `bench_${randomBytes(5).toString('hex')}`;
  await asAdmin(server, `CREATE DATABASE ${name}`);
  try {
    return await work(server.url(name), name);
  } finally {
    await asAdmin(server, `DROP DATABASE ${name} WITH (FORCE)`);
  }
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
