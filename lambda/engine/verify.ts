/**
 * Runs the verify sections of applied migrations again, for the scheduled drift check and `trueup verify`. Read-only.
 */

import type { VerificationCall } from '../contract/effects';
import type { ErrorInfo, TrueupError } from '../contract/errors';
import type { Manifest, Migration, Query } from '../contract/manifest';
import type { NotChecked } from '../contract/not-checked';
import type { ChangedLater, Verification, VerifyFinding } from '../contract/status';
import { type Database, SqlError } from '../postgres/database';
import { describeUnexpectedError, makeMigrationError } from './apply/failures';
import { buildRaiseRowsSql, VERIFICATION_FAILED_SQLSTATE } from './apply/raise-rows';
import { buildSetRoleSql } from './apply/script-builder';
import {
  type AppliedFile,
  type AppliedHistory,
  type ChangeExplanation,
  explainCheck,
  explainMissing,
  formatCheckQuery,
} from './changed-later';
import { findDrift } from './expected-state';
import type { Ledger } from './ledger/ledger';
import { readLedger } from './ledger/read';
import { withOwnerRole } from './on-database';
import { applyPlannedRenames } from './plan/renamed-files';
import type { EngineContext } from './run';
import { pinSchemas } from './search-path';
import { NOT_CHECKED_SQLSTATE } from './sql/support';
import { MIN_VERIFY_MS, VERIFY_TIMEOUT_MS } from './time/limits';
import { withDatabase } from './time/session';

/**
 * Verifies the applied migrations. @throws {TrueupError} when the database cannot be reached or the ledger cannot be
 * read
 */
export async function verify(
  ctx: EngineContext,
  namespace: string,
  ownerRole: string | null = null,
): Promise<Verification> {
  return withDatabase(ctx, (db) => verifyDatabase(db, ctx, namespace, ownerRole));
}

/** Does the same on an open connection. @param db a read-only connection */
export async function verifyDatabase(
  db: Database,
  { manifest, deadline, progress }: Pick<EngineContext, 'manifest' | 'deadline' | 'progress'>,
  namespace: string,
  named: string | null = null,
): Promise<Verification> {
  const { ownerRole } = withOwnerRole(db, { ownerRole: named });
  const ledger = applyPlannedRenames(manifest, await readLedger(db, namespace, null, ownerRole), {
    owner: null,
  });
  await pinSchemas(db, ledger.schemas ?? null, ownerRole);
  const applied = new Set(ledger.migrations.filter((row) => row.state === 'applied').map((row) => row.name));
  const superseded = new Set(manifest.migrations.flatMap((m) => m.settings.supersedes));
  const proved: string[] = [];
  const unchecked: NotChecked[] = [];
  const errors: ErrorInfo[] = [];
  const current = manifest.migrations.filter((m) => applied.has(m.name) && !superseded.has(m.name));
  const failed: FailedMigration[] = [];
  for (const migration of current.filter((m) => m.verify.length > 0)) {
    if (Date.now() >= deadline) {
      errors.push(makeNotReachedError(migration));
      continue;
    }
    progress?.({ type: 'started', migration: migration.name, action: 'verify' });
    const error = await verifyQueries(db, migration, migration.verify, deadline, ownerRole);
    if (error === null) proved.push(migration.name);
    else if (error.info.sqlstate === NOT_CHECKED_SQLSTATE) {
      unchecked.push({ migration: migration.name, code: error.info.details ?? [] });
    } else failed.push({ migration, error });
  }
  const changed = await findChangedLater(db, { manifest, deadline }, ledger, failed, ownerRole, unchecked);
  const findings: VerifyFinding[] = [];
  for (const { migration, error } of failed) {
    const rest = changed.get(migration.name)?.rest ?? [error];
    for (const { info } of rest) {
      if (info.sqlstate !== VERIFICATION_FAILED_SQLSTATE) errors.push(info);
      else
        findings.push(...(info.details ?? []).map((sentence) => ({ migration: migration.name, sentence })));
    }
  }
  const meant = failed.flatMap(({ migration }) => changed.get(migration.name)?.changed ?? []);
  try {
    if (Date.now() < deadline) findings.push(...(await findDrift(db, manifest, ledger)));
  } catch (error) {
    if (!(error instanceof SqlError)) throw error;
    errors.push(describeUnexpectedError(error));
  }
  return {
    namespace,
    verified: proved.filter((name) => !findings.some(({ migration }) => migration === name)),
    findings,
    ...(meant.length > 0 ? { changed: meant } : {}),
    ...(unchecked.length > 0 ? { notChecked: unchecked } : {}),
    withoutVerify: current.filter((m) => m.verify.length === 0).map((m) => m.name),
    pending: manifest.migrations.filter((m) => !applied.has(m.name)).map((m) => m.name),
    errors,
  };
}

interface FailedMigration {
  readonly migration: Migration;
  readonly error: TrueupError;
}

interface FailureAssessment {
  readonly changed: readonly ChangedLater[];
  /** Errors that no later migration explains. */
  readonly rest: readonly TrueupError[];
}

type RunQueries = (queries: readonly Query[]) => Promise<TrueupError | null>;

/**
 * Finds failures that later migrations caused on purpose. The result has an entry for each migration with at least
 * one such failure. Later migrations are judged first, because one whose own checks fail explains nothing.
 */
