/** Opens the database as the settings say; makes database and role at the first run; reads a rotated password again. */
import { readFileSync } from 'node:fs';
import { TrueupError } from '../engine/errors';
import { log } from '../log';
import { ConnectionLost, type Database, SqlError } from '../postgres/database';
import { connectPg, type PgOptions } from '../postgres/pg';
import { createDatabase, createRole } from './bootstrap';
import { readSecret, type Secret, signToken } from './outbound';
import type { Connection, MigrateSettings } from './settings';

export interface ConnectOptions {
  /** Nothing can be written. */
  readonly readOnly?: boolean;
}

export type Connect = (options?: ConnectOptions) => Promise<Database>;

type PgConnection = Extract<Connection, { transport: 'pg' }>;
type DataApiConnection = Extract<Connection, { transport: 'data-api' }>;

/** There is one on every RDS server, and everybody may connect to it. */
const MAINTENANCE_DATABASE = 'postgres';
const CONNECT_TIMEOUT_MS = 10_000;
const NO_SUCH_DATABASE = '3D000';
/** invalid_authorization_specification and invalid_password. */
const LOGIN_REFUSED = new Set(['28000', '28P01']);

/** Secrets are kept from one invocation to the next, until the server refuses one. */
export function connector(settings: MigrateSettings): Connect {
  const { connection } = settings;
  if (connection.transport === 'data-api') return dataApiConnector(settings, connection);
  refuseProxy(connection.host);
  return pgConnector(settings, connection);
}

/**
 * RDS Proxy's endpoints are `<name>.proxy-<id>.<region>.rds.amazonaws.com`. It shares sessions, and with them the lock
 * between runners; it pins each of ours, since it uses SET.
 */
export function refuseProxy(host: string): void {
  if (!/\.proxy-[^.]+\./.test(host)) return;
  throw new TrueupError({
    code: 'unsupported',
    message: `the address ${host} is RDS Proxy's, which shares sessions and hides who holds a lock`,
    remedy: "Give the endpoint of the database itself: the cluster's writer, or the instance.",
  });
}

function pgConnector(settings: MigrateSettings, connection: PgConnection): Connect {
  const { host, port, database, login, rootsFile } = connection;
  const ca = rootsFile === null ? undefined : readFileSync(rootsFile, 'utf8');
  const secrets = new Map<string, Secret>();
  const secretOf = async (arn: string): Promise<Secret> => {
    const secret = secrets.get(arn) ?? (await readSecret(arn));
    secrets.set(arn, secret);
    return secret;
  };
  const to = (name: string, user: string, password: string, readOnly = false): Promise<Database> => {
    const options: PgOptions = {
      host,
      port,
      database: name,
      user,
      password,
      ssl: ca === undefined ? {} : { ca },
      applicationName: `trueup ${settings.namespace}`,
      connectTimeoutMs: CONNECT_TIMEOUT_MS,
      readOnly,
    };
    return connectPg(options);
  };
  const withSecret = async <T>(arn: string, use: (secret: Secret) => Promise<T>): Promise<T> => {
    const kept = secrets.has(arn);
    try {
      return await use(await secretOf(arn));
    } catch (error) {
      // Rotated since it was read; one that was read just now is wrong.
      if (!isRefused(error) || !kept) throw error;
      secrets.delete(arn);
      log('secret-read-again');
      return use(await secretOf(arn));
    }
  };
  const open = async (readOnly?: boolean): Promise<Database> =>
    login.auth === 'secret'
      ? withSecret(login.secretArn, ({ username, password }) => to(database, username, password, readOnly))
      : to(database, login.user, await signToken({ host, port, user: login.user }, process.env), readOnly);
  const asAdmin = async (name: string, work: (admin: Database) => Promise<unknown>): Promise<void> => {
    const admin = await withSecret(settings.adminSecretArn!, ({ username, password }) =>
      to(name, username, password),
    );
    await closing(admin, work);
  };

  return async ({ readOnly } = {}) => {
    try {
      return await open(readOnly);
    } catch (error) {
      if (settings.adminSecretArn === null) throw error;
      const noRole = login.auth === 'iam' && isRefused(error);
      if (!noRole && !(isMissing(error) && settings.createDatabase)) throw error;
      let made = false;
      // A login that is refused does not say whether the database is there.
      if (settings.createDatabase) {
        await asAdmin(MAINTENANCE_DATABASE, async (admin) => {
          // One that was missing and is there now was made by somebody else: worth another attempt too.
          made = (await createDatabase(admin, database, settings.ownerRole)) || isMissing(error);
        });
        log('database-checked', { database, made });
      }
      if (login.auth === 'iam') {
        const role = { name: login.user, database, ownerRole: settings.ownerRole };
        await asAdmin(database, async (admin) => {
          made = (await createRole(admin, role)) || made;
        });
        log('role-checked', { role: login.user, made });
      }
      if (!made) throw error;
      return open(readOnly);
    }
  };
}

function dataApiConnector(settings: MigrateSettings, connection: DataApiConnection): Connect {
  const { clusterArn, secretArn, database } = connection;
  return async () => {
    // Loaded here: a function with the other transport never needs the client.
    const { connectDataApi } = await import('../postgres/data-api.js');
    try {
      return await connectDataApi({ clusterArn, secretArn, database });
    } catch (error) {
      if (!isMissing(error) || !settings.createDatabase) throw error;
      const adminSecret = settings.adminSecretArn ?? secretArn;
      const admin = await connectDataApi({
        clusterArn,
        secretArn: adminSecret,
        database: MAINTENANCE_DATABASE,
      });
      await closing(admin, (db) => createDatabase(db, database, settings.ownerRole));
      log('database-created', { database });
      return connectDataApi({ clusterArn, secretArn, database });
    }
  };
}

async function closing(db: Database, work: (db: Database) => Promise<unknown>): Promise<void> {
  try {
    await work(db);
  } finally {
    await db.close();
  }
}

const isRefused = (error: unknown): boolean =>
  error instanceof ConnectionLost && error.reason !== undefined && LOGIN_REFUSED.has(error.reason);

function isMissing(error: unknown): boolean {
  if (error instanceof SqlError) return error.sqlstate === NO_SUCH_DATABASE;
  return error instanceof ConnectionLost && error.reason === NO_SUCH_DATABASE;
}
