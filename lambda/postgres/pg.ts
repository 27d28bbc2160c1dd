/** The `pg` transport: one session, one message a call. */
import type { EventEmitter } from 'node:events';
import { Client, type ClientConfig, type QueryArrayResult, type QueryResult } from 'pg';
import {
  type Capabilities,
  ConnectionLost,
  type Database,
  type ExecuteOptions,
  type LockedBy,
  type Row,
  SqlError,
  StillRunning,
  type Transaction,
  type Value,
} from './database';
import { lockedBy, lockHolderQuery } from './lock-holder';
import { joinTransactions, locate, setLocal } from './pg-message';
import { quoteIdentifier, quoteLiteral } from './quote';

export interface PgOptions {
  /** `postgres://…`; its parts win over the fields below. */
  readonly url?: string;
  readonly host?: string;
  readonly port?: number;
  readonly user?: string;
  readonly password?: string | (() => Promise<string>);
  readonly database?: string;
  /** TLS, always verified. `ca`: PEM. `false`: no TLS. @default - what the URL says, else no TLS */
  readonly ssl?: { readonly ca?: string; readonly servername?: string } | false;
  /** What pg_stat_activity shows. @default - `trueup` */
  readonly applicationName?: string;
  /** @default - 10,000 ms */
  readonly connectTimeoutMs?: number;
  /** Nothing can be written. @default - false */
  readonly readOnly?: boolean;
  /** Every statement's limit. @default - none */
  readonly statementTimeoutMs?: number;
}

/** @throws {ConnectionLost} `reason` is the SQLSTATE or system error */
export async function connectPg(options: PgOptions): Promise<Database> {
  const client = new Client(clientConfig(options));
  // Without a listener a broken connection between two calls would end the process.
  let broken: Error | undefined;
  client.on('error', (error) => {
    broken = error;
  });
  let version = '';
  wireOf(client).on('parameterStatus', (status: { parameterName: string; parameterValue: string }) => {
    if (status.parameterName === 'server_version') version = status.parameterValue;
  });
  try {
    await client.connect();
  } catch (error) {
    client.end().catch(() => {});
    throw lost(error);
  }
  const pid = (client as unknown as { processID: number }).processID;
  return new PgDatabase(
    client,
    () => broken,
    untilTheEnd(Number.parseInt(version, 10)),
    () => cancelBackend(options, pid),
  );
}

/** What it may take to end a statement over another connection. */
const CANCEL_MS = 2_000;

