/** Reports the state of a namespace and plans a run, from manifest and ledger. Read-only. */

import type { ConvergeRequest } from '../contract/converge';
import { blocksWriters } from '../contract/locks';
import type { Migration, Statement } from '../contract/manifest';
import type {
  Activity,
  DeploymentStatus,
  MigrationState,
  MigrationStatus,
  Plan,
  PlannedStep,
  Status,
} from '../contract/status';
import { type Database, SqlError } from '../postgres/database';
import { readActivity } from './activity';
import { splitIntoSegments } from './apply/script';
import { listUnknownMigrations, readForeignLedgers } from './foreign-ledgers';
import { checkHistory } from './history';
import type { Ledger, LedgerDeployment, LedgerMigration } from './ledger/ledger';
import { readLedger } from './ledger/read';
import { planLocks } from './locks/locks';
import { type MeasuredStatement, measureSteps } from './measure';
import { withOwnerRole } from './on-database';
import { findAppliedElsewhereError } from './plan/other-tools';
import { findPreconditionError, type PlanStep, planForward } from './plan/plan';
import { applyPlannedRenames, listFormerNames } from './plan/renamed-files';
import { checkRenamedNamespace } from './plan/renamed-namespace';
import { buildReport } from './plan/run-report';
import type { EngineContext } from './run';
import { pinSchemas, resolveSchemas } from './search-path';
import { DEPLOYMENT_EXPIRES_AFTER_MS, INTERRUPTED_AFTER_MS } from './time/limits';
import { withDatabase } from './time/session';

/**
 * Reads the state of a namespace. @throws {TrueupError} when the database cannot be reached or the ledger cannot be
 * read
 */
export async function readStatus(
  ctx: EngineContext,
  namespace: string,
  ownerRole: string | null = null,
): Promise<Status> {
  return withDatabase(ctx, (db) => readStatusFrom(db, ctx, namespace, ownerRole));
}

async function readStatusFrom(
  db: Database,
  { manifest }: Pick<EngineContext, 'manifest'>,
  namespace: string,
  ownerRole: string | null = null,
): Promise<Status> {
  const found = await readLedger(db, namespace, null, null);
  const request: ConvergeRequest = withOwnerRole(db, {
    id: '',
    namespace,
    owner: null,
    direction: 'forward',
    manifestHash: manifest.hash,
    ownerRole,
  });
  const ledger = applyPlannedRenames(manifest, found, request);
  const { steps } = planForward(manifest, ledger, request);
  const late = new Set(
    steps.filter((s) => s.type === 'apply' && s.note === 'out-of-order').map((s) => s.migration.name),
  );
  const superseded = new Set(manifest.migrations.flatMap((m) => m.settings.supersedes));
  const rows = new Map(ledger.migrations.filter((r) => r.state !== 'undone').map((r) => [r.name, r]));
  const own = manifest.migrations.map((migration) => {
    const row = rows.get(migration.name);
    rows.delete(migration.name);
    const state = computeMigrationState(migration, row, superseded, late);
    const former = listFormerNames(migration.name, ledger.renames);
    return {
      ...buildMigrationStatus(migration.name, migration.kind, state, migration.verify.length > 0, row),
      ...(former.length > 0 ? { formerNames: former } : {}),
    };
  });
  const activity = await readActivity(db, manifest, ledger, request);
  const gone = [...rows.values()].map((row) =>
    buildMigrationStatus(row.name, row.kind, 'missing', false, row),
  );
  return {
    namespace,
    ledgerVersion: ledger.version,
    serverVersion: ledger.server.version,
    manifestHash: manifest.hash,
    position: buildReport(ledger, null).position,
    migrations: [...own, ...gone],
    lastDeployment: ledger.newest && toDeploymentStatus(ledger.newest, isAbandonedRun(ledger, activity)),
    lastRollback: ledger.rolledBack ? toDeploymentStatus(ledger.rolledBack) : null,
    lastFailure: ledger.failed ? toDeploymentStatus(ledger.failed) : null,
    activity,
  };
}

/** Returns `null` if the ledger cannot be read; a diagnosis can still report what the catalog shows. */
export async function tryReadStatus(
  db: Database,
  folder: Pick<EngineContext, 'manifest'>,
  namespace: string,
): Promise<Status | null> {
  try {
    return await readStatusFrom(db, folder, namespace);
  } catch {
    return null;
  }
}

function computeMigrationState(
  migration: Migration,
  row: LedgerMigration | undefined,
  superseded: ReadonlySet<string>,
  late: ReadonlySet<string>,
): MigrationState {
  if (row === undefined) return late.has(migration.name) ? 'out-of-order' : 'pending';
  if (row.state !== 'applied') return row.state === 'unverified' ? 'unverified' : 'partial';
  if (row.upChecksum !== migration.checksums.up)
    return migration.kind === 'repeatable' ? 'changed' : 'edited';
  return superseded.has(migration.name) ? 'superseded' : 'applied';
}

const buildMigrationStatus = (
  name: string,
  kind: Migration['kind'],
  state: MigrationState,
  hasVerify: boolean,
  row: LedgerMigration | undefined,
): MigrationStatus => ({
  name,
  kind,
  state,
  hasVerify,
  appliedAt: row?.appliedAt ?? null,
  durationMs: row?.durationMs ?? null,
  deployment: row?.deployment ?? null,
  baselined: row?.baselined ?? false,
  ...(row?.notChecked ? { notChecked: row.notChecked.split('\n') } : {}),
});

