/**
 * The ledger's tables. Their format has a version; older code can read what newer code wrote as long as `readable_by`
 * allows it.
 */
import { quoteLiteral } from '../../sql/quote';
import { VERIFICATION_STATEMENTS, VERIFICATION_VERSION } from '../sql/verification';

/** Increases with every change of the tables. The hash of their text changes with it; a test compares both. */
export const LEDGER_VERSION = 1;
export const LEDGER_SHA256 = 'cf797b404936e6d4d991645f14a74b78c5758b77f2469e6f53e7a1e4648d467e';

/** The oldest format version whose code can read what this code writes; it ignores what it does not know. */
export const MIN_READER_VERSION = 1;

/**
 * CREATE TABLE IF NOT EXISTS leaves existing tables unchanged, so a column that a later version adds needs its own
 * ALTER TABLE … ADD COLUMN IF NOT EXISTS. No version renames or removes a table, a column or a stored value
 * (docs/compatibility.md).
 */
export const LEDGER_TABLES: readonly string[] = [
  'CREATE SCHEMA IF NOT EXISTS trueup',
  `CREATE TABLE IF NOT EXISTS trueup.ledger (
  only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
  version int NOT NULL,
  -- The oldest code that can read this ledger, as its LEDGER_VERSION.
  readable_by int NOT NULL,
  -- The VERIFICATION_VERSION of the installed functions.
  functions_version int NOT NULL,
  installed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  -- When the live statements were last counted.
  live_counted_at timestamptz)`,
  `CREATE TABLE IF NOT EXISTS trueup.namespaces (
  name text PRIMARY KEY,
  -- account/region/stack name; null while only people have run it.
  owner text,
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  -- Hashes of two guaranteed workloads: that of the running application, set only when a deployment succeeds, and
  -- that of the deployment that is in progress or failed.
  workload text,
  next_workload text,
  -- The GUARD_VERSION that code must have to keep the running workload; null means any.
  min_guard_version int,
  -- The schemas in which a tenant's unqualified names are looked up, its own first; null means the login's search
  -- path.
  schemas text[])`,
  `CREATE TABLE IF NOT EXISTS trueup.migrations (
  namespace text NOT NULL,
  name text NOT NULL,
  kind text NOT NULL,
  state text NOT NULL,
  up_checksum text NOT NULL,
  -- Checksum of the up section without comments and blanks.
  plain_checksum text,
  down text,
  -- Where to resume: the number of statements that are done, and their checksums.
  statements_done int NOT NULL,
  statement_checksums text[] NOT NULL,
  -- A non-transactional statement that was begun and whose end is not recorded.
  running_statement int,
  running_target jsonb,
  -- Builds of the running statement that failed.
  attempts int NOT NULL DEFAULT 0,
  -- The number of rows that the batch in progress has changed so far.
  rows_changed bigint,
  verified boolean NOT NULL DEFAULT false,
  -- The parts of its verify section that were not checked, because they may run untrusted code: lines of role and
  -- object.
  not_checked text,
  -- It was there before: recorded by a baseline, never run.
  baselined boolean NOT NULL DEFAULT false,
  deployment text NOT NULL,
  applied_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  duration_ms bigint NOT NULL DEFAULT 0,
  PRIMARY KEY (namespace, name))`,
  `CREATE TABLE IF NOT EXISTS trueup.deployments (
  seq bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
  namespace text NOT NULL,
  id text NOT NULL,
  direction text NOT NULL,
  manifest_hash text NOT NULL,
  -- What was deployed, entry by entry; the hash is taken over it.
  entries jsonb NOT NULL,
  request jsonb NOT NULL,
  outcome text NOT NULL,
  result jsonb,
  started_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  finished_at timestamptz,
  PRIMARY KEY (namespace, id))`,
  `CREATE TABLE IF NOT EXISTS trueup.events (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  at timestamptz NOT NULL DEFAULT clock_timestamp(),
  namespace text NOT NULL,
  deployment text NOT NULL,
  migration text,
  event text NOT NULL,
  detail jsonb)`,
  // The statements of guaranteed workloads, by the hash of the whole workload. Each workload is sent once.
  `CREATE TABLE IF NOT EXISTS trueup.workload_statements (
  namespace text NOT NULL,
  workload text NOT NULL,
  number int NOT NULL,
  statement text NOT NULL,
  -- Null where it is not known.
  role text,
  search_path text,
  calls bigint,
  PRIMARY KEY (namespace, workload, number))`,
  // How the statements of a guaranteed workload planned when it was recorded; the drift check compares with this.
  `CREATE TABLE IF NOT EXISTS trueup.workload_plans (
  namespace text NOT NULL,
  workload text NOT NULL,
  number int NOT NULL,
  verdict jsonb NOT NULL,
  PRIMARY KEY (namespace, workload, number))`,
  // The latest result of planning each statement of the running workload, while a deployment is in progress.
  `CREATE TABLE IF NOT EXISTS trueup.deployment_plans (
  namespace text NOT NULL,
  deployment text NOT NULL,
  number int NOT NULL,
  verdict jsonb NOT NULL,
  -- The migration of this deployment after which it no longer planned, and whether that one consented.
  broken_by text,
  consented boolean NOT NULL DEFAULT false,
  PRIMARY KEY (namespace, deployment, number))`,
  // Statements seen in pg_stat_statements, stored only as fingerprints, because their text may contain confidential
  // values.
  `CREATE TABLE IF NOT EXISTS trueup.live_statements (
  number int GENERATED ALWAYS AS IDENTITY UNIQUE,
  role text NOT NULL,
  fingerprint text NOT NULL,
  calls bigint NOT NULL,
  -- It ran after this, the count before the one that saw it; null: it was there at the first count.
  ran_after timestamptz,
  seen_at timestamptz NOT NULL,
  PRIMARY KEY (role, fingerprint))`,
  // Findings of the drift check's audit that were not suppressed, so that each is paged once, and again when it
  // reappears.
  `CREATE TABLE IF NOT EXISTS trueup.findings (
  number bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
  namespace text NOT NULL,
  -- A hash of check and object, since an object's name may be longer than an index entry.
  key text NOT NULL,
  -- The id of the check.
  check_id text NOT NULL,
  object text NOT NULL,
  -- The best confidence of them.
  confidence text NOT NULL,
  -- One object may have several of a check, for example two broken indexes: message and evidence of each.
  findings jsonb NOT NULL,
  first_seen timestamptz NOT NULL DEFAULT clock_timestamp(),
  paged_at timestamptz,
  PRIMARY KEY (namespace, key))`,
  // For the rows that each run reads of its own namespace; there may be a thousand other namespaces.
  'CREATE INDEX IF NOT EXISTS deployments_namespace_seq ON trueup.deployments (namespace, seq)',
  'CREATE INDEX IF NOT EXISTS events_namespace_event ON trueup.events (namespace, event)',
  // For finding the same statement in other workloads of a namespace, of which a thousand may contain it. A
  // statement's text may be longer than an index entry, hence the MD5.
  'CREATE INDEX IF NOT EXISTS workload_statements_text ON trueup.workload_statements (pg_catalog.md5(statement), namespace, workload)',
];

