/** The ledger as it is read, in one round trip. */
import { type Database, SqlError } from '../postgres/database';
import { readLongText } from '../postgres/long-text';
import { TrueupError } from './errors';
import { LEDGER_VERSION } from './ledger-schema';
import type { ManifestEntry, Target } from './manifest';
import type { Direction, FailedDeployment, Outcome } from './request';

export interface LedgerMigration {
  readonly name: string;
  readonly kind: 'versioned' | 'repeatable';
  readonly state: 'applied' | 'unverified' | 'partial' | 'undone';
  readonly upChecksum: string;
  /** Statements done. */
  readonly statement: number;
  readonly statementChecksums: readonly string[];
  readonly running: number | null;
  /** What the running statement makes. */
  readonly target: Target | null;
  readonly attempts: number;
  readonly proved: boolean;
  /** It was there before, and a baseline recorded it without running it. */
  readonly baselined: boolean;
  readonly deployment: string;
  readonly appliedAt: string;
  readonly durationMs: number;
}

export interface LedgerDeployment {
  readonly id: string;
  readonly direction: Direction;
  readonly manifestHash: string;
  readonly outcome: 'running' | 'done' | 'failed';
  readonly result: Outcome | null;
  /** {@link ConvergeRequest.startedAt}, by the clock of whoever asked. */
  readonly requestedAt: string | null;
  readonly startedAt: string;
  readonly finishedAt: string | null;
}

/** What a rollback may undo: the deployment that failed, as it recorded itself. */
export interface FailedRecord {
  readonly id: string;
  readonly entries: readonly ManifestEntry[];
  /** `down` of what it applied, by name. */
  readonly downs: Readonly<Record<string, string | null>>;
}

export interface Server {
  readonly version: string;
  readonly versionNumber: number;
  readonly inRecovery: boolean;
  readonly role: string;
  /** Null: there is no such role. True when no owner role is asked for. */
  readonly canActAsOwner: boolean | null;
}

export interface Ledger {
  readonly server: Server;
  /** The role that made the ledger; null before the first run. */
  readonly schemaOwner: string | null;
  /** The login may bring the ledger and its functions up to date. */
  readonly mayInstall: boolean;
  /** Null before the first run. */
  readonly version: number | null;
  readonly readableBy: number | null;
  readonly verification: number | null;
  readonly owner: string | null;
  /** In the order in which they were applied. */
  readonly migrations: readonly LedgerMigration[];
  /** The request's own row, and the newest of the namespace. */
  readonly deployment: LedgerDeployment | null;
  readonly newest: LedgerDeployment | null;
}

/*
 * Everything is named by its schema and compared by exact types: a function or operator that somebody put into a schema
 * on the role's search_path, and that fits better, would otherwise be called with this role's rights (CVE-2018-1058).
 */
const SERVER = `pg_catalog.json_build_object('version', pg_catalog.current_setting('server_version'),
  'versionNumber', pg_catalog.current_setting('server_version_num')::int,
  'inRecovery', pg_catalog.pg_is_in_recovery(), 'role', current_user,
  'canActAsOwner', CASE WHEN $1::text IS NULL THEN true ELSE
    (SELECT pg_catalog.pg_has_role(current_user, oid, 'USAGE') AND pg_catalog.pg_has_role(current_user, oid,
       CASE WHEN pg_catalog.current_setting('server_version_num')::int >= 160000 THEN 'SET' ELSE 'MEMBER' END)
     FROM pg_catalog.pg_roles WHERE rolname OPERATOR(pg_catalog.=) $1::text) END)`;

const DEPLOYMENT = `pg_catalog.json_build_object('id', id, 'direction', direction, 'manifestHash', manifest_hash,
  'outcome', outcome, 'result', result, 'requestedAt', request OPERATOR(pg_catalog.->>) 'startedAt'::text,
  'startedAt', started_at, 'finishedAt', finished_at)`;

/** One document, since a ledger with many migrations is longer than a row may be in the Data API. */
const READ = `SELECT pg_catalog.json_build_object('server', ${SERVER},
  'version', l.version, 'readableBy', l.readable_by, 'verification', l.verification,
  'schemaOwner', (SELECT pg_catalog.pg_get_userbyid(relowner) FROM pg_catalog.pg_class
     WHERE oid OPERATOR(pg_catalog.=) l.tableoid),
  'mayInstall', (SELECT pg_catalog.pg_has_role(current_user, relowner, 'USAGE') FROM pg_catalog.pg_class
     WHERE oid OPERATOR(pg_catalog.=) l.tableoid),
  'owner', (SELECT owner FROM trueup.namespaces WHERE name OPERATOR(pg_catalog.=) $2::text),
  'migrations', (SELECT coalesce(pg_catalog.json_agg(pg_catalog.json_build_object('name', name, 'kind', kind,
     'state', state, 'upChecksum', up_checksum, 'statement', statement, 'statementChecksums', statement_checksums,
     'running', running, 'target', running_target, 'attempts', attempts, 'proved', proved, 'baselined', baselined,
     'deployment', deployment,
     'appliedAt', applied_at, 'durationMs', duration_ms)
     ORDER BY applied_at, name), '[]') FROM trueup.migrations WHERE namespace OPERATOR(pg_catalog.=) $2::text),
  'deployment', (SELECT ${DEPLOYMENT} FROM trueup.deployments
     WHERE namespace OPERATOR(pg_catalog.=) $2::text AND id OPERATOR(pg_catalog.=) $3::text),
  'newest', (SELECT ${DEPLOYMENT} FROM trueup.deployments
     WHERE namespace OPERATOR(pg_catalog.=) $2::text ORDER BY seq DESC LIMIT 1))::text
FROM trueup.ledger l`;

