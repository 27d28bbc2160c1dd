/** Reads the ledger: one query whose it is, and one for its contents. */

import { setTimeout as sleep } from 'node:timers/promises';
import type { FailedDeployment } from '../../contract/converge';
import { TrueupError } from '../../contract/errors';
import { type Database, SqlError } from '../../postgres/database';
import { readLongText } from '../../postgres/long-text';
import { PINNED_SEARCH_PATH } from '../../postgres/pinned-search-path';
import { OWN_LOGIN_COMMENT, UNTRUSTED_ROLES_SQL } from '../../sql/trust';
import type { Ledger, UndoableDeployment } from './ledger';
import { LEDGER_VERSION } from './schema';

/*
 * Every object is schema-qualified and every comparison uses exact types. Otherwise a better-matching function,
 * operator or type that another user put into a schema on the role's search_path would be called with this role's
 * privileges (CVE-2018-1058).
 */
const SERVER_SQL = `pg_catalog.json_build_object('version', pg_catalog.current_setting('server_version'),
  'versionNumber', pg_catalog.current_setting('server_version_num')::pg_catalog.int4,
  'inRecovery', pg_catalog.pg_is_in_recovery(), 'role', current_user,
  'isMaster', EXISTS (SELECT FROM pg_catalog.pg_roles r WHERE r.rolname OPERATOR(pg_catalog.=) 'rds_superuser'::pg_catalog.name
    AND pg_catalog.pg_has_role(r.oid, 'MEMBER')),
  'canActAsOwner', CASE WHEN $1::pg_catalog.text IS NULL THEN true ELSE
    (SELECT pg_catalog.pg_has_role(current_user, oid, 'USAGE') AND pg_catalog.pg_has_role(current_user, oid,
       CASE WHEN pg_catalog.current_setting('server_version_num')::pg_catalog.int4 OPERATOR(pg_catalog.>=) 160000 THEN 'SET' ELSE 'MEMBER' END)
     FROM pg_catalog.pg_roles WHERE rolname OPERATOR(pg_catalog.=) $1::pg_catalog.text) END)`;

const DEPLOYMENT_SQL = `pg_catalog.json_build_object('id', id, 'direction', direction, 'manifestHash', manifest_hash,
  'outcome', outcome, 'result', result, 'requestedAt', request OPERATOR(pg_catalog.->>) 'startedAt'::pg_catalog.text,
  'startedAt', started_at, 'finishedAt', finished_at,
  'byHand', request OPERATOR(pg_catalog.->>) 'owner'::pg_catalog.text IS NULL,
  'appliesAll', direction OPERATOR(pg_catalog.<>) 'rollback'::pg_catalog.text
    AND request OPERATOR(pg_catalog.->>) 'name'::pg_catalog.text IS NULL
    AND coalesce(request OPERATOR(pg_catalog.->>) 'remove'::pg_catalog.text, '') OPERATOR(pg_catalog.<>) 'true'
    AND coalesce(request OPERATOR(pg_catalog.->>) 'baselineOnly'::pg_catalog.text, '') OPERATOR(pg_catalog.<>) 'true',
  'workload', request OPERATOR(pg_catalog.->>) 'workload'::pg_catalog.text,
  'lastSignAt', CASE WHEN outcome OPERATOR(pg_catalog.=) 'running'::pg_catalog.text THEN
    (SELECT pg_catalog.max(e.at) FROM trueup.events e WHERE e.namespace OPERATOR(pg_catalog.=) deployments.namespace
       AND e.event OPERATOR(pg_catalog.=) 'started'::pg_catalog.text
       AND e.deployment OPERATOR(pg_catalog.=) deployments.id) END)`;

/**
 * Selects the manifest entries of the newest deployment of a stack. {@link IS_REFUSED_FOR_FILES_SQL} keeps them only if its
 * files were the reason for its failure.
 */
const REFUSED_ENTRIES_SQL = `(SELECT entries, outcome, result FROM trueup.deployments WHERE namespace OPERATOR(pg_catalog.=) $2::pg_catalog.text
       AND direction OPERATOR(pg_catalog.<>) 'rollback'::pg_catalog.text
       AND request OPERATOR(pg_catalog.->>) 'owner'::pg_catalog.text IS NOT NULL
     ORDER BY seq DESC LIMIT 1) d
   CROSS JOIN LATERAL pg_catalog.jsonb_to_recordset(d.entries) AS e (name pg_catalog.text, up pg_catalog.text,
     verify pg_catalog.text, plain pg_catalog.text, class pg_catalog.text)`;
