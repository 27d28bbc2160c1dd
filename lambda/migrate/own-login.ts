/**
 * Manages a dedicated login for each database: opens connections as it, creates it at the first run with the master
 * user's privileges, and switches a database that was deployed as the master user to it.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { TrueupError } from '../contract/errors';
import { DeadlineReachedError } from '../engine/run';
import { log } from '../log';
import { type Database, type LoginFacts, SqlError } from '../postgres/database';
import { PINNED_SEARCH_PATH } from '../postgres/pinned-search-path';
import { quoteIdentifier, quoteIfNeeded, quoteLiteral } from '../sql/quote';
import {
  buildActAsStatements,
  createDatabase,
  createOwner,
  createOwnLogin,
  explainRefusal,
  grantOwnAccess,
  grantOwnerAccess,
  grantStatistics,
  isDatabaseMissing,
  isLoginRefused,
  MAINTENANCE_DATABASE,
  type OwnLogin,
  readServer,
  withClosing,
} from './bootstrap';
import type { Connect, ConnectOptions, MigrateSettings } from './migrate-settings';

/** How a transport opens a connection. */
export interface ConnectionOpeners {
  /** Opens a connection as the login of the settings. */
  readonly open: (options: ConnectOptions) => Promise<Database>;
  /** Opens a connection as the master user, or as the role whose secret was given in its place. */
  readonly openAdmin: (database: string, options?: ConnectOptions) => Promise<Database>;
  /** Reads the password from the login's secret. Null if it logs in with a token. */
  readonly readPassword: (() => Promise<string>) | null;
}

/**
 * How long a refused login is retried. IAM permissions created by the same deployment take some seconds to propagate.
 */
export interface RetryWindow {
  readonly ms: number;
  readonly pauseMs: number;
}
const DEFAULT_RETRY_WINDOW: RetryWindow = { ms: 20_000, pauseMs: 2_000 };

/** NAMEDATALEN - 1. The server truncates longer names, which could then name another role. */
const MAX_NAME_BYTES = 63;
/** Maximum number of statements that fit in a status reason of CloudFormation. */
const MAX_SHOWN_STATEMENTS = 12;

/** Returns the default name of the owner role. @throws {TrueupError} if the server would truncate the name */
export function buildDefaultOwnerName(database: string): string {
  const name = `${database}_owner`;
  if (Buffer.byteLength(name) <= MAX_NAME_BYTES) return name;
  throw new TrueupError({
    code: 'manifest',
    message: `the owner's name, ${name}, is longer than PostgreSQL's limit of ${MAX_NAME_BYTES} bytes for a name`,
    remedy: 'Set `owner`, the role that owns the tables of the application, to a shorter name.',
  });
}

/**
 * Returns a function that opens connections as the dedicated login, and sets the login up if it is missing.
 * @param patience @default - 20 seconds
 */
