/** The ledger as it is read, in one round trip. */

import { setTimeout as sleep } from 'node:timers/promises';
import type { FailedDeployment } from '../../contract/converge';
import { TrueupError } from '../../contract/errors';
import { type Database, SqlError } from '../../postgres/database';
import { readLongText } from '../../postgres/long-text';
import type { Ledger, UndoableDeployment } from './ledger';
import { LEDGER_VERSION } from './schema';

/*
 * Everything is named by its schema and compared by exact types: a function, operator or type that somebody put into a schema
 * on the role's search_path, and that fits better, would otherwise be called with this role's rights (CVE-2018-1058).
 */
const SERVER = `pg_catalog.json_build_object('version', pg_catalog.current_setting('server_version'),
  'versionNumber', pg_catalog.current_setting('server_version_num')::int,
  'inRecovery', pg_catalog.pg_is_in_recovery(), 'role', current_user,
  'canActAsOwner', CASE WHEN $1::pg_catalog.text IS NULL THEN true ELSE
    (SELECT pg_catalog.pg_has_role(current_user, oid, 'USAGE') AND pg_catalog.pg_has_role(current_user, oid,
       CASE WHEN pg_catalog.current_setting('server_version_num')::int >= 160000 THEN 'SET' ELSE 'MEMBER' END)
     FROM pg_catalog.pg_roles WHERE rolname OPERATOR(pg_catalog.=) $1::pg_catalog.text) END)`;

const DEPLOYMENT = `pg_catalog.json_build_object('id', id, 'direction', direction, 'manifestHash', manifest_hash,
  'outcome', outcome, 'result', result, 'requestedAt', request OPERATOR(pg_catalog.->>) 'startedAt'::pg_catalog.text,
  'startedAt', started_at, 'finishedAt', finished_at)`;

/** What the newest deployment of a stack carried in another form than it is applied, should that have been its failure. */
const REFUSED = `(SELECT coalesce(pg_catalog.json_agg(pg_catalog.json_build_object('name', e.name, 'upChecksum', e.up,
     'provable', e.verify IS NOT NULL)), '[]')
   FROM (SELECT entries, outcome, result FROM trueup.deployments WHERE namespace OPERATOR(pg_catalog.=) $2::pg_catalog.text
       AND direction OPERATOR(pg_catalog.<>) 'rollback'::pg_catalog.text
       AND request OPERATOR(pg_catalog.->>) 'owner'::pg_catalog.text IS NOT NULL
     ORDER BY seq DESC LIMIT 1) d
   CROSS JOIN LATERAL pg_catalog.jsonb_to_recordset(d.entries) AS e (name pg_catalog.text, up pg_catalog.text, verify pg_catalog.text)
   JOIN trueup.migrations m ON m.namespace OPERATOR(pg_catalog.=) $2::pg_catalog.text AND m.name OPERATOR(pg_catalog.=) e.name
     AND m.state OPERATOR(pg_catalog.=) 'applied'::pg_catalog.text AND m.kind OPERATOR(pg_catalog.=) 'versioned'::pg_catalog.text
     AND m.up_checksum OPERATOR(pg_catalog.<>) e.up
   WHERE d.outcome OPERATOR(pg_catalog.=) 'failed'::pg_catalog.text AND d.result OPERATOR(pg_catalog.->) 'error'::pg_catalog.text
     OPERATOR(pg_catalog.->>) 'code'::pg_catalog.text OPERATOR(pg_catalog.=) 'history'::pg_catalog.text)`;

/**
 * Who owns schema trueup can replace the functions in it, which run with this login's rights: the login itself, whoever
 * can act as it anyway, or the role that made the ledger. Null where it is one of these, or where there is no schema.
 */
const foreignOwner = (ledgerOwner: string): string => `(SELECT pg_catalog.pg_get_userbyid(n.nspowner)
  FROM pg_catalog.pg_namespace n CROSS JOIN pg_catalog.pg_roles me
  WHERE n.nspname OPERATOR(pg_catalog.=) 'trueup'::pg_catalog.name AND me.rolname OPERATOR(pg_catalog.=) current_user
    AND NOT pg_catalog.pg_has_role(n.nspowner, me.oid, 'MEMBER')
    AND n.nspowner OPERATOR(pg_catalog.<>) ${ledgerOwner}
    AND NOT EXISTS (SELECT FROM pg_catalog.pg_roles r WHERE r.rolname OPERATOR(pg_catalog.=) 'rds_superuser'::pg_catalog.name
      AND pg_catalog.pg_has_role(n.nspowner, r.oid, 'MEMBER')))`;