/** What is there of a ledger that cannot be read: a table that is missing is not "no ledger". */
const REMAINS = `SELECT (${SERVER})::text AS server, (SELECT pg_catalog.count(*)::int FROM pg_catalog.pg_class c
  JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace
  WHERE n.nspname OPERATOR(pg_catalog.=) 'trueup'::name AND c.relname OPERATOR(pg_catalog.=)
    ANY ('{ledger,namespaces,migrations,deployments,events}'::name[])) AS remains`;

const NO_LEDGER: Omit<Ledger, 'server'> = {
  schemaOwner: null,
  mayInstall: true,
  version: null,
  readableBy: null,
  verification: null,
  owner: null,
  migrations: [],
  deployment: null,
  newest: null,
};

/** There is no ledger yet: no table, or no schema. */
const MISSING = new Set(['42P01', '3F000']);

export async function readLedger(
  db: Database,
  namespace: string,
  requestId: string | null,
  ownerRole: string | null,
): Promise<Ledger> {
  const params = [ownerRole, namespace, requestId];
  const ledger = await readWhole(db, params);
  if (ledger) return ledger;
  const [found] = await db.query<{ server: string; remains: number }>(REMAINS, [ownerRole]);
  if (found!.remains === 0) return { ...NO_LEDGER, server: JSON.parse(found!.server) };
  // Another runner may have made it between the two questions.
  const since = await readWhole(db, params);
  if (since) return since;
  throw damaged();
}

async function readWhole(db: Database, params: readonly (string | null)[]): Promise<Ledger | null> {
  try {
    const found = await readLongText(db, READ, params);
    return found === null ? null : (JSON.parse(found) as Ledger);
  } catch (error) {
    if (!(error instanceof SqlError)) throw error;
    if (error.sqlstate === '42501') throw noAccess();
    if (!MISSING.has(error.sqlstate)) throw error;
    return null;
  }
}

const damaged = (): TrueupError =>
  new TrueupError({
    code: 'ledger',
    message: "a part of Trueup's ledger (schema trueup) is missing, so what is applied is not known",
    remedy:
      'Restore schema trueup from a backup. Or, if that cannot be had, drop the schema and record what the database holds by `trueup baseline`.',
  });

const noAccess = (): TrueupError =>
  new TrueupError({
    code: 'privilege',
    message: "the login role may not read Trueup's ledger (schema trueup), which another role owns",
    remedy:
      'Run as the role that owns schema trueup, or: GRANT USAGE ON SCHEMA trueup TO <role>; GRANT SELECT, INSERT, UPDATE ON ALL TABLES IN SCHEMA trueup TO <role>.',
    sqlstate: '42501',
  });

/**
 * The deployment that failed: the newest forward one of this namespace, if it is about that manifest and began in the
 * attempt that is rolled back. One that never got as far as the ledger is not taken for an older one of the same files.
 */
export async function readFailed(
  db: Database,
  namespace: string,
  { manifestHash, since }: FailedDeployment,
): Promise<FailedRecord | null> {
  const found = await readLongText(
    db,
    `SELECT pg_catalog.json_build_object('id', d.id, 'entries', d.entries, 'manifestHash', d.manifest_hash,
  'requestedAt', d.request OPERATOR(pg_catalog.->>) 'startedAt'::text,
  'downs', (SELECT coalesce(pg_catalog.json_object_agg(m.name, m.down), '{}') FROM trueup.migrations m
    WHERE m.namespace OPERATOR(pg_catalog.=) d.namespace AND m.deployment OPERATOR(pg_catalog.=) d.id))::text
FROM trueup.deployments d WHERE d.namespace OPERATOR(pg_catalog.=) $1::text
  AND d.direction OPERATOR(pg_catalog.<>) 'rollback'::text ORDER BY d.seq DESC LIMIT 1`,
    [namespace],
  );
  if (found === null) return null;
  const newest = JSON.parse(found) as FailedRecord & { manifestHash: string; requestedAt: string | null };
  const inTime = !since || (newest.requestedAt !== null && newest.requestedAt >= since);
  return inTime && newest.manifestHash === manifestHash ? newest : null;
}

export const readable = (ledger: Ledger): boolean =>
  ledger.readableBy === null || ledger.readableBy <= LEDGER_VERSION;