const IS_REFUSED_FOR_FILES_SQL = `d.outcome OPERATOR(pg_catalog.=) 'failed'::pg_catalog.text AND d.result OPERATOR(pg_catalog.->) 'error'::pg_catalog.text
     OPERATOR(pg_catalog.->>) 'code'::pg_catalog.text OPERATOR(pg_catalog.=) 'history'::pg_catalog.text`;

/** Selects the files whose applied text differs from the one that this deployment carried. */
const REFUSED_MIGRATIONS_SQL = `(SELECT coalesce(pg_catalog.json_agg(pg_catalog.json_build_object('name', e.name, 'upChecksum', e.up,
     'hasVerify', e.verify IS NOT NULL, 'plainChecksum', e.plain)), '[]')
   FROM ${REFUSED_ENTRIES_SQL}
   JOIN trueup.migrations m ON m.namespace OPERATOR(pg_catalog.=) $2::pg_catalog.text AND m.name OPERATOR(pg_catalog.=) e.name
     AND m.state OPERATOR(pg_catalog.=) 'applied'::pg_catalog.text AND m.kind OPERATOR(pg_catalog.=) 'versioned'::pg_catalog.text
     AND m.up_checksum OPERATOR(pg_catalog.<>) e.up
   WHERE ${IS_REFUSED_FOR_FILES_SQL})`;

/** Selects the files of this deployment that the ledger does not contain. */
const REFUSED_FILES_SQL = `(SELECT coalesce(pg_catalog.json_agg(pg_catalog.json_build_object('name', e.name, 'upChecksum', e.up)), '[]')
   FROM ${REFUSED_ENTRIES_SQL}
   WHERE ${IS_REFUSED_FOR_FILES_SQL} AND e.class OPERATOR(pg_catalog.~) '^versioned/'
     AND NOT EXISTS (SELECT FROM trueup.migrations m WHERE m.namespace OPERATOR(pg_catalog.=) $2::pg_catalog.text
       AND m.name OPERATOR(pg_catalog.=) e.name AND m.state OPERATOR(pg_catalog.<>) 'undone'::pg_catalog.text))`;

/** Selects a person's declarations about files. One holds until the file is applied, or taken for another one. */
const DECLARED_RENAMES_SQL = `(SELECT coalesce(pg_catalog.json_agg(pg_catalog.json_build_object('name', e.migration,
     'was', e.detail OPERATOR(pg_catalog.->>) 'was'::pg_catalog.text) ORDER BY e.id), '[]') FROM trueup.events e
   WHERE e.namespace OPERATOR(pg_catalog.=) $2::pg_catalog.text AND e.event OPERATOR(pg_catalog.=) 'declared'::pg_catalog.text
     AND NOT EXISTS (SELECT FROM trueup.events l WHERE l.namespace OPERATOR(pg_catalog.=) e.namespace
       AND l.id OPERATOR(pg_catalog.>) e.id
       AND l.event OPERATOR(pg_catalog.=) ANY ('{applied,unverified,baselined,renamed,undone}'::pg_catalog.text[])
       AND (l.migration OPERATOR(pg_catalog.=) e.migration
         OR l.detail OPERATOR(pg_catalog.->>) 'from'::pg_catalog.text OPERATOR(pg_catalog.=) e.migration)))`;

/**
 * Selects a role that owns schema trueup, or a table or function in it, and is not trusted (lambda/sql/trust.ts). Reading
 * the ledger would run the code of its policies and views, and verifying would run its functions, with this login's
 * privileges. Also trusted are members of rds_superuser, and the dedicated login of this database, which a rollback of
 * `login: 'own'` meets. This login created that role and marked it with a comment. From PostgreSQL 16 on, the membership
 * that only CREATE ROLE grants shows who created it: its grantor is the bootstrap superuser. Earlier, only a role with
 * CREATEROLE can write the comment, and such a role is trusted by every login that is no superuser.
 */
