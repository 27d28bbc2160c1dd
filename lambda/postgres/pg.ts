/** Opens connections with `pg`. */
import { randomBytes } from 'node:crypto';
import { Client } from 'pg';
import { quoteLiteral } from '../sql/quote';
import type { Database } from './database';
import {
  buildClientConfig,
  buildConnectionCheckSettings,
  buildSessionSettings,
  buildTransactionSettings,
  type PgOptions,
} from './pg-client';
import { getWire, PgDatabase } from './pg-database';
import { makeConnectionLostError } from './pg-errors';

/** Opens a connection. @throws {ConnectionLostError} with the SQLSTATE or system error as `reason` */
export async function connectPg(options: PgOptions): Promise<Database> {
  const nonce = randomBytes(8).toString('hex');
  const client = new Client(buildClientConfig(options, nonce));
  // Without a listener, a connection that breaks between two calls would end the process.
  let broken: Error | undefined;
  client.on('error', (error) => {
    broken = error;
  });
  let version = '';
  getWire(client).on('parameterStatus', (status: { parameterName: string; parameterValue: string }) => {
    if (status.parameterName === 'server_version') version = status.parameterValue;
  });
  let pid: number;
  try {
    await client.connect();
    pid =
      options.pooler === undefined
        ? (client as unknown as { processID: number }).processID
        : await setUpSession(client, buildSessionSettings(options, nonce));
  } catch (error) {
    client.end().catch(() => {});
    throw makeConnectionLostError(error);
  }
  return new PgDatabase(
    client,
    { nonce, pid },
    () => broken,
    buildConnectionCheckSettings(Number.parseInt(version, 10)),
    () => cancelBackend(options, pid),
    options.readOnly ? buildTransactionSettings(options) : null,
  );
}

/** Configures the session behind a pooler, which accepts no startup options and reports its own pid. */
async function setUpSession(client: Client, settings: Readonly<Record<string, string>>): Promise<number> {
  const sets = Object.entries(settings).map(
    ([name, value]) => `pg_catalog.set_config(${quoteLiteral(name)}, ${quoteLiteral(value)}, false)`,
  );
  const { rows } = await client.query(`SELECT pg_catalog.pg_backend_pid() AS pid, ${sets.join(', ')}`);
  return rows[0].pid;
}

/** Time limit for cancelling a statement over another connection. */
const CANCEL_TIMEOUT_MS = 2_000;

async function cancelBackend(options: PgOptions, pid: number): Promise<void> {
  const client = new Client(buildClientConfig({ ...options, connectTimeoutMs: CANCEL_TIMEOUT_MS }, ''));
  client.on('error', () => {});
  try {
    await client.connect();
    await client.query({ text: 'SELECT pg_catalog.pg_cancel_backend($1::int)', values: [pid] });
  } catch {
    // The server cannot be reached. It continues, and the ledger records how far it got.
  } finally {
    await client.end().catch(() => {});
  }
}
