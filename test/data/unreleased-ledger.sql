-- Schema trueup of commit 2e0440f, which was never released.
CREATE SCHEMA IF NOT EXISTS trueup;
CREATE TABLE IF NOT EXISTS trueup.ledger (
  only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
  version int NOT NULL,
  -- The oldest code that can read this ledger, as its LEDGER_VERSION.
  readable_by int NOT NULL,
  verification int NOT NULL,
  installed_at timestamptz NOT NULL DEFAULT clock_timestamp());
CREATE TABLE IF NOT EXISTS trueup.namespaces (
  name text PRIMARY KEY,
  -- account/region/stack name; null while only people have run it.
  owner text,
  created_at timestamptz NOT NULL DEFAULT clock_timestamp());
CREATE TABLE IF NOT EXISTS trueup.migrations (
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
  PRIMARY KEY (namespace, name));
CREATE TABLE IF NOT EXISTS trueup.deployments (
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
  PRIMARY KEY (namespace, id));
CREATE TABLE IF NOT EXISTS trueup.events (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  at timestamptz NOT NULL DEFAULT clock_timestamp(),
  namespace text NOT NULL,
  deployment text NOT NULL,
  migration text,
  event text NOT NULL,
  detail jsonb);
ALTER TABLE trueup.namespaces ADD COLUMN IF NOT EXISTS promise text, ADD COLUMN IF NOT EXISTS next_promise text;
CREATE TABLE IF NOT EXISTS trueup.workload (
  namespace text NOT NULL,
  promise text NOT NULL,
  number int NOT NULL,
  statement text NOT NULL,
  -- Null where nobody knows.
  role text,
  path text,
  calls bigint,
  PRIMARY KEY (namespace, promise, number));
DROP INDEX IF EXISTS trueup.workload_statement;
CREATE INDEX IF NOT EXISTS workload_text ON trueup.workload (pg_catalog.md5(statement), namespace, promise);
CREATE TABLE IF NOT EXISTS trueup.answers (
  namespace text NOT NULL,
  deployment text NOT NULL,
  number int NOT NULL,
  answer jsonb NOT NULL,
  -- The migration of this deployment after which it no longer planned, and whether that one said so.
  broken_by text,
  consented boolean NOT NULL DEFAULT false,
  PRIMARY KEY (namespace, deployment, number));
CREATE TABLE IF NOT EXISTS trueup.promised (
  namespace text NOT NULL,
  promise text NOT NULL,
  number int NOT NULL,
  answer jsonb NOT NULL,
  PRIMARY KEY (namespace, promise, number));
CREATE TABLE IF NOT EXISTS trueup.live (
  number int GENERATED ALWAYS AS IDENTITY UNIQUE,
  role text NOT NULL,
  fingerprint text NOT NULL,
  calls bigint NOT NULL,
  -- It ran after this, the look before the one that saw it; null: it was there at the first look.
  ran_after timestamptz,
  seen_at timestamptz NOT NULL,
  PRIMARY KEY (role, fingerprint));
CREATE TABLE IF NOT EXISTS trueup.findings (
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
  PRIMARY KEY (namespace, key));
ALTER TABLE trueup.ledger ADD COLUMN IF NOT EXISTS live_at timestamptz;
ALTER TABLE trueup.namespaces ADD COLUMN IF NOT EXISTS schemas text[];
CREATE INDEX IF NOT EXISTS deployments_newest ON trueup.deployments (namespace, seq);
CREATE INDEX IF NOT EXISTS events_of ON trueup.events (namespace, event);
INSERT INTO trueup.ledger (version, readable_by, verification) VALUES (8, 1, 21);
INSERT INTO trueup.namespaces (name) VALUES ('app');
INSERT INTO trueup.migrations (namespace, name, kind, state, up_checksum, statement, statement_checksums, deployment)
VALUES ('app', '0001_money', 'versioned', 'applied', 'x', 1, '{x}', 'd');
INSERT INTO trueup.deployments (namespace, id, direction, manifest_hash, entries, request, outcome)
VALUES ('app', 'd', 'forward', 'x', '[]', '{}', 'done');
