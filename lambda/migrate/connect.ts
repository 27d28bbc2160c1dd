/**
 * Opens the database according to the settings, creates database and role at the first run, and rereads a rotated
 * password.
 */
import { existsSync, readFileSync } from 'node:fs';
import { TrueupError } from '../contract/errors';
import { log } from '../log';
import { type AmazonRoots, findRootCertificates, parseRegion } from '../postgres/amazon-roots';
import type { Database } from '../postgres/database';
import { connectPg } from '../postgres/pg';
import type { PgOptions } from '../postgres/pg-client';
import {
  createDatabase,
  createRole,
  grantAccess,
  isDatabaseMissing,
  isLoginRefused,
  MAINTENANCE_DATABASE,
  withClosing,
} from './bootstrap';
import { type LoginSecret, readSecret, signToken } from './credentials';
import type {
  Connect,
  ConnectionSettings,
  ConnectOptions,
  LoginMethod,
  MigrateSettings,
} from './migrate-settings';
import { makeOwnLoginConnector, type RetryWindow } from './own-login';

export type { Connect, ConnectOptions } from './migrate-settings';

type PgConnection = Extract<ConnectionSettings, { transport: 'pg' }>;
type DataApiConnection = Extract<ConnectionSettings, { transport: 'data-api' }>;

const CONNECT_TIMEOUT_MS = 10_000;

/**
 * Returns a function that opens connections. Secrets are cached across invocations until the server refuses one.
 * @param patience how long to retry a dedicated login that was just created. @default - 20 seconds
 */
export function makeConnector(settings: MigrateSettings, patience?: RetryWindow): Connect {
  const { connection } = settings;
  if (connection.transport === 'pg') rejectProxyHost(connection.host);
  const connect =
    connection.transport === 'pg'
      ? makePgConnector(settings, connection, patience)
      : makeDataApiConnector(settings, connection, patience);
  // The query function never gets a writable session, except for its own records.
  return settings.queryOnly
    ? (options) => connect({ ...options, readOnly: options?.forRecords !== true })
    : connect;
}

/**
 * Rejects endpoints of RDS Proxy, `<name>.proxy-<id>.<region>.rds.amazonaws.com`. The proxy shares sessions, and with
 * them the runners' advisory lock. It would also pin each of our sessions, because we use SET.
 */
export function rejectProxyHost(host: string): void {
  if (!/\.proxy-[^.]+\./.test(host)) return;
  throw new TrueupError({
    code: 'unsupported',
    message: `the address ${host} is that of an RDS Proxy, which shares sessions and hides the session that holds a lock`,
    remedy: "Give the endpoint of the database itself: the cluster's writer, or the instance.",
  });
}

function makePgConnector(
  settings: MigrateSettings,
  connection: PgConnection,
  patience?: RetryWindow,
): Connect {
  const { host, port, database, login } = connection;
  const ca = resolveTrustedRoots(connection);
  const secrets = new Map<string, LoginSecret>();
  const readLoginSecret = async (arn: string): Promise<LoginSecret> => {
    const secret = secrets.get(arn) ?? (await readSecret(arn));
    secrets.set(arn, secret);
    return secret;
  };
  const to = (
    name: string,
    user: string,
    password: string,
    { readOnly = false, namespace = settings.namespace }: ConnectOptions = {},
  ): Promise<Database> => {
    const options: PgOptions = {
      host,
      port,
      database: name,
      user,
      password,
      ssl: ca === undefined ? {} : { ca },
      applicationName: `${settings.queryOnly ? QUERY_SESSION_PREFIX : RUNNER_SESSION_PREFIX}${namespace}`,
      connectTimeoutMs: CONNECT_TIMEOUT_MS,
      readOnly,
    };
    return connectPg(options);
  };
  const withSecret = async <T>(arn: string, use: (secret: LoginSecret) => Promise<T>): Promise<T> => {
    const kept = secrets.has(arn);
    try {
      return await use(await readLoginSecret(arn));
    } catch (error) {
      // The cached secret may have been rotated. If it was read just now, the password is wrong.
      if (!isLoginRefused(error) || !kept) throw error;
      secrets.delete(arn);
      log('secret-reread');
      return use(await readLoginSecret(arn));
    }
  };
  const open = async (options: ConnectOptions): Promise<Database> => {
    const name = options.database ?? database;
    const { secret = login.auth === 'secret' ? login.secretArn : undefined } = options;
    if (secret !== undefined)
      return withSecret(secret, ({ username, password }) => to(name, username, password, options));
    const { user } = login as Extract<LoginMethod, { auth: 'iam' }>;
    return to(name, user, await signToken({ host, port, user }, process.env), options);
  };
  const openAdmin = (name: string, options?: ConnectOptions): Promise<Database> =>
    withSecret(settings.adminSecretArn!, ({ username, password }) => to(name, username, password, options));
  const asAdmin = async (name: string, work: (admin: Database) => Promise<unknown>): Promise<void> =>
    withClosing(await openAdmin(name), work);
  const { ownLogin } = settings;
  if (ownLogin) {
    const connect = makeOwnLoginConnector(
      { ...settings, ownLogin },
      { open, openAdmin, readPassword: null },
      patience,
    );
    return settings.queryOnly ? async (options) => assertNotCrowded(await connect(options)) : connect;
  }

  return async (options = {}) => {
    try {
      const db = await open(options);
      return settings.queryOnly ? await assertNotCrowded(db) : db;
    } catch (error) {
      if (settings.adminSecretArn === null || settings.queryOnly) throw error;
      const noRole = login.auth === 'iam' && options.secret === undefined && isLoginRefused(error);
      const own = options.database === undefined || options.database === database;
      if (!noRole && !(own && isDatabaseMissing(error) && settings.createDatabase)) throw error;
      // A refused login does not reveal whether the database exists.
      let madeDatabase = false;
      if (settings.createDatabase) {
        await asAdmin(MAINTENANCE_DATABASE, async (admin) => {
          // A database that was missing and exists now was created by another session, so it is worth another
          // attempt.
          madeDatabase =
            (await createDatabase(admin, database, settings.ownerRole)) || isDatabaseMissing(error);
        });
        log('database-checked', { database, made: madeDatabase });
      }
      let madeRole = false;
      if (login.auth === 'iam') {
        const access = { role: login.user, database, ownerRole: settings.ownerRole };
        await asAdmin(database, async (admin) => {
          madeRole = await createRole(admin, access);
          // If the role already existed, it cannot have access to the new database yet.
          if (!madeRole && madeDatabase) await grantAccess(admin, access);
        });
        log('role-checked', { role: login.user, made: madeRole });
      }
      if (!madeDatabase && !madeRole) throw error;
      return open(options);
    }
  };
}