/**
 * The capability level of this code's guard. It increases when older code could let through a migration that the
 * guaranteed workload excludes; `_record` then refuses the migrations of that code.
 */
export const GUARD_VERSION = 1;

/** The tables and functions that a version of Trueup installs in schema trueup. */
export interface LedgerFormat {
  readonly version: number;
  readonly minReader: number;
  readonly tables: readonly string[];
  readonly verification: number;
  readonly functions: readonly string[];
}

export const CURRENT_FORMAT: LedgerFormat = {
  version: LEDGER_VERSION,
  minReader: MIN_READER_VERSION,
  tables: LEDGER_TABLES,
  verification: VERIFICATION_VERSION,
  functions: VERIFICATION_STATEMENTS,
};

/**
 * Returns idempotent statements that install the ledger in one transaction. A rollback brings old code to a newer
 * database, so nothing is ever downgraded: the versions and the verification functions only go up.
 */
export function buildInstallSql(
  installedVerification: number | null,
  format: LedgerFormat = CURRENT_FORMAT,
): string[] {
  const statements = [...format.tables];
  if ((installedVerification ?? 0) < format.verification) {
    // Tests check the function bodies; checking them here would only cost time.
    statements.push('SET LOCAL check_function_bodies = off', ...format.functions);
  }
  statements.push(
    `INSERT INTO trueup.ledger (version, readable_by, functions_version)
VALUES (${format.version}, ${format.minReader}, ${format.verification})
ON CONFLICT (only_row) DO UPDATE SET
  version = greatest(ledger.version, excluded.version),
  readable_by = greatest(ledger.readable_by, excluded.readable_by),
  functions_version = greatest(ledger.functions_version, excluded.functions_version)`,
  );
  return [...statements, EXTEND_GRANTS_SQL];
}

/**
 * Grants every role that may write the ledger the same privileges on tables added later. Older code, which a rollback
 * restores, may log in as another role than the one that owns the ledger by then.
 */
const EXTEND_GRANTS_SQL = `DO $grant$
DECLARE member pg_catalog.name;
BEGIN
  FOR member IN SELECT DISTINCT pg_catalog.pg_get_userbyid(a.grantee)
    FROM pg_catalog.pg_class c CROSS JOIN LATERAL pg_catalog.aclexplode(c.relacl) a
    WHERE c.oid OPERATOR(pg_catalog.=) 'trueup.ledger'::pg_catalog.regclass
      AND a.privilege_type OPERATOR(pg_catalog.=) 'UPDATE'::pg_catalog.text
      AND a.grantee OPERATOR(pg_catalog.<>) 0::pg_catalog.oid AND a.grantee OPERATOR(pg_catalog.<>) c.relowner
  LOOP
    EXECUTE pg_catalog.format('GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA trueup TO %I', member);
  END LOOP;
EXCEPTION WHEN insufficient_privilege THEN NULL;
END $grant$`;

export const needsInstall = (version: number | null, verification: number | null): boolean =>
  (version ?? 0) < LEDGER_VERSION || (verification ?? 0) < VERIFICATION_VERSION;

export const buildEventSql = (
  namespace: string,
  deployment: string,
  migration: string | null,
  event: string,
  detail: Record<string, unknown> = {},
): string =>
  `INSERT INTO trueup.events (namespace, deployment, migration, event, detail) VALUES (${[
    namespace,
    deployment,
    migration,
    event,
    JSON.stringify(detail),
  ]
    .map(quoteLiteral)
    .join(', ')})`;
