/** Builds the statements that write the ledger. Pure. */

import type { ConvergeOutcome, ConvergeRequest, StackOwner } from '../../contract/converge';
import {
  type Manifest,
  type Migration,
  serializeRecordedDown,
  toManifestEntry,
} from '../../contract/manifest';
import { buildLongText } from '../../postgres/long-text';
import { quoteLiteral, quoteTextArray } from '../../sql/quote';
import type { FileRename } from '../plan/renamed-files';
import { UNCHECKED_VARIABLE } from '../sql/support';
import type { AcceptedText, Ledger, LedgerMigration } from './ledger';
import { buildEventSql, GUARD_VERSION } from './schema';

export const formatStackOwner = (owner: StackOwner): string =>
  `${owner.account}/${owner.region}/${owner.stackName}`;

/**
 * Writes the namespace's and the deployment's rows, before anything else of a request. A later slice keeps the
 * direction of the first.
 */
export function buildBeginSql(request: ConvergeRequest, manifest: Manifest): string[] {
  const owner = request.owner === null ? null : formatStackOwner(request.owner);
  const schemas = request.schemas == null ? 'NULL' : quoteTextArray(request.schemas);
  const stored = JSON.stringify({ ...request, manifestHash: undefined, id: undefined, fleet: undefined });
  // The manifest hash covers the fields of an entry only, without `plain`.
  const recorded = manifest.migrations.map((each) => ({
    ...toManifestEntry(each),
    plain: each.checksums.plain,
  }));
  const entries = buildLongText(JSON.stringify(recorded));
  return [
    `INSERT INTO trueup.namespaces (name, owner, schemas) VALUES (${quoteLiteral(request.namespace)}, ${quoteLiteral(owner)}, ${schemas})
ON CONFLICT (name) DO UPDATE SET owner = coalesce(excluded.owner, namespaces.owner),
  schemas = coalesce(excluded.schemas, namespaces.schemas)`,
    ...entries.statements,
    `INSERT INTO trueup.deployments (namespace, id, direction, manifest_hash, entries, request, outcome)
VALUES (${[request.namespace, request.id, request.direction, manifest.hash].map(quoteLiteral).join(', ')},
  ${entries.expression}::pg_catalog.jsonb, ${quoteLiteral(stored)}, 'running')
ON CONFLICT (namespace, id) DO UPDATE SET outcome = 'running' WHERE deployments.outcome = 'interrupted'`,
    buildCloseInterruptedSql(request),
    buildEventSql(request.namespace, request.id, null, 'started', { direction: request.direction }),
  ];
}

/**
 * No other runner works in the namespace now. A row that is still running belongs to a process that died, or to a
 * request that will set it to running again.
 */
const buildCloseInterruptedSql = ({ namespace, id }: ConvergeRequest): string =>
  `UPDATE trueup.deployments SET outcome = 'interrupted', finished_at = coalesce(finished_at, clock_timestamp())
WHERE namespace = ${quoteLiteral(namespace)} AND id <> ${quoteLiteral(id)} AND outcome = 'running'`;

/** First deletes the row of an undone migration that has the new name. */
export const buildRenameSql = (
  namespace: string,
  deployment: string,
  renames: readonly FileRename[],
): string[] =>
  renames.flatMap(({ from, to }) => {
    const row = (name: string): string =>
      `namespace OPERATOR(pg_catalog.=) ${quoteLiteral(namespace)}::pg_catalog.text AND name OPERATOR(pg_catalog.=) ${quoteLiteral(name)}::pg_catalog.text`;
    return [
      `DELETE FROM trueup.migrations WHERE ${row(to)} AND state OPERATOR(pg_catalog.=) 'undone'::pg_catalog.text`,
      `UPDATE trueup.migrations SET name = ${quoteLiteral(to)} WHERE ${row(from)}`,
      buildEventSql(namespace, deployment, to, 'renamed', { from }),
    ];
  });

/**
 * Records a declaration for the next run. If the file's text differs from the applied one, it is accepted together
 * with the name, and its verify section decides then.
 */
