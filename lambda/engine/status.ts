/** What stands where, and what a run would do: read from manifest and ledger, changing nothing. */

import type { ConvergeRequest } from '../contract/converge';
import { blocksWriters } from '../contract/locks';
import type { Migration } from '../contract/manifest';
import type {
  DeploymentStatus,
  MigrationState,
  MigrationStatus,
  Plan,
  PlannedStep,
  Status,
} from '../contract/status';
import type { Database } from '../postgres/database';
import { activityOf } from './activity';
import { segmentsOf } from './apply/script';
import { askElsewhere, unknownTo } from './elsewhere';
import { askHistory } from './history';
import type { LedgerDeployment, LedgerMigration } from './ledger/ledger';
import { readLedger } from './ledger/read';
import { lockPlan } from './locks/locks';
import { appliedElsewhere } from './plan/other-tools';
import { obstacle, planForward, type Step } from './plan/plan';
import { renamedSince } from './plan/renamed';
import { reportOf } from './plan/report';
import type { EngineContext } from './run';
import { pinSchemas, schemasOf } from './schemas';
import { withDatabase } from './time/session';

/** @throws {TrueupError} when the database cannot be reached or the ledger not be read */
export async function status(
  ctx: EngineContext,
  namespace: string,
  ownerRole: string | null = null,
): Promise<Status> {
  return withDatabase(ctx, (db) => statusOn(db, ctx, namespace, ownerRole));
}

async function statusOn(
  db: Database,
  { manifest }: Pick<EngineContext, 'manifest'>,
  namespace: string,
  ownerRole: string | null = null,
): Promise<Status> {
  const ledger = await readLedger(db, namespace, null, null);
  const request: ConvergeRequest = {
    id: '',
    namespace,
    owner: null,
    direction: 'forward',
    manifestHash: manifest.hash,
    ownerRole,
  };
  const { steps } = planForward(manifest, ledger, request);
  const late = new Set(
    steps.filter((s) => s.type === 'apply' && s.note === 'late').map((s) => s.migration.name),
  );
  const superseded = new Set(manifest.migrations.flatMap((m) => m.settings.supersedes));
  const rows = new Map(ledger.migrations.filter((r) => r.state !== 'undone').map((r) => [r.name, r]));
  const own = manifest.migrations.map((migration) => {
    const row = rows.get(migration.name);
    rows.delete(migration.name);
    const state = stateOf(migration, row, superseded, late);
    return statusRow(migration.name, migration.kind, state, migration.verify.length > 0, row);
  });
  const gone = [...rows.values()].map((row) => statusRow(row.name, row.kind, 'missing', false, row));
  return {
    namespace,
    ledgerVersion: ledger.version,
    serverVersion: ledger.server.version,
    manifestHash: manifest.hash,
    position: reportOf(ledger, null).position,
    migrations: [...own, ...gone],
    lastDeployment: ledger.newest && deploymentStatus(ledger.newest),
    lastRollback: ledger.rolledBack ? deploymentStatus(ledger.rolledBack) : null,
    activity: await activityOf(db, manifest, ledger, request),
  };
}

/** Null where the ledger cannot be read: a diagnosis still says what the catalogue shows. */
export async function statusOrNull(
  db: Database,
  folder: Pick<EngineContext, 'manifest'>,
  namespace: string,
): Promise<Status | null> {
  try {
    return await statusOn(db, folder, namespace);
  } catch {
    return null;
  }
}

function stateOf(
  migration: Migration,
  row: LedgerMigration | undefined,
  superseded: ReadonlySet<string>,
  late: ReadonlySet<string>,
): MigrationState {
  if (row === undefined) return late.has(migration.name) ? 'late' : 'pending';
  if (row.state !== 'applied') return row.state === 'unverified' ? 'unverified' : 'partial';
  if (row.upChecksum !== migration.checksums.up)
    return migration.kind === 'repeatable' ? 'changed' : 'edited';
  return superseded.has(migration.name) ? 'superseded' : 'applied';
}

const statusRow = (
  name: string,
  kind: Migration['kind'],
  state: MigrationState,
  provable: boolean,
  row: LedgerMigration | undefined,
): MigrationStatus => ({
  name,
  kind,
  state,
  provable,
  appliedAt: row?.appliedAt ?? null,
  durationMs: row?.durationMs ?? null,
  deployment: row?.deployment ?? null,
  baselined: row?.baselined ?? false,
});

const deploymentStatus = (row: LedgerDeployment): DeploymentStatus => ({
  id: row.id,
  direction: row.direction,
  manifestHash: row.manifestHash,
  outcome: row.outcome,
  startedAt: row.startedAt,
  finishedAt: row.finishedAt,
  kept: row.result?.report.kept ?? [],
  undone: row.result?.report.undone ?? [],
});

/** What converge() would do for this request, forward. @throws {TrueupError} */
export async function plan(ctx: EngineContext, request: ConvergeRequest): Promise<Plan> {
  return withDatabase(ctx, (db) => planOn(db, ctx, request));
}

async function planOn(db: Database, ctx: EngineContext, request: ConvergeRequest): Promise<Plan> {
  const ledger = await readLedger(db, request.namespace, request.id, request.ownerRole ?? null);
  const refused = obstacle(ctx.manifest, ledger, request);
  if (!refused) await pinSchemas(db, schemasOf(ledger, request), request.ownerRole ?? null);
  const forward = planForward(ctx.manifest, ledger, request);
  const { elsewhere, warnings } = await askElsewhere(db, ctx.manifest, ledger, request, forward.steps);
  const twice = appliedElsewhere(elsewhere, unknownTo(ledger, forward.steps, ['apply']));
  const history = await askHistory(db, ledger, forward.steps, false, schemasOf(ledger, request));
  const renamed = await renamedSince(db, ctx.manifest, ledger, request);
  const errors = [refused, renamed, twice, history].filter((error) => error !== null);
  return {
    namespace: request.namespace,
    manifestHash: ctx.manifest.hash,
    steps: errors.length > 0 ? [] : forward.steps.map(planned),
    warnings: [...forward.warnings, ...warnings],
    errors: [...errors, ...forward.errors],
  };
}

function actionOf(step: Step): PlannedStep['action'] {
  if (step.type === 'apply') return step.from > 0 ? 'resume' : 'apply';
  return step.type === 'baseline' ? 'baseline' : 'verify';
}

function planned(step: Step): PlannedStep {
  const { migration } = step;
  const from = step.type === 'apply' ? step.from : migration.statements.length;
  return {
    action: actionOf(step),
    migration: migration.name,
    note: step.type === 'apply' ? step.note : step.type === 'accept' ? 'accepted edit' : '',
    holdsMs: holdsMs(migration, from),
    statements: migration.statements.slice(from).map((statement) => ({
      sql: statement.sql,
      command: statement.command,
      line: statement.line,
      execution: statement.execution,
      locks: statement.locks
        .filter((lock) => !lock.created && blocksWriters(lock.mode))
        .map((lock) => `${lock.mode} on ${lock.relation}`),
      destroys: statement.destroys,
      rewrites: statement.rewrites,
    })),
  };
}

/** Statements of their own (VALIDATE, CONCURRENTLY) take no such lock. */
function holdsMs(migration: Migration, from: number): number | null {
  const plans = segmentsOf(migration, from)
    .filter(({ execution }) => execution === 'transaction' || execution === 'batch')
    .map((segment) => lockPlan(migration.statements.slice(segment.from, segment.to), migration.settings));
  return plans.find(({ take }) => take !== null)?.holdMs ?? null;
}
