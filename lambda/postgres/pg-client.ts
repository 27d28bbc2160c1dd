/** Configures a client of `pg`: the server it connects to, and the settings that its session relies on. */
import type { ClientConfig } from 'pg';

export interface PgOptions {
  /** `postgres://…`. Its parts take precedence over the fields below. */
  readonly url?: string;
  readonly host?: string;
  readonly port?: number;
  readonly user?: string;
  readonly password?: string | (() => Promise<string>);
  readonly database?: string;
  /**
   * TLS options. Certificates are always verified. `ca` is a PEM text; `false` disables TLS. @default - as in the URL,
   * otherwise no TLS
   */
  readonly ssl?: { readonly ca?: string; readonly servername?: string } | false;
  /** The application_name in pg_stat_activity. @default - `trueup` */
  readonly applicationName?: string;
  /** Connection timeout in milliseconds. @default - 10,000 ms */
  readonly connectTimeoutMs?: number;
  /** Every transaction begins READ ONLY and is rolled back. @default false */
  readonly readOnly?: boolean;
  /** Value of statement_timeout. @default - no limit */
  readonly statementTimeoutMs?: number;
  /**
   * Set if a pooler is in between that keeps whole sessions and accepts no startup options. @default - no pooler that
   * shares sessions
   */
  readonly pooler?: 'session';
}

/**
 * Returns the settings that let the server finish a statement after its client disconnects, however long it takes. They
 * are set in each transaction, because a startup packet with settings that the server does not know would be refused
 * (client_connection_check_interval was added in PostgreSQL 14, transaction_timeout in 17).
 */
export const buildConnectionCheckSettings = (major: number): Readonly<Record<string, string>> => ({
  ...(major >= 14 ? { client_connection_check_interval: '0' } : {}),
  ...(major >= 17 ? { transaction_timeout: '0' } : {}),
});

/** Returns the settings that every transaction relies on. They override ALTER ROLE and ALTER DATABASE. */
export const buildTransactionSettings = (options: PgOptions): Readonly<Record<string, string>> => ({
  DateStyle: 'ISO',
  TimeZone: 'UTC',
  // Notices are not read, and a server that cannot send one to a disconnected client aborts the statement.
  client_min_messages: 'error',
  standard_conforming_strings: 'on',
  idle_in_transaction_session_timeout: '0',
  lock_timeout: '0',
  statement_timeout: String(options.statementTimeoutMs ?? 0),
});

export const buildSessionSettings = (
  options: PgOptions,
  nonce: string,
): Readonly<Record<string, string>> => ({
  ...buildTransactionSettings(options),
  default_transaction_isolation: 'read committed',
  ...(options.readOnly ? { default_transaction_read_only: 'on' } : {}),
  'trueup.nonce': nonce,
});

export function buildClientConfig(options: PgOptions, nonce: string): ClientConfig {
  const { url, host, port, user, password, database, ssl } = options;
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
    // Linux waits two hours by default.
    keepAliveInitialDelayMillis: 30_000,
    // A pooler that shares sessions rejects or drops startup options; see `tryLock`.
    ...(options.pooler === undefined
      ? {
          options: Object.entries(buildSessionSettings(options, nonce))
            .map(([name, value]) => `-c ${name}=${value.replaceAll(' ', '\\ ')}`)
            .join(' '),
        }
      : {}),
  };
}