export function buildDeclaredRenameSql(
  namespace: string,
  deployment: string,
  { name, was }: NonNullable<ConvergeRequest['declared']>,
  { migrations, refusedFiles = [] }: Pick<Ledger, 'migrations' | 'refusedFiles'>,
): string[] {
  const row = was === null ? undefined : migrations.find((each) => each.name === was);
  const text = refusedFiles.find((each) => each.name === name);
  const isOther = row && text && row.upChecksum !== text.upChecksum;
  return [
    buildEventSql(namespace, deployment, name, 'declared', { was }),
    ...(isOther ? [buildAcceptedTextSql(namespace, deployment, text)] : []),
  ];
}

export function buildEndSql(request: ConvergeRequest, outcome: ConvergeOutcome): string[] {
  const result = buildLongText(JSON.stringify(outcome));
  return [
    ...result.statements,
    `UPDATE trueup.deployments SET outcome = ${quoteLiteral(outcome.status)},
  result = ${result.expression}::pg_catalog.jsonb, finished_at = clock_timestamp()
WHERE namespace = ${quoteLiteral(request.namespace)} AND id = ${quoteLiteral(request.id)}`,
    buildEventSql(request.namespace, request.id, null, outcome.status, {
      code: outcome.status === 'failed' ? outcome.error.code : undefined,
    }),
  ];
}

/**
 * Sets the duration of a non-transactional statement to the time for which it was recorded as running. Sent
 * before its row is written.
 */
export const buildRunTimeSql = (namespace: string, name: string): string =>
  `UPDATE trueup.migrations SET duration_ms = duration_ms OPERATOR(pg_catalog.+) (extract(epoch FROM
  pg_catalog.clock_timestamp() OPERATOR(pg_catalog.-) applied_at)::pg_catalog.float8 OPERATOR(pg_catalog.*) 1000::pg_catalog.float8)::pg_catalog.int8
WHERE namespace OPERATOR(pg_catalog.=) ${quoteLiteral(namespace)}::pg_catalog.text
  AND name OPERATOR(pg_catalog.=) ${quoteLiteral(name)}::pg_catalog.text AND running_statement IS NOT NULL`;

export interface MigrationRow {
  readonly state: LedgerMigration['state'];
  /** Number of statements done. */
  readonly statement: number;
  /** Index of the statement that was begun outside a transaction, from 0. */
  readonly running?: number | null;
  readonly verified?: boolean;
  /** Number of failed attempts of the running statement. */
  readonly attempts?: number;
  /** The number of rows that the batch in progress has changed so far. */
  readonly rowsChanged?: number;
  /**
   * Whether the database already held it, so that it was recorded without being run. It must never be undone
   * automatically.
   */
  readonly baselined?: boolean;
}

/**
 * A migration's row as a run last read or wrote it. The server compares it with the stored row; see `_record` in
 * ../sql/engine.ts.
 */
export interface KnownRow {
  readonly state: LedgerMigration['state'];
  readonly statement: number;
  readonly running: number | null;
  readonly up_checksum: string;
  readonly deployment: string;
}

export const toKnownRow = (row: LedgerMigration): KnownRow => ({
  state: row.state,
  statement: row.statement,
  running: row.running,
  up_checksum: row.upChecksum,
  deployment: row.deployment,
});

/** Returns the row as it is once {@link buildRecordSql} is committed. */
export const computeKnownRowAfter = (
  deployment: string,
  migration: Migration,
  row: MigrationRow,
): KnownRow => ({
  state: row.state,
  statement: row.statement,
  running: row.running ?? null,
  up_checksum: migration.checksums.up,
  deployment,
});

/**
 * Writes the migration's single row, and the event once all its statements are done.
 * @param expects `null` if there must be no row yet
 */
export function buildRecordSql(
  namespace: string,
  deployment: string,
  migration: Migration,
  row: MigrationRow,
  expects: KnownRow | null,
): string {
  const entry = {
    namespace,
    deployment,
    name: migration.name,
    kind: migration.kind,
    state: row.state,
    up_checksum: migration.checksums.up,
    plain_checksum: migration.checksums.plain ?? null,
    guard: GUARD_VERSION,
    down: migration.down.length === 0 || row.baselined ? null : serializeRecordedDown(migration.down),
    statement: row.statement,
    statement_checksums: migration.statements.slice(0, row.statement).map((s) => s.checksum),
    running: row.running ?? null,
    running_target: row.running == null ? null : (migration.statements[row.running]?.target ?? null),
    attempts: row.attempts ?? 0,
    rows_changed: row.rowsChanged ?? null,
    verified: row.verified ?? false,
    baselined: row.baselined ?? false,
    event: row.state === 'partial' ? null : row.baselined ? 'baselined' : row.state,
    expects,
  };
  return `SELECT trueup._record(${quoteLiteral(JSON.stringify(entry))})`;
}

