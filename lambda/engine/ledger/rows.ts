/** The statements that write the ledger. Pure. */

import type { ConvergeRequest, Outcome, StackOwner } from '../../contract/converge';
import { entryOf, type Manifest, type Migration, recordedDown } from '../../contract/manifest';
import { longText } from '../../postgres/long-text';
import { quoteLiteral, quoteTextArray } from '../../sql/quote';
import type { EditedText, LedgerMigration } from './ledger';
import { eventStatement } from './schema';

export const stackOwnerName = (owner: StackOwner): string =>
  `${owner.account}/${owner.region}/${owner.stackName}`;

/** The namespace's and the deployment's rows: before anything else of a request. The first slice's direction stays. */
export function beginStatements(request: ConvergeRequest, manifest: Manifest): string[] {
  const owner = request.owner === null ? null : stackOwnerName(request.owner);
  const schemas = request.schemas == null ? 'NULL' : quoteTextArray(request.schemas);
  const stored = JSON.stringify({ ...request, manifestHash: undefined, id: undefined });
  const entries = longText(JSON.stringify(manifest.migrations.map(entryOf)));
  return [
    `INSERT INTO trueup.namespaces (name, owner, schemas) VALUES (${quoteLiteral(request.namespace)}, ${quoteLiteral(owner)}, ${schemas})
ON CONFLICT (name) DO UPDATE SET owner = coalesce(excluded.owner, namespaces.owner),
  schemas = coalesce(excluded.schemas, namespaces.schemas)`,
    ...entries.statements,
    `INSERT INTO trueup.deployments (namespace, id, direction, manifest_hash, entries, request, outcome)
VALUES (${[request.namespace, request.id, request.direction, manifest.hash].map(quoteLiteral).join(', ')},
  ${entries.expression}::pg_catalog.jsonb, ${quoteLiteral(stored)}, 'running')
ON CONFLICT (namespace, id) DO NOTHING`,
    eventStatement(request.namespace, request.id, null, 'begun', { direction: request.direction }),
  ];
}

export function endStatements(request: ConvergeRequest, outcome: Outcome): string[] {
  const result = longText(JSON.stringify(outcome));
  return [
    ...result.statements,
    `UPDATE trueup.deployments SET outcome = ${quoteLiteral(outcome.status)},
  result = ${result.expression}::pg_catalog.jsonb, finished_at = clock_timestamp()
WHERE namespace = ${quoteLiteral(request.namespace)} AND id = ${quoteLiteral(request.id)}`,
    eventStatement(request.namespace, request.id, null, outcome.status, {
      code: outcome.status === 'failed' ? outcome.error.code : undefined,
    }),
  ];
}

/** Before the row of a statement outside a transaction is written: it took as long as it was recorded as running. */
export const ranSince = (namespace: string, name: string): string =>
  `UPDATE trueup.migrations SET duration_ms = duration_ms OPERATOR(pg_catalog.+) (extract(epoch FROM
  pg_catalog.clock_timestamp() OPERATOR(pg_catalog.-) applied_at)::pg_catalog.float8 OPERATOR(pg_catalog.*) 1000::pg_catalog.float8)::pg_catalog.int8
WHERE namespace OPERATOR(pg_catalog.=) ${quoteLiteral(namespace)}::pg_catalog.text
  AND name OPERATOR(pg_catalog.=) ${quoteLiteral(name)}::pg_catalog.text AND running IS NOT NULL`;

export interface MigrationRow {
  readonly state: LedgerMigration['state'];
  /** Statements done. */
  readonly statement: number;
  /** The statement that is begun outside a transaction, from 0. */
  readonly running?: number | null;
  readonly proved?: boolean;
  /** Builds of the running statement that failed. */
  readonly attempts?: number;
  /** It was there before: recorded without having been run, so that nothing may ever undo it by itself. */
  readonly baselined?: boolean;
}

/** A migration's row as a run last saw or wrote it. The server compares: see `_record` in ../sql/engine.ts. */
export interface Known {
  readonly state: LedgerMigration['state'];
  readonly statement: number;
  readonly running: number | null;
  readonly up_checksum: string;
  readonly deployment: string;
}

export const knownOf = (row: LedgerMigration): Known => ({
  state: row.state,
  statement: row.statement,
  running: row.running,
  up_checksum: row.upChecksum,
  deployment: row.deployment,
});

/** How the row is once {@link recordStatement} is committed. */
export const knownAfter = (deployment: string, migration: Migration, row: MigrationRow): Known => ({
  state: row.state,
  statement: row.statement,
  running: row.running ?? null,
  up_checksum: migration.checksums.up,
  deployment,
});

/** One row a migration, and the event when all of it is done. @param expects null: there is none yet */
export function recordStatement(
  namespace: string,
  deployment: string,
  migration: Migration,
  row: MigrationRow,
  expects: Known | null,
): string {
  const entry = {
    namespace,
    deployment,
    name: migration.name,
    kind: migration.kind,
    state: row.state,
    up_checksum: migration.checksums.up,
    down: migration.down.length === 0 || row.baselined ? null : recordedDown(migration.down),
    statement: row.statement,
    statement_checksums: migration.statements.slice(0, row.statement).map((s) => s.checksum),
    running: row.running ?? null,
    running_target: row.running == null ? null : (migration.statements[row.running]?.target ?? null),
    attempts: row.attempts ?? 0,
    proved: row.proved ?? false,
    baselined: row.baselined ?? false,
    event: row.state === 'partial' ? null : row.baselined ? 'baselined' : row.state,
    expects,
  };
  return `SELECT trueup._record(${quoteLiteral(JSON.stringify(entry))})`;
}

/**
 * Everything of it is done; now it is proved too, or need not be any more. What may have been edited since (comments,
 * statements that were never done) counts as applied from here on.
 */
export const markAppliedStatement = (namespace: string, migration: Migration, proved: boolean): string =>
  `UPDATE trueup.migrations SET state = 'applied', proved = ${proved},
  up_checksum = ${quoteLiteral(migration.checksums.up)},
  statement_checksums = ${quoteTextArray(migration.statements.map(({ checksum }) => checksum))}
WHERE namespace OPERATOR(pg_catalog.=) ${quoteLiteral(namespace)} AND name OPERATOR(pg_catalog.=) ${quoteLiteral(migration.name)}
  AND state OPERATOR(pg_catalog.<>) 'undone'`;

/** A person says that this text of an applied file changes nothing; the code that carries it proves and records it. */
export const acceptedStatement = (namespace: string, deployment: string, text: EditedText): string =>
  eventStatement(namespace, deployment, text.name, 'accepted', { upChecksum: text.upChecksum });

export const undoneStatement = (
  namespace: string,
  name: string,
  deployment: string,
  expects: Known | null,
): string =>
  `SELECT trueup._record_undone(${quoteLiteral(JSON.stringify({ namespace, name, deployment, expects }))})`;
