/** Opens the database as the settings say; makes database and role at the first run; reads a rotated password again. */
import { existsSync, readFileSync } from 'node:fs';
import { TrueupError } from '../contract/errors';
import { log } from '../log';
import { type AmazonRoots, regionOfHost, rootsOfHost } from '../postgres/amazon-roots';
import { ConnectionLost, type Database, SqlError } from '../postgres/database';
import { connectPg } from '../postgres/pg';
import type { PgOptions } from '../postgres/pg-client';
import { withoutWriting } from '../postgres/without-writing';
import { createDatabase, createRole, giveAccess } from './bootstrap';
import { readSecret, type Secret, signToken } from './outbound';
import type { Connection, Login, MigrateSettings } from './settings';

export interface ConnectOptions {
  /** Nothing can be written. */
  readonly readOnly?: boolean;
  /** Of a fleet, on the same server; it is never made. @default - that of the settings */
  readonly database?: string;
  /** Name of a secret in place of the settings' login. @default - the settings' */
  readonly secret?: string;
  /** At whose work pg_stat_activity shows the session. @default - that of the settings */
  readonly namespace?: string;
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
  if (connection.transport === 'pg') refuseProxy(connection.host);
  const connect =
    connection.transport === 'pg'
      ? pgConnector(settings, connection)
      : dataApiConnector(settings, connection);
  // Whatever is asked for: who may only ask gets no other session.
  return settings.asksOnly ? (options) => connect({ ...options, readOnly: true }) : connect;
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
  const { host, port, database, login } = connection;
  const ca = trustedRoots(connection);
  const secrets = new Map<string, Secret>();
  const secretOf = async (arn: string): Promise<Secret> => {
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
      applicationName: `${settings.asksOnly ? ASKING : WORKING}${namespace}`,
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
  const open = async (options: ConnectOptions): Promise<Database> => {
    const name = options.database ?? database;
    const { secret = login.auth === 'secret' ? login.secretArn : undefined } = options;
    if (secret !== undefined)
      return withSecret(secret, ({ username, password }) => to(name, username, password, options));
    const { user } = login as Extract<Login, { auth: 'iam' }>;
    return to(name, user, await signToken({ host, port, user }, process.env), options);
  };
  const asAdmin = async (name: string, work: (admin: Database) => Promise<unknown>): Promise<void> => {
    const admin = await withSecret(settings.adminSecretArn!, ({ username, password }) =>
      to(name, username, password),
    );
    await closing(admin, work);
  };

  return async (options = {}) => {
    try {
      const db = await open(options);
      return settings.asksOnly ? await unlessCrowded(db) : db;
    } catch (error) {
      if (settings.adminSecretArn === null || settings.asksOnly) throw error;
      const noRole = login.auth === 'iam' && options.secret === undefined && isRefused(error);
      const own = options.database === undefined || options.database === database;
      if (!noRole && !(own && isMissing(error) && settings.createDatabase)) throw error;
      // A login that is refused does not say whether the database is there.
      let madeDatabase = false;
      if (settings.createDatabase) {
        await asAdmin(MAINTENANCE_DATABASE, async (admin) => {
          // One that was missing and is there now was made by somebody else: worth another attempt too.
          madeDatabase = (await createDatabase(admin, database, settings.ownerRole)) || isMissing(error);
        });
        log('database-checked', { database, made: madeDatabase });
      }
      let madeRole = false;
      if (login.auth === 'iam') {
        const access = { role: login.user, database, ownerRole: settings.ownerRole };
        await asAdmin(database, async (admin) => {
          madeRole = await createRole(admin, access);
          // Whoever made the role: nobody else can have let it into a database that is new.
          if (!madeRole && madeDatabase) await giveAccess(admin, access);
        });
        log('role-checked', { role: login.user, made: madeRole });
      }
      if (!madeDatabase && !madeRole) throw error;
      return open(options);
    }
  };
}

/**
 * The only roots that are trusted, as PEM; undefined for what Node trusts. An endpoint of RDS is held to Amazon's: to those
 * of its region that came with this code, since a region may be newer than the runtime, and to the runtime's, since an
 * authority may be newer than this code.
 */
export function trustedRoots({
  host,
  rootsFile,
  amazonRootsFile,
  runtimeRootsFile,
}: Pick<PgConnection, 'host' | 'rootsFile' | 'amazonRootsFile' | 'runtimeRootsFile'>): string | undefined {
  if (rootsFile !== null) return readFileSync(rootsFile, 'utf8');
  if (amazonRootsFile === undefined || regionOfHost(host) === undefined) return undefined;
  const known = rootsOfHost(host, JSON.parse(readFileSync(amazonRootsFile, 'utf8')) as AmazonRoots);
  if (known === undefined) return undefined;
  const runtimes =
    runtimeRootsFile !== undefined && existsSync(runtimeRootsFile)
      ? readFileSync(runtimeRootsFile, 'utf8')
      : '';
  return `${known}${runtimes}`;
}

function dataApiConnector(settings: MigrateSettings, connection: DataApiConnection): Connect {
  const { clusterArn, secretArn } = connection;
  return async ({ readOnly = false, database = connection.database } = {}) => {
    // Loaded here: a function with the other transport never needs the client.
    const { connectDataApi } = await import('../postgres/data-api/database.js');
    const open = async (): Promise<Database> => {
      const db = await connectDataApi({ clusterArn, secretArn, database });
      return readOnly ? withoutWriting(db) : db;
    };
    try {
      return await open();
    } catch (error) {
      const own = database === connection.database;
      if (!own || !isMissing(error) || !settings.createDatabase || settings.asksOnly) throw error;
      const adminSecret = settings.adminSecretArn ?? secretArn;
      const admin = await connectDataApi({
        clusterArn,
        secretArn: adminSecret,
        database: MAINTENANCE_DATABASE,
      });
      await closing(admin, (db) => createDatabase(db, database, settings.ownerRole));
      log('database-created', { database });
      return open();
    }
  };
}

/** What sessions are called in pg_stat_activity; the namespace follows. Those of questions: */
const ASKING = 'trueup asks ';
export const WORKING = 'trueup ';
/** On one database. */
const MOST_ASKING = 10;

/**
 * However many ask at the same time, a deployment finds a free connection. Over the Data API questions have no sessions.
 * @throws {TrueupError} when enough others ask already
 */
async function unlessCrowded(db: Database): Promise<Database> {
  const [row] = await db.query(
    `SELECT pg_catalog.count(*)::int AS asking FROM pg_catalog.pg_stat_activity
WHERE datname OPERATOR(pg_catalog.=) pg_catalog.current_database() AND pg_catalog.starts_with(application_name, $1)`,
    [ASKING],
  );
  if (Number(row!.asking) <= MOST_ASKING) return db;
  await db.close();
  throw new TrueupError({
    code: 'busy',
    message: `${MOST_ASKING} sessions are already answering questions about this database`,
    remedy: 'Try again in a moment. Deployments are not affected.',
  });
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
