/** Connects with `pg`. */
import { randomBytes } from 'node:crypto';
import { Client } from 'pg';
import { quoteLiteral } from '../sql/quote';
import type { Database } from './database';
import { clientConfig, type PgOptions, sessionSettings, untilTheEnd } from './pg-client';
import { PgDatabase, wireOf } from './pg-database';
import { lost } from './pg-errors';

/** @throws {ConnectionLost} `reason` is the SQLSTATE or system error */
export async function connectPg(options: PgOptions): Promise<Database> {
  const nonce = randomBytes(8).toString('hex');
  const client = new Client(clientConfig(options, nonce));
  // Without a listener a broken connection between two calls would end the process.
  let broken: Error | undefined;
  client.on('error', (error) => {
    broken = error;
  });
  let version = '';
  wireOf(client).on('parameterStatus', (status: { parameterName: string; parameterValue: string }) => {
    if (status.parameterName === 'server_version') version = status.parameterValue;
  });
  let pid: number;
  try {
    await client.connect();
    pid =
      options.pooler === undefined
        ? (client as unknown as { processID: number }).processID
        : await setUp(client, sessionSettings(options, nonce));
  } catch (error) {
    client.end().catch(() => {});
    throw lost(error);
  }
  return new PgDatabase(
    client,
    { nonce, pid },
    () => broken,
    untilTheEnd(Number.parseInt(version, 10)),
    () => cancelBackend(options, pid),
  );
}

/** For a pooler, which takes no startup options and answers with a pid of its own. */
async function setUp(client: Client, settings: Readonly<Record<string, string>>): Promise<number> {
  const sets = Object.entries(settings).map(
    ([name, value]) => `pg_catalog.set_config(${quoteLiteral(name)}, ${quoteLiteral(value)}, false)`,
  );
  const { rows } = await client.query(`SELECT pg_catalog.pg_backend_pid() AS pid, ${sets.join(', ')}`);
  return rows[0].pid;
}

/** What it may take to end a statement over another connection. */
const CANCEL_MS = 2_000;

async function cancelBackend(options: PgOptions, pid: number): Promise<void> {
  const client = new Client(clientConfig({ ...options, connectTimeoutMs: CANCEL_MS }, ''));
  client.on('error', () => {});
  try {
    await client.connect();
    await client.query({ text: 'SELECT pg_catalog.pg_cancel_backend($1::int)', values: [pid] });
  } catch {
    // The server cannot be reached: it goes on, and the ledger says how far it got.
  } finally {
    await client.end().catch(() => {});
  }
}
