/** What stands where, and what a run would do: read from manifest and ledger, changing nothing. */
import type { Database } from '../postgres/database';
import { connectPatiently } from './connect-patiently';
import { TrueupError } from './errors';
import { unexpected } from './failures';
import { type Ledger, type LedgerDeployment, type LedgerMigration, readLedger } from './ledger';
import { blocksWriters, type Migration } from './manifest';
import { obstacle, planForward, type Step } from './plan';
import { reportOf } from './report';
import type { ConvergeRequest } from './request';
import { type EngineContext, NotYet } from './run';
import { answeredInTime, closeInTime } from './silence';
import type { DeploymentStatus, MigrationState, MigrationStatus, Plan, PlannedStep, Status } from './views';

/** @throws {TrueupError} */
export async function withDatabase<T>(ctx: EngineContext, work: (db: Database) => Promise<T>): Promise<T> {
  let db: Database | undefined;
  try {
    db = await connectPatiently(ctx);
    return await answeredInTime(db, ctx.deadline, work);
  } catch (error) {
    if (error instanceof TrueupError) throw error;
    if (error instanceof NotYet && error.waitingFor)
      throw new TrueupError(error.waitingFor, { cause: error });
    throw new TrueupError(unexpected(error), { cause: error });
  } finally {
    await closeInTime(db);
  }
}

/** @throws {TrueupError} when the database cannot be reached or the ledger not be read */
export async function status(ctx: EngineContext, namespace: string): Promise<Status> {
  return withDatabase(ctx, async (db) =>
    statusOf(ctx, namespace, await readLedger(db, namespace, null, null)),
  );
}

export function statusOf({ manifest }: EngineContext, namespace: string, ledger: Ledger): Status {
  const request = {
    id: '',
    namespace,
    owner: null,
    direction: 'forward',
    manifestHash: manifest.hash,
  } as const;
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
  };
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
  return withDatabase(ctx, async (db) => {
    const ledger = await readLedger(db, request.namespace, request.id, request.ownerRole ?? null);
    const refused = obstacle(ctx.manifest, ledger, request);
    const forward = planForward(ctx.manifest, ledger, request);
    return {
      namespace: request.namespace,
      manifestHash: ctx.manifest.hash,
      steps: refused ? [] : forward.steps.map(planned),
      warnings: forward.warnings,
      errors: [...(refused ? [refused] : []), ...forward.errors],
    };
  });
}

function planned(step: Step): PlannedStep {
  const { migration } = step;
  const from = step.type === 'apply' ? step.from : migration.statements.length;
  const action =
    step.type === 'settle' ? 'verify' : step.type === 'apply' && step.from > 0 ? 'resume' : step.type;
  return {
    action,
    migration: migration.name,
    note: step.type === 'apply' ? step.note : '',
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
