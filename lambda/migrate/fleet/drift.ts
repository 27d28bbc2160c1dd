/**
 * The scheduled check of a fleet's server. It finds the tenants in the ledgers of all databases that the login may
 * connect to. It therefore needs no tenant list, and skips tenants that no longer exist.
 */

import { describeError, type ErrorInfo, TrueupError } from '../../contract/errors';
import type { TenantListLimits } from '../../contract/fleet';
import type { FleetDrift } from '../../contract/fleet-drift';
import type { EngineContext } from '../../engine/run';
import { type SessionContext, withDatabase } from '../../engine/time/session';
import { verifyDatabase } from '../../engine/verify';
import {
  type CheckedDatabase,
  type CheckedTenant,
  type NotCheckedTenant,
  summarizeFleetDrift,
} from '../../fleet/drift';
import { matchesPattern } from '../../fleet/pattern';
import { isInSlot, MAX_DATABASES_PER_RUN, type SampleSlot, selectSample } from '../../fleet/sample';
import { type Database, SqlError } from '../../postgres/database';
import { type AuditDriftResult, checkAuditDrift, storeRecords } from '../audit-drift';
import type { Connect } from '../connect';
import { readServerLogging } from '../drift';
import { checkWorkloadDrift } from '../workload-drift';
import { readRunners } from './server';

export interface FleetCheckContext {
  readonly connect: Connect;
  readonly manifest: EngineContext['manifest'];
  readonly deadline: number;
  /** Ledger namespace of the migrations folder. */
  readonly namespace: string;
  readonly ownerRole: string | null;
  readonly turn: SampleSlot;
  /**
   * Limits on what a tenant may be. A database within them that this login cannot access may hold tenants. @default -
   * any database, with this login
   */
  readonly bounds?: TenantListLimits;
}

/** Maximum wait for one database, so that it does not hold up the others. */
const CONNECT_PATIENCE_MS = 5_000;
/** Time reserved for the response, and for a tenant that takes longer than its time. */
const MARGIN_MS = 15_000;

/**
 * Checks the databases that are due. @throws {TrueupError} if the server cannot be reached through the database of the
 * settings
 */
export async function checkFleetDrift(ctx: FleetCheckContext, audits: boolean): Promise<FleetDrift> {
  const own = { ...ctx, connect: () => ctx.connect({ readOnly: true }) };
  const { logging, deploying, all, closed } = await withDatabase(own, async (db) => ({
    logging: await readServerLogging(db, ctx.namespace),
    deploying: (await readRunners(db, ctx.namespace)).count > 0,
    all: await listDatabases(db),
    closed: await listClosedDatabases(db),
  }));
  const notChecked: NotCheckedTenant[] = closed
    .filter((name) => mayHoldTenants(name, ctx.bounds))
    .map((name) => ({ name, why: "The server's login may not connect to it." }));
  const few = all.length <= MAX_DATABASES_PER_RUN;
  const tenants: CheckedTenant[] = [];
  const databases: CheckedDatabase[] = [];
  let notReached = 0;
  for (const database of few ? all : selectSample(all, (name) => name, ctx.turn)) {
    if (isPastDeadline(ctx)) {
      notReached++;
      continue;
    }
    const audit = audits && (!few || isInSlot(database, ctx.turn));
    try {
      const seen = await checkDatabase(ctx, database, few, audit);
      tenants.push(...seen.tenants);
      notChecked.push(...seen.notChecked);
      databases.push(seen.database);
      notReached += seen.notReached;
    } catch (error) {
      if (!(error instanceof TrueupError)) throw error;
      // The database was dropped in the meantime.
      if (error.info.sqlstate !== '3D000') databases.push({ name: database, error: error.info });
    }
  }
  return summarizeFleetDrift(tenants, databases, { notReached, deploying, logging }, notChecked);
}

/**
 * Whether a database that cannot be read may hold tenants. Without a pattern of databases, only its ledger could tell;
 * tenants are then possible if the tenant list may name their logins.
 */