export function makeOwnLoginConnector(
  settings: MigrateSettings & { readonly ownLogin: NonNullable<MigrateSettings['ownLogin']> },
  doors: ConnectionOpeners,
  patience: RetryWindow = DEFAULT_RETRY_WINDOW,
): Connect {
  const { database } = settings.connection;
  const { user, keepDeployed } = settings.ownLogin;
  const owner = settings.ownerRole ?? buildDefaultOwnerName(database);
  const hasAdmin = settings.adminSecretArn !== null;
  let kept: LoginFacts | undefined;

  const openAdmin: ConnectionOpeners['openAdmin'] = async (name, options) => {
    try {
      return await doors.openAdmin(name, options);
    } catch (error) {
      if (!(error instanceof TrueupError)) throw error;
      const message = `the login ${user} cannot be set up: ${error.info.message}`;
      throw new TrueupError({ ...error.info, message }, { cause: error });
    }
  };
  const openPatiently = async (options: ConnectOptions): Promise<Database> => {
    const giveUp = Date.now() + patience.ms;
    for (;;) {
      try {
        return await doors.open(options);
      } catch (error) {
        if (!isLoginRefused(error) || Date.now() + patience.pauseMs > giveUp) throw error;
        await sleep(patience.pauseMs);
      }
    }
  };
  const asOwn = (db: Database, statistics = true): Database =>
    Object.assign(db, {
      login: { ownerRole: owner, warnings: statistics ? [] : [describeLiveNotCounted(user)] },
    });
  /** Opens a connection as the role that the database was deployed as. Undefined if it has not been deployed. */
  const openAsDeployed = async (options: ConnectOptions): Promise<Database | undefined> => {
    const admin = await openUnlessMissing(() => openAdmin(database, options));
    if (admin === undefined) return undefined;
    const facts = await closeOnError(admin, () => checkEarlierDeployment(admin, user, owner));
    if (facts.isDeployed) {
      kept = { ownerRole: settings.ownerRole, warnings: [describeKeptLogin(facts.admin, user)] };
      log('login-kept', { login: facts.admin });
      return Object.assign(admin, { login: kept });
    }
    await admin.close();
    return undefined;
  };

  return async (options = {}) => {
    if (options.secret !== undefined || (options.database ?? database) !== database)
      return doors.open(options);
    if (kept) return Object.assign(await openAdmin(database, options), { login: kept });
    let db: Database | undefined;
    let refusal: unknown;
    try {
      const opened = await doors.open(options);
      // Without access to the master user's secret nothing can be set up; the engine reports what is missing.
      if (settings.queryOnly && !hasAdmin) return asOwn(opened);
      const standing = await closeOnError(opened, () => readOwnLoginStatus(opened, owner));
      if (standing.complete || !hasAdmin) return asOwn(opened, standing.statistics);
      db = opened;
    } catch (error) {
      if (!isLoginRefused(error) && !isDatabaseMissing(error)) throw error;
      if (!hasAdmin)
        throw settings.queryOnly || !isLoginRefused(error) ? error : makeSetupRefusedError(user, error);
      refusal = error;
    }
    try {
      const before = keepDeployed ? await openAsDeployed(options) : undefined;
      if (before) return before;
      if (settings.queryOnly || options.readOnly) {
        if (db === undefined) throw refusal;
        const asking = asOwn(db);
        db = undefined;
        return asking;
      }
    } finally {
      await db?.close();
    }
    const { createDatabase, ownerRole } = settings;
    await setUpOwnLogin(
      { database, role: user, ownerRole: owner, makesOwner: ownerRole === null, createDatabase },
      isLoginRefused(refusal),
      { ...doors, openAdmin },
    );
    const opened = await openPatiently(options);
    return asOwn(opened, (await closeOnError(opened, () => readOwnLoginStatus(opened, owner))).statistics);
  };
}

interface OwnLoginSetup {
  readonly database: string;
  readonly role: string;
  readonly ownerRole: string;
  /** Whether Trueup creates the owner role. True if the settings name no other owner. */
  readonly makesOwner: boolean;
  readonly createDatabase: boolean;
}

/**
 * Sets up database, owner and login. Each step is idempotent: an earlier attempt may have been interrupted anywhere,
 * and another first run may be in progress.
 * @param refused whether the server refused the login
 */
async function setUpOwnLogin(
  asked: OwnLoginSetup,
  refused: boolean,
  { openAdmin, readPassword }: ConnectionOpeners,
): Promise<void> {
  const { database, role, ownerRole, makesOwner } = asked;
  const there = asked.createDatabase
    ? await openUnlessMissing(() => openAdmin(database))
    : await openAdmin(database);
  if (there === undefined) {
    await withClosing(await openAdmin(MAINTENANCE_DATABASE), async (admin) => {
      await createOwner(admin, ownerRole, makesOwner);
      await createDatabase(admin, database, ownerRole);
    });
    log('database-created', { database, owner: ownerRole });
  }
  await withClosing(there ?? (await openAdmin(database)), async (admin) => {
    await createOwner(admin, ownerRole, makesOwner);
    await grantOwnerAccess(admin, database, ownerRole);
    await rejectForeignTables(admin, role, ownerRole);
    const password = readPassword ? await readPassword() : null;
    const login: OwnLogin = { role, database, ownerRole, password };
    const made = await createOwnLogin(admin, login, refused);
    await grantOwnAccess(admin, login);
    await grantStatistics(admin, role);
    const moved = await moveLedger(admin, role);
    log('login-checked', { login: role, owner: ownerRole, made, moved });
  });
}

/** Returns undefined if the database does not exist. */
async function openUnlessMissing(open: () => Promise<Database>): Promise<Database | undefined> {
  try {
    return await open();
  } catch (error) {
    if (isDatabaseMissing(error)) return undefined;
    throw error;
  }
}