const FOREIGN_OWNER_SQL = `WITH me AS MATERIALIZED (SELECT oid, rolsuper FROM pg_roles WHERE rolname = session_user),
  other AS MATERIALIZED (SELECT r.oid, r.rolname FROM pg_roles r WHERE NOT r.rolsuper AND r.oid <> (SELECT oid FROM me) AND r.oid IN (
      SELECT nspowner FROM pg_namespace WHERE nspname = 'trueup'
      UNION SELECT c.relowner FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = 'trueup'
      UNION SELECT f.proowner FROM pg_proc f JOIN pg_namespace n ON n.oid = f.pronamespace WHERE n.nspname = 'trueup')
    AND NOT EXISTS (SELECT FROM pg_roles s WHERE s.rolname = 'rds_superuser' AND pg_has_role(r.oid, s.oid, 'MEMBER')))
  SELECT other.rolname::text AS name FROM other, me WHERE other.oid = ANY (${UNTRUSTED_ROLES_SQL})
    AND (me.rolsuper
      OR coalesce(shobj_description(other.oid, 'pg_authid'), '') NOT IN ('${OWN_LOGIN_COMMENT}' || current_database(),
        '${OWN_LOGIN_COMMENT}"' || replace(current_database(), '"', '""') || '"')
      OR current_setting('server_version_num')::int >= 160000 AND NOT EXISTS (SELECT FROM pg_auth_members m
        WHERE m.roleid = other.oid AND m.member = me.oid AND m.grantor = 10 AND m.admin_option))
  LIMIT 1`;

/** Selects a column of the namespace's row. */
const buildNamespaceColumnSql = (column: string): string =>
  `(SELECT n.${column} FROM trueup.namespaces n WHERE n.name OPERATOR(pg_catalog.=) $2::pg_catalog.text)`;

/**
 * Selects everything as one document, which is read in parts: the Data API limits the size of a row, and a ledger with many
 * migrations exceeds it.
 */