async function cancelBackend(options: PgOptions, pid: number): Promise<void> {
  const client = new Client(clientConfig({ ...options, connectTimeoutMs: CANCEL_MS }));
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

const wireOf = (client: Client) =>
  (client as unknown as { connection: EventEmitter & { stream: { destroy(): void } } }).connection;

/**
 * The server goes on with a statement whose client is gone, however long it takes. A startup packet with settings that
 * the server does not know would be refused, so these come with each transaction (client_connection_check_interval
 * came with PostgreSQL 14, transaction_timeout with 17).
 */
const untilTheEnd = (major: number): Readonly<Record<string, string>> => ({
  ...(major >= 14 ? { client_connection_check_interval: '0' } : {}),
  ...(major >= 17 ? { transaction_timeout: '0' } : {}),
});

function clientConfig(options: PgOptions): ClientConfig {
  const { url, host, port, user, password, database, ssl } = options;
  // Startup options win over what ALTER ROLE or ALTER DATABASE set; a pooler that would share the session refuses them.
  const settings: Record<string, string | number> = {
    DateStyle: 'ISO',
    TimeZone: 'UTC',
    // Nobody reads notices, and a server that cannot send one ends the statement of a client that has gone.
    client_min_messages: 'error',
    standard_conforming_strings: 'on',
    default_transaction_isolation: 'read\\ committed',
    idle_in_transaction_session_timeout: 0,
    lock_timeout: 0,
    statement_timeout: options.statementTimeoutMs ?? 0,
    ...(options.readOnly ? { default_transaction_read_only: 'on' } : {}),
  };
  return {
    ...(url === undefined ? {} : { connectionString: url }),
    ...(host === undefined ? {} : { host }),
    ...(port === undefined ? {} : { port }),
    ...(user === undefined ? {} : { user }),
    ...(password === undefined ? {} : { password }),
    ...(database === undefined ? {} : { database }),
    ...(ssl === undefined ? {} : { ssl: ssl === false ? false : { ...ssl, rejectUnauthorized: true } }),
    application_name: options.applicationName ?? 'trueup',
    connectionTimeoutMillis: options.connectTimeoutMs ?? 10_000,
    keepAlive: true,
    // The kernel's default is two hours on Linux.
    keepAliveInitialDelayMillis: 30_000,
    options: Object.entries(settings)
      .map(([name, value]) => `-c ${name}=${value}`)
      .join(' '),
  };
}

/** Codes after which the session is gone although the server could still say why. */
const SESSION_ENDED = /^(08|57P0[1-5]|25P0[34])/;

const lost = (error: unknown): ConnectionLost => {
  const { message = String(error), code } = error as { message?: string; code?: string };
  return new ConnectionLost(message, code, { cause: error });
};

function translate(error: unknown): Error {
  const { message, code, position, routine } = error as {
    message: string;
    code?: string;
    position?: string;
    routine?: string;
  };
  if (code === undefined || !/^[0-9A-Z]{5}$/.test(code) || SESSION_ENDED.test(code)) return lost(error);
  return new SqlError(message, code, position === undefined ? undefined : Number(position) - 1, routine);
}

type Result = QueryResult<Row> | QueryArrayResult;

class PgDatabase implements Database {
  readonly capabilities: Capabilities = { transport: 'pg', session: true, maxStatementLength: null };
  private closed = false;

  constructor(
    private readonly client: Client,
    private readonly broken: () => Error | undefined,
    /** In force for whatever changes something. */
    private readonly always: Readonly<Record<string, string>>,
    /** Ends what the session is at, over another connection. Never throws. */
    private readonly cancel: () => Promise<void>,
  ) {}

  async query<R extends Row = Row>(
    sql: string,
    params?: readonly Value[],
    settings?: Readonly<Record<string, string>>,
  ): Promise<readonly R[]> {
    if (settings) return this.queryUnder<R>(settings, sql, params);
    const result = await this.send(() => this.client.query(sql, params && [...params]));
    return (result as QueryResult<R>).rows;
  }

  private async queryUnder<R extends Row>(
    settings: Readonly<Record<string, string>>,
    sql: string,
    params?: readonly Value[],
  ): Promise<readonly R[]> {
    try {
      await this.send(() => this.client.query(`BEGIN;${setLocal(settings).join(';')}`));
      return await this.query<R>(sql, params);
    } finally {
      // After an error COMMIT ends the transaction as well.
      if (!this.broken() && !this.closed) await this.send(() => this.client.query('COMMIT'));
    }
  }

  async execute(
    transactions: readonly Transaction[],
    options: ExecuteOptions = {},
  ): Promise<readonly (readonly number[])[]> {
    const message = joinTransactions(transactions, this.always);
    let completed = 0;
    const count = (): void => {
      completed++;
    };
    const wire = wireOf(this.client);
    wire.on('commandComplete', count);
    try {
      const results = (await this.send(
        () => this.client.query(message.text),
        options.deadline,
      )) as unknown as Result[];
      const rows = results.map((result) => result.rowCount ?? 0);
      return message.parts.map(({ first, statements }) =>
        rows.slice(first + 1, first + 1 + statements.length),
      );
    } catch (error) {
      // One transaction goes on in the server. Of several, those that have not begun yet never shall.
      if (error instanceof StillRunning && transactions.length > 1) await this.cancel();
      if (!(error instanceof SqlError)) throw error;
      const located = locate(error, message, completed);
      // The failed message leaves its transaction open and aborted.
      await this.send(() => this.client.query('ROLLBACK'));
      throw located;
    } finally {
      wire.off('commandComplete', count);
    }
  }

  async executeOutside(
    sql: string,
    settings: Readonly<Record<string, string>>,
    options: ExecuteOptions = {},
  ): Promise<void> {
    const given = { ...this.always, ...settings };
    const names = Object.keys(given);
    const each = (line: (name: string) => string): string => names.map(line).join(';');
    if (names.length > 0) {
      await this.send(() =>
        this.client.query(each((name) => `SET ${quoteIdentifier(name)} = ${quoteLiteral(given[name]!)}`)),
      );
    }
    try {
      await this.send(() => this.client.query(sql), options.deadline);
    } finally {
      if (names.length > 0 && !this.broken() && !this.closed) {
        await this.send(() => this.client.query(each((name) => `RESET ${quoteIdentifier(name)}`))).catch(
          () => {},
        );
      }
    }
  }

  async tryLock(key: bigint): Promise<boolean> {
    const rows = await this.query('SELECT pg_catalog.pg_try_advisory_lock($1::bigint) AS locked', [
      String(key),
    ]);
    return rows[0]!.locked === true;
  }

  async unlock(key: bigint): Promise<void> {
    await this.query('SELECT pg_catalog.pg_advisory_unlock($1::bigint)', [String(key)]);
  }

  async lockHolder(key: bigint): Promise<LockedBy | null> {
    return lockedBy(await this.query(lockHolderQuery(key)));
  }

  async close(): Promise<void> {
    if (this.closed) return;
    this.closed = true;
    await this.client.end().catch(() => {});
  }

  /** Sends one message; at the deadline the socket is cut and the server left to go on. */
  private async send<T>(call: () => Promise<T>, deadline?: number): Promise<T> {
    const broken = this.broken();
    if (broken || this.closed) throw lost(broken ?? new Error('the connection is closed'));
    let timer: NodeJS.Timeout | undefined;
    const answer = call();
    try {
      if (deadline === undefined) return await answer;
      const late = new Promise<never>((_, reject) => {
        timer = setTimeout(
          () => reject(new StillRunning('the time budget is spent; the server goes on')),
          Math.max(0, deadline - Date.now()),
        );
      });
      return await Promise.race([answer, late]);
    } catch (error) {
      if (error instanceof StillRunning) {
        answer.catch(() => {});
        this.closed = true;
        wireOf(this.client).stream.destroy();
        throw error;
      }
      throw translate(error);
    } finally {
      clearTimeout(timer);
    }
  }
}