/**
 * Whether a run that is recorded as running was abandoned. No session exists between the slices of a stack's
 * deployment, so its limit is longer.
 */
function isAbandonedRun({ newest, readAt }: Ledger, activity: Activity | null): boolean {
  if (newest?.outcome !== 'running' || activity?.runner != null) return false;
  const sign = newest.lastSignAt ?? newest.startedAt;
  const limitMs = newest.byHand === true ? INTERRUPTED_AFTER_MS : DEPLOYMENT_EXPIRES_AFTER_MS;
  return readAt !== undefined && Date.parse(readAt) - Date.parse(sign) > limitMs;
}

const toDeploymentStatus = (row: LedgerDeployment, dead = false): DeploymentStatus => ({
  id: row.id,
  direction: row.direction,
  manifestHash: row.manifestHash,
  outcome: dead ? 'interrupted' : row.outcome,
  startedAt: row.startedAt,
  finishedAt: row.finishedAt,
  kept: row.result?.report.kept ?? [],
  undone: row.result?.report.undone ?? [],
  ...(row.byHand === true ? { byHand: true } : {}),
  ...(row.result?.status === 'failed' ? { error: row.result.error } : {}),
});

/** Plans what converge() would do for a forward request. @throws {TrueupError} */
export async function plan(ctx: EngineContext, request: ConvergeRequest): Promise<Plan> {
  return withDatabase(ctx, (db) => planDatabase(db, ctx, withOwnerRole(db, request)));
}

async function planDatabase(db: Database, ctx: EngineContext, request: ConvergeRequest): Promise<Plan> {
  const ledger = await readLedger(db, request.namespace, request.id, request.ownerRole ?? null);
  const refused = findPreconditionError(ctx.manifest, ledger, request);
  if (!refused) await pinSchemas(db, resolveSchemas(ledger, request), request.ownerRole ?? null);
  const forward = planForward(ctx.manifest, ledger, request);
  const named = applyPlannedRenames(ctx.manifest, ledger, request);
  const { elsewhere, warnings } = await readForeignLedgers(db, ctx.manifest, named, request, forward.steps);
  const twice = findAppliedElsewhereError(elsewhere, listUnknownMigrations(named, forward.steps, ['apply']));
  const history = await checkHistory(db, ledger, forward.steps, false, resolveSchemas(ledger, request));
  const renamed = await checkRenamedNamespace(db, ctx.manifest, ledger, request);
  const errors = [refused, renamed, twice, history].filter((error) => error !== null);
  const pending = forward.steps.flatMap((step) =>
    step.type === 'apply' ? step.migration.statements.slice(step.from) : [],
  );
  const isMeasured = errors.length === 0 && ctx.measures !== false;
  const { facts, notMeasured } = isMeasured
    ? await tryToMeasure(db, pending, ctx, named, request)
    : { facts: new Map(), notMeasured: [] };
  return {
    namespace: request.namespace,
    manifestHash: ctx.manifest.hash,
    steps: errors.length > 0 ? [] : forward.steps.map((step) => toPlannedStep(step, facts)),
    warnings: [...forward.warnings, ...warnings, ...notMeasured],
    errors: [...errors, ...forward.errors],
  };
}

/** Measures the pending statements. An SQL error does not fail the plan; it becomes a note in the plan. */
async function tryToMeasure(
  db: Database,
  pending: readonly Statement[],
  { manifest }: Pick<EngineContext, 'manifest'>,
  ledger: Ledger,
  { ownerRole = null }: ConvergeRequest,
): Promise<{
  readonly facts: ReadonlyMap<Statement, MeasuredStatement>;
  readonly notMeasured: readonly string[];
}> {
  try {
    return { facts: await measureSteps(db, pending, manifest, ledger, ownerRole), notMeasured: [] };
  } catch (error) {
    if (!(error instanceof SqlError)) throw error;
    const why = `sizes of tables, and rows that violate new constraints, are not known (SQLSTATE ${error.sqlstate})`;
    return { facts: new Map(), notMeasured: [why] };
  }
}

function toPlannedAction(step: PlanStep): PlannedStep['action'] {
  if (step.type === 'apply') return step.from > 0 ? 'resume' : 'apply';
  return step.type === 'baseline' ? 'baseline' : 'verify';
}

function toPlannedStep(step: PlanStep, facts: ReadonlyMap<Statement, MeasuredStatement>): PlannedStep {
  const { migration } = step;
  const from = step.type === 'apply' ? step.from : migration.statements.length;
  return {
    action: toPlannedAction(step),
    migration: migration.name,
    note: step.type === 'apply' ? step.note : step.type === 'accept' ? 'accepted edit' : '',
    holdsMs: computeLockHoldMs(migration, from),
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
      ...facts.get(statement),
    })),
  };
}

/**
 * Returns how long the locks that block writers may be held. Statements that run separately (VALIDATE, CONCURRENTLY)
 * take no such locks.
 */
function computeLockHoldMs(migration: Migration, from: number): number | null {
  const plans = splitIntoSegments(migration, from)
    .filter(({ execution }) => execution === 'transaction' || execution === 'batch')
    .map((segment) => planLocks(migration.statements.slice(segment.from, segment.to), migration.settings));
  return plans.find(({ take }) => take !== null)?.holdMs ?? null;
}
