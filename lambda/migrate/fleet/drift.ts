/**
 * The scheduled check of a fleet's server. Who its tenants are is read from the ledgers, in each database that the login may
 * connect to: so it needs no list, and a tenant that is gone is not asked.
 */

import { describeError, type ErrorInfo, TrueupError } from '../../contract/errors';
import type { ListBounds } from '../../contract/fleet';
import type { FleetDrift } from '../../contract/fleet-drift';
import { countLiveOn } from '../../engine/guard/count-live';
import type { EngineContext } from '../../engine/run';
import { withDatabase } from '../../engine/time/session';
import { verifyOn } from '../../engine/verify';
import { type DatabaseSeen, fleetDrift, type NotSeen, type TenantSeen } from '../../fleet/drift';
import { matches } from '../../fleet/pattern';
import { FEW_DATABASES, isTurnOf, sampleOf, type Turn } from '../../fleet/sample';
import { type Database, SqlError } from '../../postgres/database';
import { auditDrift } from '../audit-drift';
import type { Connect } from '../connect';
import { readServerLogging } from '../drift';
import { workloadDrift } from '../workload-drift';
import { runnersOn } from './server';

export interface FleetCheckContext {
  readonly connect: Connect;
  readonly manifest: EngineContext['manifest'];
  readonly deadline: number;
  /** Of the folder. */
  readonly namespace: string;
  readonly ownerRole: string | null;
  readonly turn: Turn;
  /** What targets may be: where this login may not look there may be tenants. @default - any database, with this login */
  readonly bounds?: ListBounds;
}

/** One database that does not answer keeps the others waiting for no longer. */
const PATIENCE_MS = 5_000;
/** Kept for the answer, and for what one tenant takes at most beyond its time. */
const MARGIN_MS = 15_000;

/** @throws {TrueupError} when the server cannot be reached, by way of the database that the settings name */
export async function checkFleet(ctx: FleetCheckContext, audits: boolean): Promise<FleetDrift> {
  const own = { ...ctx, connect: () => ctx.connect({ readOnly: true }) };
  const { logging, deploying, all, closed } = await withDatabase(own, async (db) => ({
    logging: await readServerLogging(db, ctx.namespace),
    deploying: (await runnersOn(db, ctx.namespace)).count > 0,
    all: await databasesOf(db),
    closed: await closedDatabasesOf(db),
  }));
  const notSeen: NotSeen[] = closed
    .filter((name) => mayHoldTenants(name, ctx.bounds))
    .map((name) => ({ name, why: "The server's login may not connect to it." }));
  const few = all.length <= FEW_DATABASES;
  const tenants: TenantSeen[] = [];
  const databases: DatabaseSeen[] = [];
  let notReached = 0;
  for (const database of few ? all : sampleOf(all, (name) => name, ctx.turn)) {
    if (isLate(ctx)) {
      notReached++;
      continue;
    }
    const audit = audits && (!few || isTurnOf(database, ctx.turn));
    try {
      const seen = await seeDatabase(ctx, database, few, audit);
      tenants.push(...seen.tenants);
      notSeen.push(...seen.notSeen);
      databases.push(seen.database);
      notReached += seen.notReached;
    } catch (error) {
      if (!(error instanceof TrueupError)) throw error;
      // It was dropped meanwhile.
      if (error.info.sqlstate !== '3D000') databases.push({ name: database, error: error.info });
    }
  }
  return fleetDrift(tenants, databases, { notReached, deploying, logging }, notSeen);
}

/** Where no pattern says it, a database is a tenant's by its ledger, or by a list that may name logins of tenants. */
const mayHoldTenants = (name: string, { databases, secretPrefix }: ListBounds = {}): boolean =>
  databases === undefined ? secretPrefix !== undefined : databases.some((pattern) => matches(pattern, name));

const isLate = ({ deadline }: Pick<FleetCheckContext, 'deadline'>): boolean =>
  Date.now() > deadline - MARGIN_MS;

interface Seen {
  readonly tenants: readonly TenantSeen[];
  readonly notSeen: readonly NotSeen[];
  readonly database: DatabaseSeen;
  readonly notReached: number;
}

const seeDatabase = (
  ctx: FleetCheckContext,
  database: string,
  inTurns: boolean,
  audit: boolean,
): Promise<Seen> =>
  withDatabase(
    {
      ...ctx,
      connectPatienceMs: PATIENCE_MS,
      connect: () => ctx.connect({ readOnly: true, database }),
    },
    async (db) => {
      const all = await tenantsOf(db, ctx.namespace);
      const none = { tenants: [], notSeen: [], database: { name: database }, notReached: 0 };
      if (all === null)
        return { ...none, notSeen: mayHoldTenants(database, ctx.bounds) ? [unreadable(database)] : [] };
      if (all.length === 0) return none;
      const due = inTurns ? sampleOf(all, ({ namespace }) => `${database}/${namespace}`, ctx.turn) : all;
      const [tenants, notSeen]: [TenantSeen[], NotSeen[]] = [[], []];
      let notReached = 0;
      for (const each of due) {
        if (isLate(ctx)) notReached++;
        else {
          const seen = await seeTenant(db, ctx, database, each);
          if (seen !== null && 'why' in seen) notSeen.push(seen);
          else if (seen !== null) tenants.push(seen);
        }
      }
      if (!audit || isLate(ctx)) return { tenants, notSeen, database: { name: database }, notReached };
      const found = await auditDrift(db, ctx, ctx.namespace, { workload: null, failed: [] });
      return { tenants, notSeen, database: { name: database, audit: found }, notReached };
    },
  );