/**
 * A pinned search path for our own SQL, which also runs as the master user: no function from a user's schema may be
 * called.
 */
const PINNED_SETTINGS = { search_path: PINNED_SEARCH_PATH };

interface OwnLoginStatus {
  /** Whether the login has everything that migrations need and owns the ledger. */
  readonly complete: boolean;
  readonly statistics: boolean;
  readonly [column: string]: unknown;
}

/** Reads what the session's own login has. */
async function readOwnLoginStatus(db: Database, owner: string): Promise<OwnLoginStatus> {
  const [row] = await db.query<OwnLoginStatus>(
    `SELECT has_database_privilege(current_database(), 'CREATE')
  AND coalesce((SELECT pg_has_role(o.oid, 'USAGE') AND pg_has_role(o.oid,
      CASE WHEN current_setting('server_version_num')::int >= 160000 THEN 'SET' ELSE 'MEMBER' END)
    FROM pg_roles o WHERE o.rolname = $1::name), false)
  AND NOT EXISTS (${buildIsLedgerOwnerSql("NOT pg_has_role(owned.owner, 'USAGE')")}) AS complete,
  pg_has_role('pg_read_all_stats', 'USAGE') AS statistics`,
    [owner],
    PINNED_SETTINGS,
  );
  return row!;
}

/** Returns a subquery over the owners of schema trueup and of the objects in it. */
const buildIsLedgerOwnerSql = (condition: string): string => `SELECT FROM pg_namespace n CROSS JOIN LATERAL (
    SELECT n.nspowner AS owner
    UNION SELECT c.relowner FROM pg_class c WHERE c.relnamespace = n.oid
    UNION SELECT p.proowner FROM pg_proc p WHERE p.pronamespace = n.oid) AS owned
  WHERE n.nspname = 'trueup' AND ${condition}`;

const RELATION_KIND_SQL = `CASE c.relkind WHEN 'v' THEN 'VIEW' WHEN 'm' THEN 'MATERIALIZED VIEW' WHEN 'S' THEN 'SEQUENCE'
      WHEN 'f' THEN 'FOREIGN TABLE' WHEN 'c' THEN 'TYPE' ELSE 'TABLE' END`;

/**
 * Condition for relations with their own owner, which excludes sequences that belong to a column: they follow the
 * table.
 */
const HAS_OWNER_SQL = `c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S', 'c') AND NOT (c.relkind = 'S' AND EXISTS (SELECT FROM pg_depend d
      WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.refclassid = 'pg_class'::regclass AND d.deptype IN ('a', 'i')))`;

const buildNotInExtensionSql = (catalog: string, object: string): string =>
  `NOT EXISTS (SELECT FROM pg_depend e WHERE e.classid = '${catalog}'::regclass AND e.objid = ${object}.oid AND e.deptype = 'e')`;

/**
 * Lists the objects outside the ledger that the session's role owns. Schemas come first, because an object's new owner
 * needs CREATE on its schema.
 */
const FOREIGN_OBJECTS_SQL = `WITH s AS (SELECT n.oid, n.nspname, n.nspowner FROM pg_namespace n
    WHERE n.nspname NOT LIKE 'pg\\_%' AND n.nspname NOT IN ('information_schema', 'trueup')),
me AS (SELECT r.oid FROM pg_roles r WHERE r.rolname = current_user)
SELECT 'ALTER ' || o.kind || ' ' || o.name AS sql, o.relation FROM (
  SELECT 0 AS rank, 'SCHEMA' AS kind, quote_ident(s.nspname) AS name, false AS relation
    FROM s JOIN me ON s.nspowner = me.oid WHERE s.nspname <> 'public' AND ${buildNotInExtensionSql('pg_namespace', 's')}
  UNION ALL
  SELECT 1, ${RELATION_KIND_SQL}, format('%I.%I', s.nspname, c.relname), c.relkind <> 'c'
    FROM pg_class c JOIN s ON s.oid = c.relnamespace JOIN me ON c.relowner = me.oid
    WHERE ${HAS_OWNER_SQL} AND ${buildNotInExtensionSql('pg_class', 'c')}
  UNION ALL
  SELECT 2, 'ROUTINE', format('%I.%I(%s)', s.nspname, p.proname, pg_get_function_identity_arguments(p.oid)), false
    FROM pg_proc p JOIN s ON s.oid = p.pronamespace JOIN me ON p.proowner = me.oid WHERE ${buildNotInExtensionSql('pg_proc', 'p')}
  UNION ALL
  SELECT 3, CASE t.typtype WHEN 'd' THEN 'DOMAIN' ELSE 'TYPE' END, format('%I.%I', s.nspname, t.typname), false
    FROM pg_type t JOIN s ON s.oid = t.typnamespace JOIN me ON t.typowner = me.oid
    WHERE t.typtype IN ('d', 'e', 'r') AND ${buildNotInExtensionSql('pg_type', 't')}) o
ORDER BY o.rank, o.name`;

