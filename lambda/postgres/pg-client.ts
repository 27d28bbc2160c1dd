/** What a client of `pg` is made with: where it connects, and the settings that its session relies on. */
import type { ClientConfig } from 'pg';

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
  /** What stands in between keeps whole sessions, and takes no startup options. @default - nothing that shares sessions */
  readonly pooler?: 'session';
}

/**
 * The server goes on with a statement whose client is gone, however long it takes. A startup packet with settings that
 * the server does not know would be refused, so these come with each transaction (client_connection_check_interval
 * came with PostgreSQL 14, transaction_timeout with 17).
 */
export const untilTheEnd = (major: number): Readonly<Record<string, string>> => ({
  ...(major >= 14 ? { client_connection_check_interval: '0' } : {}),
  ...(major >= 17 ? { transaction_timeout: '0' } : {}),
});

/** They win over what ALTER ROLE or ALTER DATABASE set. */
export const sessionSettings = (options: PgOptions, nonce: string): Readonly<Record<string, string>> => ({
  DateStyle: 'ISO',
  TimeZone: 'UTC',
  // Nobody reads notices, and a server that cannot send one ends the statement of a client that has gone.
  client_min_messages: 'error',
  standard_conforming_strings: 'on',
  default_transaction_isolation: 'read committed',
  idle_in_transaction_session_timeout: '0',
  lock_timeout: '0',
  statement_timeout: String(options.statementTimeoutMs ?? 0),
  ...(options.readOnly ? { default_transaction_read_only: 'on' } : {}),
  'trueup.nonce': nonce,
});

export function clientConfig(options: PgOptions, nonce: string): ClientConfig {
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
    // The kernel's default is two hours on Linux.
    keepAliveInitialDelayMillis: 30_000,
    // A pooler that would share the session refuses them, or swallows them: see `tryLock`.
    ...(options.pooler === undefined
      ? {
          options: Object.entries(sessionSettings(options, nonce))
            .map(([name, value]) => `-c ${name}=${value.replaceAll(' ', '\\ ')}`)
            .join(' '),
        }
      : {}),
  };
}