const unreadable = (name: string): NotSeen => ({ name, why: "The server's login may not read its ledger." });

/** Null where it is gone by now. */
async function seeTenant(
  db: Database,
  ctx: FleetCheckContext,
  database: string,
  { namespace, schema }: TenantHere,
): Promise<TenantSeen | NotSeen | null> {
  const name = schema === null ? database : `${database}/${schema}`;
  try {
    const verification = await verifyOn(db, ctx, namespace, ctx.ownerRole);
    const [refused] = verification.errors.filter((error) => isRefused(error, ctx.bounds));
    const errors = verification.errors.filter((error) => !isRefused(error, ctx.bounds));
    const { workload } = await workloadDrift(db, ctx, namespace);
    // What runs in a database of many tenants is nobody's alone.
    if (workload !== null && schema === null) await countLiveOn(db, ctx.ownerRole);
    const notSeen = refused === undefined ? {} : { notSeen: describeError(refused) };
    return { name, verification: { ...verification, errors }, workload, ...notSeen };
  } catch (error) {
    if (!(error instanceof TrueupError)) throw error;
    if (error.info.code === 'target') return null;
    if (isRefused(error.info, ctx.bounds)) return { name, why: describeError(error.info) };
    const nothing = { namespace, proved: [], findings: [], unproved: [], pending: [] };
    return { name, verification: { ...nothing, errors: [error.info] } };
  } finally {
    // A tenant's search path is not the next one's.
    if (db.capabilities.session) await db.query('DISCARD ALL').catch(() => {});
  }
}

/** A tenant may have been migrated with a login of its own: what this one may not look at says nothing of the tenant. */
const isRefused = ({ sqlstate }: ErrorInfo, bounds: ListBounds = {}): boolean =>
  sqlstate === '42501' && bounds.secretPrefix !== undefined;

/** Those that take anybody; neither a template, nor one whose DROP was cut short. @param may whether this login may connect */
const databases = (
  may: boolean,
): string => `SELECT d.datname::pg_catalog.text AS name FROM pg_catalog.pg_database d
WHERE d.datallowconn AND NOT d.datistemplate AND d.datconnlimit OPERATOR(pg_catalog.<>) -2
  AND d.datname OPERATOR(pg_catalog.<>) 'rdsadmin'::pg_catalog.name AND ${may ? '' : 'NOT '}pg_catalog.has_database_privilege(d.oid, 'CONNECT')
ORDER BY d.datname`;

const namesOf = async (db: Database, sql: string): Promise<string[]> =>
  (await db.query<{ name: string }>(sql)).map(({ name }) => name);

/** This login may connect to them. */
export const databasesOf = (db: Database): Promise<string[]> => namesOf(db, databases(true));

const closedDatabasesOf = (db: Database): Promise<string[]> => namesOf(db, databases(false));

interface TenantHere {
  readonly namespace: string;
  /** Null: it has the whole database. */
  readonly schema: string | null;
  readonly [column: string]: unknown;
}

/** A ledger of an older version has no schemas. */
const TENANTS = `SELECT n.name AS namespace, s.own AS schema FROM trueup.namespaces n
CROSS JOIN LATERAL (SELECT pg_catalog.to_jsonb(n) OPERATOR(pg_catalog.->) 'schemas'::pg_catalog.text OPERATOR(pg_catalog.->>) 0 AS own) s
WHERE (n.name OPERATOR(pg_catalog.=) $1::pg_catalog.text
    OR pg_catalog.starts_with(n.name, $1::pg_catalog.text OPERATOR(pg_catalog.||) '/'::pg_catalog.text) AND s.own IS NOT NULL)
  AND (s.own IS NULL OR EXISTS (SELECT FROM pg_catalog.pg_namespace p
    WHERE p.nspname OPERATOR(pg_catalog.=) s.own::pg_catalog.name))
ORDER BY n.name`;

/** It is no database of the fleet. */
const NO_LEDGER = new Set(['42P01', '3F000']);

/** @param namespace of the folder. @returns null: there is a ledger, and this role may not read it */
export async function tenantsOf(db: Database, namespace: string): Promise<readonly TenantHere[] | null> {
  try {
    return await db.query<TenantHere>(TENANTS, [namespace]);
  } catch (error) {
    if (!(error instanceof SqlError)) throw error;
    if (NO_LEDGER.has(error.sqlstate)) return [];
    if (error.sqlstate === '42501') return null;
    throw error;
  }
}