/** The parts of the same transaction's verify section that could not be checked, as `buildRaiseRowsSql` noted them. */
const UNCHECKED_SETTING_SQL = `coalesce(pg_catalog.current_setting('${UNCHECKED_VARIABLE}', true), '')`;
const IS_ALL_CHECKED_SQL = `${UNCHECKED_SETTING_SQL} OPERATOR(pg_catalog.=) ''::pg_catalog.text`;
/** NULLIF is not used, because it looks up its operator on the search path. */
const UNCHECKED_TEXT_SQL = `CASE WHEN ${IS_ALL_CHECKED_SQL} THEN NULL ELSE ${UNCHECKED_SETTING_SQL} END`;

/** Records, after a verify section, an event that says whether it was fully checked. */
export const buildVerifiedEventSql = (namespace: string, deployment: string, name: string): string =>
  `INSERT INTO trueup.events (namespace, deployment, migration, event, detail) VALUES (${[namespace, deployment, name].map(quoteLiteral).join(', ')},
  CASE WHEN ${IS_ALL_CHECKED_SQL} THEN 'verified' ELSE 'not-checked' END, '{}')`;

/**
 * Marks a migration as applied once all its statements are done and it is verified, or no longer has to be. Parts of
 * the file that may have been edited since (comments, statements that had not run) count as applied from here on.
 */
export const buildMarkAppliedSql = (namespace: string, migration: Migration, verified: boolean): string =>
  `UPDATE trueup.migrations SET state = 'applied', verified = ${verified} AND ${IS_ALL_CHECKED_SQL},
  not_checked = ${verified ? UNCHECKED_TEXT_SQL : 'NULL'},
  up_checksum = ${quoteLiteral(migration.checksums.up)}, plain_checksum = ${quoteLiteral(migration.checksums.plain ?? null)},
  statement_checksums = ${quoteTextArray(migration.statements.map(({ checksum }) => checksum))}
WHERE namespace OPERATOR(pg_catalog.=) ${quoteLiteral(namespace)} AND name OPERATOR(pg_catalog.=) ${quoteLiteral(migration.name)}
  AND state OPERATOR(pg_catalog.<>) 'undone'`;

export const buildRowsChangedSql = (namespace: string, name: string, rows: number): string =>
  `UPDATE trueup.migrations SET rows_changed = ${rows}
WHERE namespace OPERATOR(pg_catalog.=) ${quoteLiteral(namespace)}::pg_catalog.text
  AND name OPERATOR(pg_catalog.=) ${quoteLiteral(name)}::pg_catalog.text AND rows_changed IS NOT NULL`;

/** Records the new text of a file whose statements are unchanged; whether they were verified does not change. */
export const buildNewTextSql = (namespace: string, migration: Migration): string =>
  `UPDATE trueup.migrations SET up_checksum = ${quoteLiteral(migration.checksums.up)},
  statement_checksums = ${quoteTextArray(migration.statements.map(({ checksum }) => checksum))}
WHERE namespace OPERATOR(pg_catalog.=) ${quoteLiteral(namespace)} AND name OPERATOR(pg_catalog.=) ${quoteLiteral(migration.name)}
  AND state OPERATOR(pg_catalog.=) 'applied'`;

/**
 * Records that a person declared this text of an applied file to change nothing. The code that carries the text
 * verifies and records it.
 */
export const buildAcceptedTextSql = (namespace: string, deployment: string, text: AcceptedText): string =>
  buildEventSql(namespace, deployment, text.name, 'accepted', { upChecksum: text.upChecksum });

export const buildUndoneSql = (
  namespace: string,
  name: string,
  deployment: string,
  expects: KnownRow | null,
): string =>
  `SELECT trueup._record_undone(${quoteLiteral(JSON.stringify({ namespace, name, deployment, expects }))})`;