async function findChangedLater(
  db: Database,
  { manifest, deadline }: Pick<EngineContext, 'manifest' | 'deadline'>,
  ledger: Ledger,
  failed: readonly FailedMigration[],
  ownerRole: string | null,
  unchecked: readonly NotChecked[],
): Promise<ReadonlyMap<string, FailureAssessment>> {
  const judged = new Map<string, FailureAssessment>();
  if (failed.length === 0 || Date.now() >= deadline) return judged;
  const order = listApplied(manifest, ledger);
  const schema = ledger.schemas?.[0] ?? (await readCurrentSchema(db));
  const wrong = new Set(
    [...unchecked, ...failed.map((each) => ({ migration: each.migration.name }))].map(
      (each) => each.migration,
    ),
  );
  const latestFirst = failed
    .map((each) => ({ ...each, place: order.findIndex(({ name }) => name === each.migration.name) + 1 }))
    .sort((a, b) => b.place - a.place);
  for (const { migration, place } of latestFirst) {
    const history = { until: order.slice(0, place), later: order.slice(place), schema };
    if (history.later.length === 0 || Date.now() >= deadline) continue;
    const prove: RunQueries = (queries) => verifyQueries(db, migration, queries, deadline, ownerRole);
    const changed: ChangedLater[] = [];
    const rest: TrueupError[] = [];
    for (const { query, error } of await findFailingQueries(migration, prove)) {
      const found = explainFailure(query, error, history);
      const isTrue =
        found !== null && !wrong.has(found.migration) && (await prove(found.holds.map(toQuery))) === null;
      if (!isTrue) rest.push(error);
      else
        changed.push(
          ...listSentences(error).map((sentence) => ({
            migration: migration.name,
            sentence,
            by: found.migration,
          })),
        );
    }
    if (changed.length === 0) continue;
    judged.set(migration.name, { changed, rest });
    if (rest.length === 0) wrong.delete(migration.name);
  }
  return judged;
}

/**
 * Runs the verify section query by query. A query that consists only of calls of the verification functions is run
 * call by call.
 */
async function findFailingQueries(
  { verify: queries }: Migration,
  prove: RunQueries,
): Promise<readonly { readonly query: Query; readonly error: TrueupError }[]> {
  const found: { query: Query; error: TrueupError }[] = [];
  for (const whole of queries) {
    const single = whole.checksOnly && whole.checks.length > 1;
    for (const query of single ? whole.checks.map(toQuery) : [whole]) {
      const error = await prove([query]);
      if (error !== null) found.push({ query, error });
    }
  }
  return found;
}

const toQuery = (check: VerificationCall): Query => ({
  sql: formatCheckQuery(check),
  line: 0,
  checks: [check],
  checksOnly: true,
});

function explainFailure(
  query: Query,
  { info, cause }: TrueupError,
  history: AppliedHistory,
): ChangeExplanation | null {
  if (info.sqlstate === VERIFICATION_FAILED_SQLSTATE)
    return query.checksOnly ? explainCheck(query.checks[0]!, history) : null;
  const isMissing = info.sqlstate === '42P01' || info.sqlstate === '42703';
  return isMissing && query.reads && cause instanceof SqlError
    ? explainMissing(query.reads, info.sqlstate!, cause.message, history)
    : null;
}

const listSentences = ({ info }: TrueupError): readonly string[] =>
  info.sqlstate === VERIFICATION_FAILED_SQLSTATE ? (info.details ?? []) : [info.message];

/**
 * Returns the applied files in order of application. `migration` is known only if the file still has the text that
 * was applied.
 */
function listApplied({ migrations }: Manifest, ledger: Ledger): readonly AppliedFile[] {
  const places = new Map(migrations.map(({ name }, at) => [name, at]));
  const rows = ledger.migrations.filter(({ state }) => state !== 'undone');
  const first = new Map<string, number>();
  rows.forEach(({ appliedAt }, at) => {
    if (!first.has(appliedAt)) first.set(appliedAt, at);
  });
  // All rows that a baseline recorded have the same time; their order is that of the folder.
  const order = rows.toSorted(
    (a, b) =>
      first.get(a.appliedAt)! - first.get(b.appliedAt)! ||
      (places.get(a.name) ?? -1) - (places.get(b.name) ?? -1),
  );
  return order.map((row) => {
    const { name, state, upChecksum, plainChecksum } = row;
    const file = migrations[places.get(name) ?? -1];
    const { up, plain } = file?.checksums ?? {};
    const isKnown =
      (state === 'applied' || state === 'unverified') &&
      file?.history?.cannotRun == null &&
      (upChecksum === up || (plainChecksum != null && plainChecksum === plain));
    return { name, migration: isKnown ? file! : null };
  });
}

async function readCurrentSchema(db: Database): Promise<string> {
  const [row] = await db.query<{ name: string | null }>('SELECT pg_catalog.current_schema() AS name');
  return row?.name ?? 'public';
}

/** Runs the queries as a migration does, in the same block and as the same role, but in a read-only transaction. */
async function verifyQueries(
  db: Database,
  migration: Migration,
  queries: readonly Query[],
  deadline: number,
  ownerRole: string | null,
): Promise<TrueupError | null> {
  if (queries.length === 0) return null;
  const limit = `SET LOCAL statement_timeout = ${Math.max(MIN_VERIFY_MS, Math.min(VERIFY_TIMEOUT_MS, deadline - Date.now()))}`;
  try {
    const role = ownerRole === null ? [] : [buildSetRoleSql(ownerRole)];
    const proof = buildRaiseRowsSql(queries, VERIFICATION_FAILED_SQLSTATE, 'raise');
    await db.execute([{ statements: ['SET TRANSACTION READ ONLY', limit, ...role, proof] }]);
    return null;
  } catch (error) {
    if (!(error instanceof SqlError)) throw error;
    return makeMigrationError(error, { migration: migration.name, section: 'verify', index: 0 }, migration);
  }
}

const makeNotReachedError = (migration: Migration): ErrorInfo => ({
  code: 'verification',
  migration: migration.name,
  message: 'its verify section was not run before the time was up',
  remedy: 'Give the check more time.',
});