interface ForeignObject {
  /** An ALTER statement up to, but not including, `OWNER TO`. */
  readonly sql: string;
  readonly relation: boolean;
  readonly [column: string]: unknown;
}

interface LedgerOwners {
  /** The session's role. */
  readonly admin: string;
  /** The owner of schema trueup, or null if there is no such schema. */
  readonly ledger: string | null;
  readonly [column: string]: unknown;
}

const readLedgerOwners = async (admin: Database): Promise<LedgerOwners> =>
  (
    await admin.query<LedgerOwners>(
      `SELECT current_user::text AS admin,
  (SELECT pg_get_userbyid(n.nspowner)::text FROM pg_namespace n WHERE n.nspname = 'trueup') AS ledger`,
      [],
      PINNED_SETTINGS,
    )
  )[0]!;

/**
 * Refuses to continue if the application's tables belong to the master user, because migrations that run as the owner
 * could not change them. A person has to decide about the transfer: a view or a SECURITY DEFINER function runs with the
 * privileges of its owner.
 * @throws {TrueupError} with the statements
 */
async function rejectForeignTables(admin: Database, role: string, owner: string): Promise<void> {
  const owners = await readLedgerOwners(admin);
  // Once the login owns the ledger, other objects that the master user creates do no harm.
  if (owners.ledger === role || owners.admin === owner) return;
  const objects = await admin.query<ForeignObject>(FOREIGN_OBJECTS_SQL, [], PINNED_SETTINGS);
  const relations = objects.filter(({ relation }) => relation).length;
  if (relations === 0) return;
  const statements = objects.map(({ sql }) => `${sql} OWNER TO ${quoteIfNeeded(owner)};`);
  log('foreign-tables-found', { owner: owners.admin, statements });
  const more = statements.length - MAX_SHOWN_STATEMENTS;
  const rest = more > 0 ? ` The other ${more} are in the log, under foreign-tables-found.` : '';
  throw new TrueupError({
    code: 'privilege',
    message: `${relations} tables, views or sequences of the application belong to ${owners.admin}, so migrations that run as ${owner} could not change them; no owner was changed`,
    remedy: `Run as ${owners.admin}, and deploy again: ${statements.slice(0, MAX_SHOWN_STATEMENTS).join(' ')}${rest}`,
  });
}

/** Whether an earlier version was deployed here as another role, or the admin owns the application's tables. */
async function checkEarlierDeployment(
  admin: Database,
  user: string,
  owner: string,
): Promise<{ admin: string; isDeployed: boolean }> {
  const { admin: name, ledger } = await readLedgerOwners(admin);
  if (ledger !== null) return { admin: name, isDeployed: ledger !== user };
  if (name === owner) return { admin: name, isDeployed: false };
  const objects = await admin.query<ForeignObject>(FOREIGN_OBJECTS_SQL, [], PINNED_SETTINGS);
  return { admin: name, isDeployed: objects.some(({ relation }) => relation) };
}

/**
 * Returns a DO block that gives schema trueup and everything in it to the role. REASSIGN OWNED would give the database
 * away too.
 */