const mayHoldTenants = (name: string, { databases, secretPrefix }: TenantListLimits = {}): boolean =>
  databases === undefined
    ? secretPrefix !== undefined
    : databases.some((pattern) => matchesPattern(pattern, name));

const isPastDeadline = ({ deadline }: Pick<FleetCheckContext, 'deadline'>): boolean =>
  Date.now() > deadline - MARGIN_MS;

interface DatabaseCheck {
  readonly tenants: readonly CheckedTenant[];
  readonly notChecked: readonly NotCheckedTenant[];
  readonly database: CheckedDatabase;
  readonly notReached: number;
}

/** The results of checking a database, and the records to store in its ledger. */
interface DatabaseRead extends DatabaseCheck {
  readonly countsLive: boolean;
  readonly result: AuditDriftResult | null;
}

async function checkDatabase(
  ctx: FleetCheckContext,
  database: string,
  inTurns: boolean,
  audits: boolean,
): Promise<DatabaseCheck> {
  const there = {
    ...ctx,
    connectPatienceMs: CONNECT_PATIENCE_MS,
    connect: () => ctx.connect({ readOnly: true, database }),
    connectForRecords: () => ctx.connect({ forRecords: true, database }),
  };
  const { countsLive, result, ...seen } = await readDatabase(there, database, inTurns, audits);
  const { ownerRole } = ctx;
  const audit = await storeRecords(there, ctx.namespace, { countsLive, ownerRole, result });
  return audit === null ? seen : { ...seen, database: { ...seen.database, audit } };
}

const readDatabase = (
  ctx: Omit<FleetCheckContext, 'connect'> & SessionContext,
  database: string,
  inTurns: boolean,
  audits: boolean,
): Promise<DatabaseRead> =>
  withDatabase(ctx, async (db) => {
    const all = await readTenants(db, ctx.namespace);
    const nothing = { countsLive: false, result: null };
    const none = { tenants: [], notChecked: [], database: { name: database }, notReached: 0, ...nothing };
    if (all === null)
      return {
        ...none,
        notChecked: mayHoldTenants(database, ctx.bounds) ? [makeUnreadableNotChecked(database)] : [],
      };
    if (all.length === 0) return none;
    const due = inTurns ? selectSample(all, ({ namespace }) => `${database}/${namespace}`, ctx.turn) : all;
    const [tenants, notChecked]: [CheckedTenant[], NotCheckedTenant[]] = [[], []];
    let notReached = 0;
    for (const each of due) {
      if (isPastDeadline(ctx)) notReached++;
      else {
        const seen = await checkTenant(db, ctx, database, each);
        if (seen !== null && 'why' in seen) notChecked.push(seen);
        else if (seen !== null) tenants.push(seen);
      }
    }
    // The statements that run in a database of many tenants cannot be attributed to one of them.
    const countsLive = tenants.some(({ name, workload }) => name === database && workload != null);
    const result =
      !audits || isPastDeadline(ctx)
        ? null
        : await checkAuditDrift(db, ctx, ctx.namespace, { workload: null, failed: [] });
    return { tenants, notChecked, database: { name: database }, notReached, countsLive, result };
  });

const makeUnreadableNotChecked = (name: string): NotCheckedTenant => ({
  name,
  why: "The server's login may not read its ledger.",
});

