/** The statements that write the ledger. Pure. */
import { longText } from '../postgres/long-text';
import { quoteLiteral, quoteTextArray } from '../postgres/quote';
import type { Ledger, LedgerMigration } from './ledger';
import { eventStatement, installStatements, needsInstall } from './ledger-schema';
import { entryOf, type Manifest, type Migration, recordedDown } from './manifest';
import type { ConvergeRequest, Outcome, StackOwner } from './request';

export const ownerName = (owner: StackOwner): string => `${owner.account}/${owner.region}/${owner.stackName}`;

/**
 * The ledger itself where it is missing or old, and the namespace's and deployment's rows: before anything else of a
 * request. The first slice's direction stays.
 */
export function beginStatements(ledger: Ledger, request: ConvergeRequest, manifest: Manifest): string[] {
  const owner = request.owner === null ? null : ownerName(request.owner);
  const stored = JSON.stringify({ ...request, manifestHash: undefined, id: undefined });
  const entries = longText(JSON.stringify(manifest.migrations.map(entryOf)));
  return [
    ...(needsInstall(ledger.version, ledger.verification) ? installStatements(ledger.verification) : []),
    `INSERT INTO trueup.namespaces (name, owner) VALUES (${quoteLiteral(request.namespace)}, ${quoteLiteral(owner)})
ON CONFLICT (name) DO UPDATE SET owner = coalesce(excluded.owner, namespaces.owner)`,
    ...entries.statements,
    `INSERT INTO trueup.deployments (namespace, id, direction, manifest_hash, entries, request, outcome)
VALUES (${[request.namespace, request.id, request.direction, manifest.hash].map(quoteLiteral).join(', ')},
  ${entries.expression}::jsonb, ${quoteLiteral(stored)}, 'running')
ON CONFLICT (namespace, id) DO NOTHING`,
    eventStatement(request.namespace, request.id, null, 'begun', { direction: request.direction }),
  ];
}

export function endStatements(request: ConvergeRequest, outcome: Outcome): string[] {
  const result = longText(JSON.stringify(outcome));
  return [
    ...result.statements,
    `UPDATE trueup.deployments SET outcome = ${quoteLiteral(outcome.status)},
  result = ${result.expression}::jsonb, finished_at = clock_timestamp()
WHERE namespace = ${quoteLiteral(request.namespace)} AND id = ${quoteLiteral(request.id)}`,
    eventStatement(request.namespace, request.id, null, outcome.status, {
      code: outcome.status === 'failed' ? outcome.error.code : undefined,
    }),
  ];
}

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

/** One row a migration, and the event when all of it is done. */
export function recordStatement(
  namespace: string,
  deployment: string,
  migration: Migration,
  row: MigrationRow,
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
  };
  return `SELECT trueup._record(${quoteLiteral(JSON.stringify(entry))})`;
}

/**
 * Everything of it is done; now it is proved too, or need not be any more. What may have been edited since (comments,
 * statements that were never done) counts as applied from here on.
 */
export const settleStatement = (namespace: string, migration: Migration, proved: boolean): string =>
  `UPDATE trueup.migrations SET state = 'applied', proved = ${proved},
  up_checksum = ${quoteLiteral(migration.checksums.up)},
  statement_checksums = ${quoteTextArray(migration.statements.map(({ checksum }) => checksum))}
WHERE namespace = ${quoteLiteral(namespace)} AND name = ${quoteLiteral(migration.name)}`;

/** The row then names the request that undid it: a later slice of that request still reports it. */
export const undoneStatement = (namespace: string, name: string, deployment: string): string =>
  `UPDATE trueup.migrations SET state = 'undone', running = NULL, running_target = NULL, statement = 0,
  statement_checksums = '{}', proved = false, deployment = ${quoteLiteral(deployment)}
WHERE namespace = ${quoteLiteral(namespace)} AND name = ${quoteLiteral(name)}`;