/**
 * Returns the only trusted roots as PEM, or undefined for Node's default. An RDS endpoint must present a certificate
 * issued by Amazon. Two sets of roots are trusted: those of the region that are packaged with this code, since a region
 * may be newer than the runtime, and the runtime's, since a certificate authority may be newer than this code.
 */
export function resolveTrustedRoots({
  host,
  rootsFile,
  amazonRootsFile,
  runtimeRootsFile,
}: Pick<PgConnection, 'host' | 'rootsFile' | 'amazonRootsFile' | 'runtimeRootsFile'>): string | undefined {
  if (rootsFile !== null) return readFileSync(rootsFile, 'utf8');
  if (amazonRootsFile === undefined || parseRegion(host) === undefined) return undefined;
  const known = findRootCertificates(host, JSON.parse(readFileSync(amazonRootsFile, 'utf8')) as AmazonRoots);
  if (known === undefined) return undefined;
  const runtimes =
    runtimeRootsFile !== undefined && existsSync(runtimeRootsFile)
      ? readFileSync(runtimeRootsFile, 'utf8')
      : '';
  return `${known}${runtimes}`;
}

function makeDataApiConnector(
  settings: MigrateSettings,
  connection: DataApiConnection,
  patience?: RetryWindow,
): Connect {
  const { clusterArn, secretArn } = connection;
  const { ownLogin } = settings;
  if (ownLogin) {
    const as =
      (arn: string) =>
      async ({
        readOnly = false,
        database = connection.database,
      }: ConnectOptions = {}): Promise<Database> => {
        const { connectDataApi } = await import('../postgres/data-api/database.js');
        return connectDataApi({ clusterArn, secretArn: arn, database, readOnly });
      };
    const doors = {
      open: as(secretArn),
      openAdmin: (database: string, options?: ConnectOptions) =>
        as(settings.adminSecretArn!)({ ...options, database }),
      readPassword: async () => (await readSecret(secretArn)).password,
    };
    return makeOwnLoginConnector({ ...settings, ownLogin }, doors, patience);
  }
  return async ({ readOnly = false, database = connection.database } = {}) => {
    // Imported here because a function that uses the other transport never needs the client.
    const { connectDataApi } = await import('../postgres/data-api/database.js');
    const open = async (): Promise<Database> => {
      return connectDataApi({ clusterArn, secretArn, database, readOnly });
    };
    try {
      return await open();
    } catch (error) {
      const own = database === connection.database;
      if (!own || !isDatabaseMissing(error) || !settings.createDatabase || settings.queryOnly) throw error;
      const adminSecret = settings.adminSecretArn ?? secretArn;
      const admin = await connectDataApi({
        clusterArn,
        secretArn: adminSecret,
        database: MAINTENANCE_DATABASE,
      });
      await withClosing(admin, (db) => createDatabase(db, database, settings.ownerRole));
      log('database-created', { database });
      return open();
    }
  };
}

/**
 * Prefixes of application_name in pg_stat_activity, followed by the namespace. This one marks sessions of the query
 * function.
 */
const QUERY_SESSION_PREFIX = 'trueup asks ';
export const RUNNER_SESSION_PREFIX = 'trueup ';
/** Maximum number of such sessions per database. */
const MAX_QUERY_SESSIONS = 10;

/**
 * Limits the query function's concurrent sessions, so that a deployment always finds a free connection. Over the Data
 * API, the function holds no sessions.
 * @throws {TrueupError} if the maximum number of sessions is already reached
 */
async function assertNotCrowded(db: Database): Promise<Database> {
  const [row] = await db.query(
    `SELECT pg_catalog.count(*)::int AS asking FROM pg_catalog.pg_stat_activity
WHERE datname OPERATOR(pg_catalog.=) pg_catalog.current_database() AND pg_catalog.starts_with(application_name, $1)`,
    [QUERY_SESSION_PREFIX],
  );
  if (Number(row!.asking) <= MAX_QUERY_SESSIONS) return db;
  await db.close();
  throw new TrueupError({
    code: 'busy',
    message: `${MAX_QUERY_SESSIONS} sessions of the query function are already open on this database`,
    remedy: 'Try again in a moment. Deployments are not affected.',
  });
}