const READ_LEDGER_SQL = `SELECT pg_catalog.json_build_object('server', ${SERVER_SQL}, 'readAt', pg_catalog.clock_timestamp(),
  'version', l.version, 'readableBy', l.readable_by, 'verification', l.functions_version,
  'schemaOwner', (SELECT pg_catalog.pg_get_userbyid(relowner) FROM pg_catalog.pg_class
     WHERE oid OPERATOR(pg_catalog.=) l.tableoid),
  'mayInstall', (SELECT pg_catalog.pg_has_role(current_user, relowner, 'USAGE') FROM pg_catalog.pg_class
     WHERE oid OPERATOR(pg_catalog.=) l.tableoid),
  'owner', ${buildNamespaceColumnSql('owner')},
  'schemas', ${buildNamespaceColumnSql('schemas')},
  'runningWorkload', ${buildNamespaceColumnSql('workload')}, 'nextWorkload', ${buildNamespaceColumnSql('next_workload')}, 'minGuardVersion', ${buildNamespaceColumnSql('min_guard_version')},
  'migrations', (SELECT coalesce(pg_catalog.json_agg(pg_catalog.json_build_object('name', name, 'kind', kind,
     'state', state, 'upChecksum', up_checksum,
     'plainChecksum', plain_checksum, 'statement', statements_done, 'statementChecksums', statement_checksums,
     'running', running_statement, 'target', running_target, 'attempts', attempts, 'verified', verified, 'baselined', baselined,
     'notChecked', not_checked, 'deployment', deployment,
     'rowsChanged', rows_changed,
     'appliedAt', applied_at, 'durationMs', duration_ms)
     ORDER BY applied_at, name), '[]') FROM trueup.migrations m WHERE namespace OPERATOR(pg_catalog.=) $2::pg_catalog.text),
  'deployment', (SELECT ${DEPLOYMENT_SQL} FROM trueup.deployments
     WHERE namespace OPERATOR(pg_catalog.=) $2::pg_catalog.text AND id OPERATOR(pg_catalog.=) $3::pg_catalog.text),
  'newest', (SELECT ${DEPLOYMENT_SQL} FROM trueup.deployments
     WHERE namespace OPERATOR(pg_catalog.=) $2::pg_catalog.text ORDER BY seq DESC LIMIT 1),
  'hasOpen', EXISTS (SELECT FROM trueup.deployments
     WHERE namespace OPERATOR(pg_catalog.=) $2::pg_catalog.text AND outcome OPERATOR(pg_catalog.=) 'running'::pg_catalog.text
       AND id OPERATOR(pg_catalog.<>) coalesce($3::pg_catalog.text, '')),
  'rolledBack', (SELECT ${DEPLOYMENT_SQL} FROM trueup.deployments
     WHERE namespace OPERATOR(pg_catalog.=) $2::pg_catalog.text AND direction OPERATOR(pg_catalog.=) 'rollback'::pg_catalog.text
       AND seq OPERATOR(pg_catalog.>) coalesce((SELECT pg_catalog.max(d.seq) FROM trueup.deployments d
         WHERE d.namespace OPERATOR(pg_catalog.=) $2::pg_catalog.text AND d.direction OPERATOR(pg_catalog.<>) 'rollback'::pg_catalog.text
           AND d.outcome OPERATOR(pg_catalog.=) 'done'::pg_catalog.text
           AND d.request OPERATOR(pg_catalog.->>) 'owner'::pg_catalog.text IS NOT NULL), 0::pg_catalog.int8)
     ORDER BY seq DESC LIMIT 1),
  'failed', (SELECT ${DEPLOYMENT_SQL} FROM trueup.deployments
     WHERE namespace OPERATOR(pg_catalog.=) $2::pg_catalog.text AND direction OPERATOR(pg_catalog.<>) 'rollback'::pg_catalog.text
       AND outcome OPERATOR(pg_catalog.=) ANY ('{failed,interrupted}'::pg_catalog.text[])
       AND NOT EXISTS (SELECT FROM trueup.deployments d
         WHERE d.namespace OPERATOR(pg_catalog.=) deployments.namespace AND d.seq OPERATOR(pg_catalog.>) deployments.seq
           AND d.direction OPERATOR(pg_catalog.<>) 'rollback'::pg_catalog.text
           AND d.outcome OPERATOR(pg_catalog.=) 'done'::pg_catalog.text
           AND (d.request OPERATOR(pg_catalog.->>) 'owner'::pg_catalog.text IS NOT NULL
             OR deployments.request OPERATOR(pg_catalog.->>) 'owner'::pg_catalog.text IS NULL))
     ORDER BY seq DESC LIMIT 1),
  'completed', EXISTS (SELECT FROM trueup.deployments
     WHERE namespace OPERATOR(pg_catalog.=) $2::pg_catalog.text AND outcome OPERATOR(pg_catalog.=) 'done'::pg_catalog.text
       AND direction OPERATOR(pg_catalog.<>) 'rollback'::pg_catalog.text
       AND coalesce(request OPERATOR(pg_catalog.->>) 'remove'::pg_catalog.text, '') OPERATOR(pg_catalog.<>) 'true'
       AND coalesce(request OPERATOR(pg_catalog.->>) 'baselineOnly'::pg_catalog.text, '') OPERATOR(pg_catalog.<>) 'true'),
  'accepted', (SELECT coalesce(pg_catalog.json_agg(pg_catalog.json_build_object('name', migration,
     'upChecksum', detail OPERATOR(pg_catalog.->>) 'upChecksum'::pg_catalog.text)), '[]') FROM trueup.events
     WHERE namespace OPERATOR(pg_catalog.=) $2::pg_catalog.text AND event OPERATOR(pg_catalog.=) 'accepted'::pg_catalog.text),
  'renames', (SELECT coalesce(pg_catalog.json_agg(pg_catalog.json_build_object('from', detail OPERATOR(pg_catalog.->>) 'from'::pg_catalog.text,
     'to', migration, 'deployment', deployment) ORDER BY id), '[]') FROM trueup.events
     WHERE namespace OPERATOR(pg_catalog.=) $2::pg_catalog.text AND event OPERATOR(pg_catalog.=) 'renamed'::pg_catalog.text),
  'declared', ${DECLARED_RENAMES_SQL}, 'refused', ${REFUSED_MIGRATIONS_SQL}, 'refusedFiles', ${REFUSED_FILES_SQL})::pg_catalog.text
FROM trueup.ledger l`;

/** Reads which tables of an unreadable ledger exist. A ledger with a missing table is damaged, not absent. */
const LEDGER_REMAINS_SQL = `SELECT (${SERVER_SQL})::pg_catalog.text AS server, (SELECT pg_catalog.count(*)::int FROM pg_catalog.pg_class c
  JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace
  WHERE n.nspname OPERATOR(pg_catalog.=) 'trueup'::pg_catalog.name AND c.relname OPERATOR(pg_catalog.=)
    ANY ('{ledger,namespaces,migrations,deployments,events}'::pg_catalog.name[])) AS remains`;