/** A ledger of format 1 has no such column. */
const promise = (column: string): string =>
  `(SELECT pg_catalog.to_jsonb(n) OPERATOR(pg_catalog.->>) '${column}'::pg_catalog.text FROM trueup.namespaces n
     WHERE n.name OPERATOR(pg_catalog.=) $2::pg_catalog.text)`;

/** One document, since a ledger with many migrations is longer than a row may be in the Data API. */
const READ = `SELECT pg_catalog.json_build_object('server', ${SERVER},
  'version', l.version, 'readableBy', l.readable_by, 'verification', l.verification,
  'schemaOwner', (SELECT pg_catalog.pg_get_userbyid(relowner) FROM pg_catalog.pg_class
     WHERE oid OPERATOR(pg_catalog.=) l.tableoid),
  'mayInstall', (SELECT pg_catalog.pg_has_role(current_user, relowner, 'USAGE') FROM pg_catalog.pg_class
     WHERE oid OPERATOR(pg_catalog.=) l.tableoid),
  'foreignOwner', ${foreignOwner('(SELECT relowner FROM pg_catalog.pg_class WHERE oid OPERATOR(pg_catalog.=) l.tableoid)')},
  'owner', (SELECT owner FROM trueup.namespaces WHERE name OPERATOR(pg_catalog.=) $2::pg_catalog.text),
  'schemas', (SELECT pg_catalog.to_jsonb(n) OPERATOR(pg_catalog.->) 'schemas'::pg_catalog.text FROM trueup.namespaces n
     WHERE n.name OPERATOR(pg_catalog.=) $2::pg_catalog.text),
  'promise', ${promise('promise')}, 'nextPromise', ${promise('next_promise')},
  'migrations', (SELECT coalesce(pg_catalog.json_agg(pg_catalog.json_build_object('name', name, 'kind', kind,
     'state', state, 'upChecksum', up_checksum, 'statement', statement, 'statementChecksums', statement_checksums,
     'running', running, 'target', running_target, 'attempts', attempts, 'proved', proved, 'baselined', baselined,
     'deployment', deployment,
     'appliedAt', applied_at, 'durationMs', duration_ms)
     ORDER BY applied_at, name), '[]') FROM trueup.migrations WHERE namespace OPERATOR(pg_catalog.=) $2::pg_catalog.text),
  'deployment', (SELECT ${DEPLOYMENT} FROM trueup.deployments
     WHERE namespace OPERATOR(pg_catalog.=) $2::pg_catalog.text AND id OPERATOR(pg_catalog.=) $3::pg_catalog.text),
  'newest', (SELECT ${DEPLOYMENT} FROM trueup.deployments
     WHERE namespace OPERATOR(pg_catalog.=) $2::pg_catalog.text ORDER BY seq DESC LIMIT 1),
  'rolledBack', (SELECT ${DEPLOYMENT} FROM trueup.deployments
     WHERE namespace OPERATOR(pg_catalog.=) $2::pg_catalog.text AND direction OPERATOR(pg_catalog.=) 'rollback'::pg_catalog.text
       AND seq OPERATOR(pg_catalog.>) coalesce((SELECT pg_catalog.max(d.seq) FROM trueup.deployments d
         WHERE d.namespace OPERATOR(pg_catalog.=) $2::pg_catalog.text AND d.direction OPERATOR(pg_catalog.<>) 'rollback'::pg_catalog.text
           AND d.outcome OPERATOR(pg_catalog.=) 'done'::pg_catalog.text
           AND d.request OPERATOR(pg_catalog.->>) 'owner'::pg_catalog.text IS NOT NULL), 0::pg_catalog.int8)
     ORDER BY seq DESC LIMIT 1),
  'completed', EXISTS (SELECT FROM trueup.deployments
     WHERE namespace OPERATOR(pg_catalog.=) $2::pg_catalog.text AND outcome OPERATOR(pg_catalog.=) 'done'::pg_catalog.text
       AND direction OPERATOR(pg_catalog.<>) 'rollback'::pg_catalog.text
       AND request OPERATOR(pg_catalog.->>) 'remove'::pg_catalog.text IS DISTINCT FROM 'true'
       AND request OPERATOR(pg_catalog.->>) 'baselineOnly'::pg_catalog.text IS DISTINCT FROM 'true'),
  'accepted', (SELECT coalesce(pg_catalog.json_agg(pg_catalog.json_build_object('name', migration,
     'upChecksum', detail OPERATOR(pg_catalog.->>) 'upChecksum'::pg_catalog.text)), '[]') FROM trueup.events
     WHERE namespace OPERATOR(pg_catalog.=) $2::pg_catalog.text AND event OPERATOR(pg_catalog.=) 'accepted'::pg_catalog.text),
  'refused', ${REFUSED})::pg_catalog.text
FROM trueup.ledger l`;