const buildMoveLedgerSql = (role: string): string => `DO $move$
DECLARE one text;
BEGIN
  FOR one IN
    SELECT o.sql FROM (
      SELECT 0 AS rank, 'SCHEMA trueup' AS sql FROM pg_namespace n
        WHERE n.nspname = 'trueup' AND pg_get_userbyid(n.nspowner) <> ${quoteLiteral(role)}
      UNION ALL
      SELECT 1, format('%s trueup.%I', ${RELATION_KIND_SQL}, c.relname) FROM pg_class c
        WHERE c.relnamespace = 'trueup'::regnamespace AND ${HAS_OWNER_SQL} AND pg_get_userbyid(c.relowner) <> ${quoteLiteral(role)}
      UNION ALL
      SELECT 2, 'ROUTINE ' || p.oid::regprocedure::text FROM pg_proc p
        WHERE p.pronamespace = 'trueup'::regnamespace AND pg_get_userbyid(p.proowner) <> ${quoteLiteral(role)}
      UNION ALL
      SELECT 3, format('%s trueup.%I', CASE t.typtype WHEN 'd' THEN 'DOMAIN' ELSE 'TYPE' END, t.typname) FROM pg_type t
        WHERE t.typnamespace = 'trueup'::regnamespace AND t.typtype IN ('d', 'e', 'r')
          AND pg_get_userbyid(t.typowner) <> ${quoteLiteral(role)}) o
    ORDER BY o.rank, o.sql
  LOOP
    EXECUTE 'ALTER ' || one || format(' OWNER TO %I', ${quoteLiteral(role)});
  END LOOP;
END $move$`;

const buildGrantLedgerAccessSql = (role: string): string[] => [
  `GRANT USAGE ON SCHEMA trueup TO ${quoteIdentifier(role)}`,
  `GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA trueup TO ${quoteIdentifier(role)}`,
];

/** Short, so that it does not queue behind a running migration; the next slice tries again. */
const MOVE_LOCK_TIMEOUT = '5s';
const LOCK_NOT_AVAILABLE_SQLSTATE = '55P03';

/**
 * Gives the ledger to the login.
 * @returns whether there was anything to move
 * @throws {DeadlineReachedError} while another session uses the ledger
 */
async function moveLedger(admin: Database, role: string): Promise<boolean> {
  const [row] = await admin.query<{ moves: boolean }>(
    `SELECT EXISTS (${buildIsLedgerOwnerSql('pg_get_userbyid(owned.owner) <> $1::name')}) AS moves`,
    [role],
    PINNED_SETTINGS,
  );
  if (row!.moves !== true) return false;
  const { ledger } = await readLedgerOwners(admin);
  const server = await readServer(admin);
  // An older version, to which a rollback may return, logs in as the admin and must be able to use a ledger that it
  // no longer owns.
  const grants = ledger === server.role ? buildGrantLedgerAccessSql(server.role) : [];
  const statements = await buildActAsStatements(admin, role, [buildMoveLedgerSql(role), ...grants]);
  const byHand = `ALTER SCHEMA trueup OWNER TO ${quoteIfNeeded(role)}, and so each table and routine in it, as ${ledger}`;
  try {
    await explainRefusal(server, [byHand], () =>
      admin.execute([{ settings: { ...PINNED_SETTINGS, lock_timeout: MOVE_LOCK_TIMEOUT }, statements }]),
    );
  } catch (error) {
    if (!(error instanceof SqlError) || error.sqlstate !== LOCK_NOT_AVAILABLE_SQLSTATE) throw error;
    const message = 'the ledger is in use; a later run makes the new login its owner';
    throw new DeadlineReachedError(message, {
      code: 'busy',
      message,
      remedy: 'Wait for the other run to end, and deploy again.',
    });
  }
  log('ledger-moved', { from: ledger, to: role });
  return true;
}

const describeKeptLogin = (admin: string, user: string): string =>
  `Trueup logs in as ${admin}, as before; login: 'own' creates a separate login for this database, ${user} (docs/deploying.md)`;

const describeLiveNotCounted = (user: string): string =>
  `live statements are not counted: ${user} is not a member of pg_read_all_stats, and the master user could not grant that role`;

const makeSetupRefusedError = (user: string, cause: unknown): TrueupError =>
  new TrueupError(
    {
      code: 'connection',
      message: `the database refused the login ${user}, and this function may not read the master user's secret, which it needs to set the login up`,
      remedy: 'Deploy once without createUser: false, or set the role up by hand (docs/deploying.md).',
      ...(isLoginRefused(cause) ? { sqlstate: cause.reason! } : {}),
    },
    { cause },
  );

async function closeOnError<T>(db: Database, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    await db.close();
    throw error;
  }
}