const EMPTY_LEDGER: Omit<Ledger, 'server'> = {
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
 * Pauses before the ledger is read again. New snapshots see a commit a moment before other sessions learn that its
 * tables exist (CommitTransaction() in PostgreSQL's xact.c: ProcArrayEndTransaction() comes before AtEOXact_Inval()).
 */
const RETRY_PAUSES_MS = [0, 50, 200, 1_000];

/**
 * A version never renames or removes a column, so a missing one means that the ledger is older than the first release:
 * the oldest such ledger already had other names.
 */
const UNDEFINED_COLUMN = '42703';

/** SQLSTATEs that mean that there is no ledger yet: undefined table, undefined schema. */
const NO_LEDGER_SQLSTATES = new Set(['42P01', '3F000']);

export async function readLedger(
  db: Database,
  namespace: string,
  requestId: string | null,
  ownerRole: string | null,
): Promise<Ledger> {
  const params = [ownerRole, namespace, requestId];
  const ledger = await tryReadLedger(db, params);
  if (ledger) return ledger;
  const [found] = await db.query<{ server: string; remains: number }>(LEDGER_REMAINS_SQL, [ownerRole]);
  if (found!.remains === 0) return { ...EMPTY_LEDGER, server: JSON.parse(found!.server) };
  // Another runner may have created it between the two queries.
  for (const pause of RETRY_PAUSES_MS) {
    await sleep(pause);
    const since = await tryReadLedger(db, params);
    if (since) return since;
  }
  throw makeDamagedLedgerError();
}

async function tryReadLedger(db: Database, params: readonly (string | null)[]): Promise<Ledger | null> {
  const [foreign] = await db.query<{ name: string }>(FOREIGN_OWNER_SQL, [], {
    search_path: PINNED_SEARCH_PATH,
  });
  if (foreign) throw makeForeignSchemaError(foreign.name);
  try {
    const found = await readLongText(db, READ_LEDGER_SQL, params);
    return found === null ? null : (JSON.parse(found) as Ledger);
  } catch (error) {
    if (!(error instanceof SqlError)) throw error;
    if (error.sqlstate === '42501') throw makeNoAccessError();
    if (error.sqlstate === UNDEFINED_COLUMN) throw makeUnreleasedLedgerError();
    if (!NO_LEDGER_SQLSTATES.has(error.sqlstate)) throw error;
    return null;
  }
}

const makeDamagedLedgerError = (): TrueupError =>
  new TrueupError({
    code: 'ledger',
    message: "part of Trueup's ledger (schema trueup) is missing, so it is not known what is applied",
    remedy:
      'Restore schema trueup from a backup. Without a backup, drop the schema and record what the database already contains with `trueup baseline`.',
  });

const makeUnreleasedLedgerError = (): TrueupError =>
  new TrueupError({
    code: 'ledger',
    message: 'an unreleased build of Trueup created schema trueup, and no release can read its ledger',
    remedy:
      'Run `DROP SCHEMA trueup CASCADE`, then record what the database already contains with `trueup baseline`.',
  });

const makeForeignSchemaError = (owner: string): TrueupError =>
  new TrueupError({
    code: 'privilege',
    message: `schema trueup belongs to role ${owner}, which could place code there that runs with the privileges of this login`,
    remedy:
      'Run as that role, or check what is in the schema. If you trust it, give the schema and everything in it to the login ' +
      '(ALTER … OWNER TO). If not: DROP SCHEMA trueup CASCADE, which loses the record of what is applied.',
    sqlstate: '42501',
  });

const makeNoAccessError = (): TrueupError =>
  new TrueupError({
    code: 'privilege',
    message: "the login role may not read Trueup's ledger (schema trueup), which another role owns",
    remedy:
      "Run as the role that owns schema trueup. To give a deployed database another login, set `login: 'own'`, or by hand: docs/deploying.md.",
    sqlstate: '42501',
  });

/**
 * Reads the failed deployment: the newest forward one of this namespace, if it has that manifest and began in the
 * attempt that is being rolled back. So an older deployment of the same files is not mistaken for one that never
 * reached the ledger.
 */
export async function readFailedDeployment(
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

export const isReadableLedger = (ledger: Ledger): boolean =>
  ledger.readableBy === null || ledger.readableBy <= LEDGER_VERSION;