/** What is there of a ledger that cannot be read: a table that is missing is not "no ledger". */
const REMAINS = `SELECT (${SERVER})::pg_catalog.text AS server, (SELECT pg_catalog.count(*)::int FROM pg_catalog.pg_class c
  JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace
  WHERE n.nspname OPERATOR(pg_catalog.=) 'trueup'::pg_catalog.name AND c.relname OPERATOR(pg_catalog.=)
    ANY ('{ledger,namespaces,migrations,deployments,events}'::pg_catalog.name[])) AS remains,
  ${foreignOwner('0::pg_catalog.oid')} AS foreign_owner`;

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

/**
 * A commit is in every new snapshot a moment before other sessions forget that its tables were not there
 * (CommitTransaction() in PostgreSQL's xact.c: ProcArrayEndTransaction() comes before AtEOXact_Inval()).
 */
const PAUSES_MS = [0, 50, 200, 1_000];

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
  const [found] = await db.query<{ server: string; remains: number; foreign_owner: string | null }>(REMAINS, [
    ownerRole,
  ]);
  if (found!.foreign_owner !== null) throw schemaOfAnother(found!.foreign_owner);
  if (found!.remains === 0) return { ...NO_LEDGER, server: JSON.parse(found!.server) };
  // Another runner may have made it between the two questions.
  for (const pause of PAUSES_MS) {
    await sleep(pause);
    const since = await readWhole(db, params);
    if (since) return since;
  }
  throw damaged();
}

async function readWhole(db: Database, params: readonly (string | null)[]): Promise<Ledger | null> {
  try {
    const found = await readLongText(db, READ, params);
    if (found === null) return null;
    const { foreignOwner, ...ledger } = JSON.parse(found) as Ledger & { foreignOwner: string | null };
    if (foreignOwner !== null) throw schemaOfAnother(foreignOwner);
    return ledger;
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
    message: "part of Trueup's ledger (schema trueup) is missing, so it is not known what is applied",
    remedy:
      'Restore schema trueup from a backup. Without a backup, drop the schema and record what the database holds with `trueup baseline`.',
  });

const schemaOfAnother = (owner: string): TrueupError =>
  new TrueupError({
    code: 'privilege',
    message: `schema trueup belongs to role ${owner}, which could place code there that runs with the rights of this login`,
    remedy:
      'Check what is in it. If you trust it: ALTER SCHEMA trueup OWNER TO <login>. If not: DROP SCHEMA trueup ' +
      'CASCADE, which loses the record of what is applied.',
    sqlstate: '42501',
  });

const noAccess = (): TrueupError =>
  new TrueupError({
    code: 'privilege',
    message: "the login role may not read Trueup's ledger (schema trueup), which another role owns",
    remedy:
      'Run as the role that owns schema trueup, or: GRANT USAGE ON SCHEMA trueup TO <role>; GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA trueup TO <role>.',
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
): Promise<UndoableDeployment | null> {
  const found = await readLongText(
    db,
    `SELECT pg_catalog.json_build_object('id', d.id, 'entries', d.entries, 'manifestHash', d.manifest_hash,
  'requestedAt', d.request OPERATOR(pg_catalog.->>) 'startedAt'::pg_catalog.text,
  'downs', (SELECT coalesce(pg_catalog.json_object_agg(m.name, m.down), '{}') FROM trueup.migrations m
    WHERE m.namespace OPERATOR(pg_catalog.=) d.namespace AND m.deployment OPERATOR(pg_catalog.=) d.id))::pg_catalog.text
FROM trueup.deployments d WHERE d.namespace OPERATOR(pg_catalog.=) $1::pg_catalog.text
  AND d.direction OPERATOR(pg_catalog.<>) 'rollback'::pg_catalog.text ORDER BY d.seq DESC LIMIT 1`,
    [namespace],
  );
  if (found === null) return null;
  const newest = JSON.parse(found) as UndoableDeployment & {
    manifestHash: string;
    requestedAt: string | null;
  };
  const inTime = !since || (newest.requestedAt !== null && newest.requestedAt >= since);
  return inTime && newest.manifestHash === manifestHash ? newest : null;
}

export const readable = (ledger: Ledger): boolean =>
  ledger.readableBy === null || ledger.readableBy <= LEDGER_VERSION;
