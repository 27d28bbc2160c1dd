/** The ledger's tables. Its format has a version; code reads what newer code wrote as long as `readable_by` allows it. */
import { quoteLiteral } from '../../sql/quote';
import { VERIFICATION_STATEMENTS, VERIFICATION_VERSION } from '../sql/verification';

/** Counts up with every change of the tables, and the hash of their text with it: a test compares. */
export const LEDGER_VERSION = 8;
export const LEDGER_SHA256 = '66009d96b37330baca329656868bb64583be3eb497f4c12b4f5f8d3e0fe4bf82';

/** The oldest code that can read what this code writes: it passes over what it does not know. */
export const READABLE_BY = 1;

/** A table that is there already is left alone: what a later version adds to one needs an ALTER TABLE of its own. */
export const LEDGER_TABLES: readonly string[] = [
  'CREATE SCHEMA IF NOT EXISTS trueup',
  `CREATE TABLE IF NOT EXISTS trueup.ledger (
  only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
  version int NOT NULL,
  -- The oldest code that can read this ledger, as its LEDGER_VERSION.
  readable_by int NOT NULL,
  verification int NOT NULL,
  installed_at timestamptz NOT NULL DEFAULT clock_timestamp())`,
  `CREATE TABLE IF NOT EXISTS trueup.namespaces (
  name text PRIMARY KEY,
  -- account/region/stack name; null while only people have run it.
  owner text,
  created_at timestamptz NOT NULL DEFAULT clock_timestamp())`,
  `CREATE TABLE IF NOT EXISTS trueup.migrations (
  namespace text NOT NULL,
  name text NOT NULL,
  kind text NOT NULL,
  state text NOT NULL,
  up_checksum text NOT NULL,
  down text,
  -- Statements that are done, and their checksums: where to resume.
  statement int NOT NULL,
  statement_checksums text[] NOT NULL,
  -- A statement outside a transaction that was begun and whose end nobody has recorded.
  running int,
  running_target jsonb,
  -- Builds of the running statement that failed.
  attempts int NOT NULL DEFAULT 0,
  proved boolean NOT NULL DEFAULT false,
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
  // Which statements the running application sends, set with the success of a deployment alone; and those of the one that
  // is being deployed, or failed.
  'ALTER TABLE trueup.namespaces ADD COLUMN IF NOT EXISTS promise text, ADD COLUMN IF NOT EXISTS next_promise text',
  // What applications promise, by the hash of the whole. Each travels once.
  `CREATE TABLE IF NOT EXISTS trueup.workload (
  namespace text NOT NULL,
  promise text NOT NULL,
  number int NOT NULL,
  statement text NOT NULL,
  -- Null where nobody knows.
  role text,
  path text,
  calls bigint,
  PRIMARY KEY (namespace, promise, number))`,
  // The same statement of another promise of a namespace, of which there may be a thousand that send it too; a text may be
  // longer than an index takes.
  'DROP INDEX IF EXISTS trueup.workload_statement',
  'CREATE INDEX IF NOT EXISTS workload_text ON trueup.workload (pg_catalog.md5(statement), namespace, promise)',
  // What planning the running promise said last, while a deployment is under way.
  `CREATE TABLE IF NOT EXISTS trueup.answers (
  namespace text NOT NULL,
  deployment text NOT NULL,
  number int NOT NULL,
  answer jsonb NOT NULL,
  -- The migration of this deployment after which it no longer planned, and whether that one said so.
  broken_by text,
  consented boolean NOT NULL DEFAULT false,
  PRIMARY KEY (namespace, deployment, number))`,
  // How the statements of a promise planned when it was made: what the drift check compares with.
  `CREATE TABLE IF NOT EXISTS trueup.promised (
  namespace text NOT NULL,
  promise text NOT NULL,
  number int NOT NULL,
  answer jsonb NOT NULL,
  PRIMARY KEY (namespace, promise, number))`,
  // Statements that pg_stat_statements has seen, by fingerprint alone: a text may hold what nobody may keep.
  `CREATE TABLE IF NOT EXISTS trueup.live (
  number int GENERATED ALWAYS AS IDENTITY UNIQUE,
  role text NOT NULL,
  fingerprint text NOT NULL,
  calls bigint NOT NULL,
  -- It ran after this, the look before the one that saw it; null: it was there at the first look.
  ran_after timestamptz,
  seen_at timestamptz NOT NULL,
  PRIMARY KEY (role, fingerprint))`,
  // What the drift check's audit found and nobody has accepted: so that each is paged once, and again when it comes back.
  `CREATE TABLE IF NOT EXISTS trueup.findings (
  number bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
  namespace text NOT NULL,
  -- Of kind and object, whose name may be longer than an index takes.
  key text NOT NULL,
  kind text NOT NULL,
  object text NOT NULL,
  -- The surest of them.
  grade text NOT NULL,
  -- One object may have several of a kind, two broken indexes say: message and evidence of each.
  findings jsonb NOT NULL,
  first_seen timestamptz NOT NULL DEFAULT clock_timestamp(),
  paged_at timestamptz,
  PRIMARY KEY (namespace, key))`,
  // When they were last counted.
  'ALTER TABLE trueup.ledger ADD COLUMN IF NOT EXISTS live_at timestamptz',
  // What unqualified names mean to a tenant in a schema of its own, which comes first; null: the login's search_path.
  'ALTER TABLE trueup.namespaces ADD COLUMN IF NOT EXISTS schemas text[]',
  // What each run reads of its own namespace; there may be a thousand others.
  'CREATE INDEX IF NOT EXISTS deployments_newest ON trueup.deployments (namespace, seq)',
  'CREATE INDEX IF NOT EXISTS events_of ON trueup.events (namespace, event)',
];

/**
 * Idempotent, as one transaction. A rollback brings old code to a newer database, so nothing here is ever taken back:
 * the version and the verification functions only go up.
 */
export function installStatements(installedVerification: number | null): string[] {
  const statements = [...LEDGER_TABLES];
  if ((installedVerification ?? 0) < VERIFICATION_VERSION) {
    // Our tests check the bodies; to check them again here would only cost time.
    statements.push('SET LOCAL check_function_bodies = off', ...VERIFICATION_STATEMENTS);
  }
  statements.push(
    `INSERT INTO trueup.ledger (version, readable_by, verification)
VALUES (${LEDGER_VERSION}, ${READABLE_BY}, ${VERIFICATION_VERSION})
ON CONFLICT (only_row) DO UPDATE SET
  version = greatest(ledger.version, excluded.version),
  verification = greatest(ledger.verification, excluded.verification)`,
  );
  return statements;
}

export const needsInstall = (version: number | null, verification: number | null): boolean =>
  (version ?? 0) < LEDGER_VERSION || (verification ?? 0) < VERIFICATION_VERSION;

export const eventStatement = (
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