/** Checks one tenant. Returns null if it no longer exists. */
async function checkTenant(
  db: Database,
  ctx: Omit<FleetCheckContext, 'connect'>,
  database: string,
  { namespace, schema }: DatabaseTenant,
): Promise<CheckedTenant | NotCheckedTenant | null> {
  const name = schema === null ? database : `${database}/${schema}`;
  try {
    const verification = await verifyDatabase(db, ctx, namespace, ctx.ownerRole);
    const [refused] = verification.errors.filter((error) => isAccessRefused(error, ctx.bounds));
    const errors = verification.errors.filter((error) => !isAccessRefused(error, ctx.bounds));
    const { workload } = await checkWorkloadDrift(db, ctx, namespace);
    const notChecked = refused === undefined ? {} : { notChecked: describeError(refused) };
    return { name, verification: { ...verification, errors }, workload, ...notChecked };
  } catch (error) {
    if (!(error instanceof TrueupError)) throw error;
    if (error.info.code === 'target') return null;
    if (isAccessRefused(error.info, ctx.bounds)) return { name, why: describeError(error.info) };
    const nothing = { namespace, verified: [], findings: [], withoutVerify: [], pending: [] };
    return { name, verification: { ...nothing, errors: [error.info] } };
  } finally {
    // The tenant's search path must not leak into the next check.
    await db.reset().catch(() => {});
  }
}

/**
 * Whether the error is a missing privilege of this login. A tenant may have been migrated with its own login, so the
 * error says nothing about the tenant.
 */
const isAccessRefused = ({ sqlstate }: ErrorInfo, bounds: TenantListLimits = {}): boolean =>
  sqlstate === '42501' && bounds.secretPrefix !== undefined;

/**
 * Builds a query for databases that accept connections, without templates, and without databases whose DROP was
 * interrupted (datconnlimit -2). @param may whether this login may connect to them
 */
const buildDatabasesSql = (
  may: boolean,
): string => `SELECT d.datname::pg_catalog.text AS name FROM pg_catalog.pg_database d
WHERE d.datallowconn AND NOT d.datistemplate AND d.datconnlimit OPERATOR(pg_catalog.<>) -2
  AND d.datname OPERATOR(pg_catalog.<>) 'rdsadmin'::pg_catalog.name AND ${may ? '' : 'NOT '}pg_catalog.has_database_privilege(d.oid, 'CONNECT')
ORDER BY d.datname`;

const readNames = async (db: Database, sql: string): Promise<string[]> =>
  (await db.query<{ name: string }>(sql)).map(({ name }) => name);

/** Returns the databases that this login may connect to. */
export const listDatabases = (db: Database): Promise<string[]> => readNames(db, buildDatabasesSql(true));

const listClosedDatabases = (db: Database): Promise<string[]> => readNames(db, buildDatabasesSql(false));

interface DatabaseTenant {
  readonly namespace: string;
  /** The tenant's schema, or null if it has the whole database. */
  readonly schema: string | null;
  readonly [column: string]: unknown;
}

/** Lists the tenants of a ledger. */
const TENANTS_SQL = `SELECT n.name AS namespace, s.own AS schema FROM trueup.namespaces n
CROSS JOIN LATERAL (SELECT n.schemas[1] AS own) s
WHERE (n.name OPERATOR(pg_catalog.=) $1::pg_catalog.text
    OR pg_catalog.starts_with(n.name, $1::pg_catalog.text OPERATOR(pg_catalog.||) '/'::pg_catalog.text) AND s.own IS NOT NULL)
  AND (s.own IS NULL OR EXISTS (SELECT FROM pg_catalog.pg_namespace p
    WHERE p.nspname OPERATOR(pg_catalog.=) s.own::pg_catalog.name))
ORDER BY n.name`;

/** SQLSTATEs of a database without a ledger, which is not part of the fleet. */
const NO_LEDGER_SQLSTATES = new Set(['42P01', '3F000']);

/**
 * Returns the tenants in the database's ledger, or null if this role may not read the ledger. @param namespace the
 * ledger namespace of the folder @returns an empty list if there is no ledger
 */
export async function readTenants(
  db: Database,
  namespace: string,
): Promise<readonly DatabaseTenant[] | null> {
  try {
    return await db.query<DatabaseTenant>(TENANTS_SQL, [namespace]);
  } catch (error) {
    if (!(error instanceof SqlError)) throw error;
    if (NO_LEDGER_SQLSTATES.has(error.sqlstate)) return [];
    if (error.sqlstate === '42501') return null;
    throw error;
  }
}
