/** One folder of migrations for many tenants: all of them are surveyed first, then migrated wave by wave. */
import type {
  ConvergeOutcome,
  ConvergeReport,
  ConvergeRequest,
  ProgressListener,
} from '../../../lambda/contract/converge';
import type { ErrorInfo } from '../../../lambda/contract/errors';
import type { InspectedState, TenantStatus } from '../../../lambda/contract/fleet';
import type { Manifest } from '../../../lambda/contract/manifest';
import { converge, forgetBaseline, readTenantStatus } from '../../../lambda/engine';
import { computeUndecidedPercent } from '../../../lambda/engine/guard/messages';
import type { EngineContext } from '../../../lambda/engine/run';
import { buildTenantNamespace, type ListedTenant } from '../../../lambda/fleet/tenant-list';
import type { Wave } from '../../../lambda/fleet/waves';
import { connectPg } from '../../../lambda/postgres/pg';
import type { ConnectionTarget } from '../database/connection';
import { newRequestId, runUntilDone } from '../until-done';
import { ConnectionSlot } from './connection-slot';
import type { ServerAvailability } from './connections';
import { runWorkerPool } from './worker-pool';

export interface LocalFleet {
  readonly manifest: Manifest;
  /** Namespace of the folder. */
  readonly namespace: string;
  /** Whether the user gave the namespace; otherwise it is the folder's name. */
  readonly namespaceGiven: boolean;
  readonly ownerRole?: string;
  /** Schemas that are searched after a tenant's own schema. */
  readonly sharedSchemas: readonly string[];
  readonly at: (database: string) => ConnectionTarget;
  readonly server: ServerAvailability;
  readonly connections: number;
  /** Timeout for one tenant in milliseconds. */
  readonly timeoutMs: number;
  /** See {@link EngineContext.guardTimeMs}. */
  readonly guardTimeMs?: number;
  /**
   * Additional properties of the request to each tenant.
   * @default - the tenant is migrated
   */
  readonly asks?: Pick<ConvergeRequest, 'baseline' | 'baselineOnly' | 'declared'>;
}

/** State of a tenant; `failed` means that its migration was tried and did not finish. */
export type TenantState = InspectedState | 'failed';

export interface Tenant {
  readonly target: ListedTenant;
  readonly state: TenantState;
  /** Number of migrations that are not applied. */
  readonly pending: number;
  readonly position: string;
  /**
   * Other differences between the request and the ledger.
   * @default - none
   */
  readonly changes?: TenantStatus['changes'];
  readonly error?: ErrorInfo;
  /**
   * Whether another run brought the tenant to the version, so that this run had nothing to do.
   * @default false
   */
  readonly byAnotherRun?: boolean;
  /**
   * Undecided share of the workload, in percent.
   * @default 0
   */
  readonly undecided?: number;
}

/** Limit for the survey of one tenant, including the connection: a failover takes a minute. */
const QUERY_TIMEOUT_MS = 75_000;

/** Reads the state of each tenant, in the order of `targets`. Changes nothing: the sessions are read-only. */
export async function inspectTenants(
  fleet: LocalFleet,
  targets: readonly ListedTenant[],
  told: (tenant: Tenant) => void,
  stopped?: () => boolean,
): Promise<Tenant[]> {
  const found = new Map<string, Tenant>();
  await withConnectionSlots(fleet, true, (slots) =>
    runWorkerPool(
      slots,
      targets,
      async (target, slot) => {
        const ctx = { ...buildEngineContext(fleet, target, slot), deadline: Date.now() + QUERY_TIMEOUT_MS };
        const { pending, ...rest } = await readTenantStatus(
          ctx,
          buildConvergeRequest(fleet, target, newRequestId()),
        );
        const tenant: Tenant = { target, ...rest, pending: pending.length };
        found.set(target.name, tenant);
        told(tenant);
      },
      stopped,
    ),
  );
  return targets.flatMap(({ name }) => found.get(name) ?? []);
}

/**
 * Migrates one wave.
 * @param told called at the end of each tenant, which is then `up to date` or `failed`
 */
export async function migrateWave(
  fleet: LocalFleet,
  { tenants: targets }: Wave<ListedTenant>,
  told: (tenant: Tenant) => void,
  stopped: () => boolean,
): Promise<void> {
  await withConnectionSlots(fleet, false, (slots) =>
    runWorkerPool(
      slots,
      targets,
      async (target, slot) => told(await migrateTenant(fleet, target, slot)),
      stopped,
    ),
  );
}

async function migrateTenant(fleet: LocalFleet, target: ListedTenant, slot: ConnectionSlot): Promise<Tenant> {
  let worked = false;
  const progress: ProgressListener = ({ type }) => {
    worked ||= type === 'finished';
  };
  const outcome = await convergeTenant({ ...fleet, progress }, target, slot);
  const { applied, pending, position } = outcome.report;
  const byAnotherRun = worked || applied.length > 0 ? {} : { byAnotherRun: true };
  if (outcome.status === 'done') {
    const undecided = outcome.report.workload ? computeUndecidedPercent(outcome.report.workload) : 0;
    return {
      target,
      state: 'up to date',
      pending: 0,
      position,
      ...(undecided > 0 ? { undecided } : {}),
      ...byAnotherRun,
    };
  }
  return { target, state: 'failed', pending: pending.length, position, error: toErrorInfo(outcome) };
}

/** Runs one tenant's request, slice after slice. */
async function convergeTenant(
  fleet: LocalFleet & { readonly progress?: ProgressListener },
  target: ListedTenant,
  slot: ConnectionSlot,
): Promise<ConvergeOutcome> {
  const ctx = {
    ...buildEngineContext(fleet, target, slot),
    ...(fleet.progress ? { progress: fleet.progress } : {}),
  };
  const { outcome } = await runUntilDone(
    (slice) =>
      converge(
        {
          ...ctx,
          extend: slice.extend,
          get deadline() {
            return slice.deadline;
          },
        },
        buildConvergeRequest(fleet, target, slice.id),
      ),
    { id: newRequestId(), timeoutMs: fleet.timeoutMs },
  );
  return outcome;
}

const toErrorInfo = (outcome: Exclude<ConvergeOutcome, { status: 'done' }>): ErrorInfo =>
  outcome.status === 'failed'
    ? outcome.error
    : (outcome.waitingFor ?? {
        code: 'busy',
        message: `not finished in time: ${outcome.progress}`,
        remedy: 'Run it again to continue; what is done is recorded.',
      });

/** The result of a baseline in one tenant. */
export interface TenantBaseline {
  readonly target: ListedTenant;
  /**
   * - `marked`: something was recorded
   * - `taken back`: what a baseline had recorded is pending again
   * - `recorded already`: there was nothing to do
   * - `not held`: the tenant does not hold all that was to be recorded
   * - `failed`: `error` says why
   */
  readonly state: 'marked' | 'taken back' | 'recorded already' | 'not held' | 'failed';
  readonly report: ConvergeReport;
  readonly error?: ErrorInfo;
}

/** Marks as applied, in each tenant, what it holds up to this migration, or removes such marks. */
export async function baselineTenants(
  fleet: LocalFleet,
  targets: readonly ListedTenant[],
  { name, undo }: { readonly name: string; readonly undo: boolean },
  told: (tenant: TenantBaseline) => void,
  stopped: () => boolean,
): Promise<void> {
  await withConnectionSlots(fleet, false, (slots) =>
    runWorkerPool(
      slots,
      targets,
      async (target, slot) => {
        const outcome = undo
          ? await undoTenantBaseline(fleet, target, slot, name)
          : await convergeTenant(fleet, target, slot);
        const { report } = outcome;
        if (outcome.status !== 'done')
          return told({ target, state: 'failed', report, error: toErrorInfo(outcome) });
        const marks = report.baselined.length + (report.recordedEdits?.length ?? 0);
        const state = undo
          ? 'taken back'
          : fleet.asks?.declared
            ? 'marked'
            : report.pending.includes(name)
              ? 'not held'
              : marks > 0
                ? 'marked'
                : 'recorded already';
        told({ target, state, report });
      },
      stopped,
    ),
  );
}

async function undoTenantBaseline(
  fleet: LocalFleet,
  target: ListedTenant,
  slot: ConnectionSlot,
  name: string,
): Promise<ConvergeOutcome> {
  const ctx = buildEngineContext(fleet, target, slot);
  const namespace = buildTenantNamespace(fleet.namespace, target);
  const { outcome } = await runUntilDone(
    ({ id, deadline }) =>
      forgetBaseline(
        { ...ctx, deadline },
        { id, namespace, owner: null, name, ownerRole: fleet.ownerRole ?? null },
      ),
    { id: newRequestId(), timeoutMs: fleet.timeoutMs },
  );
  return outcome;
}

async function withConnectionSlots<T>(
  fleet: LocalFleet,
  readOnly: boolean,
  work: (slots: ConnectionSlot[]) => Promise<T>,
): Promise<T> {
  const open = (database: string) => connectPg({ ...fleet.at(database).pg, readOnly });
  // The engine recognizes a session that a pooler gave to another client by a setting, which the DISCARD of a returned
  // session would remove.
  const keep = fleet.at('').pg.pooler === undefined;
  const slots = Array.from({ length: fleet.connections }, () => new ConnectionSlot(open, keep));
  try {
    return await work(slots);
  } finally {
    await Promise.all(slots.map((slot) => slot.leave()));
  }
}

const buildEngineContext = (
  fleet: LocalFleet,
  { database }: ListedTenant,
  slot: ConnectionSlot,
): Omit<EngineContext, 'deadline'> => ({
  connect: fleet.server.connector(fleet.at(database), () => slot.connect(database)),
  manifest: fleet.manifest,
  ...(fleet.guardTimeMs === undefined ? {} : { guardTimeMs: fleet.guardTimeMs }),
});

const buildConvergeRequest = (fleet: LocalFleet, target: ListedTenant, id: string): ConvergeRequest => ({
  id,
  namespace: buildTenantNamespace(fleet.namespace, target),
  owner: null,
  fleet: true,
  direction: 'forward',
  manifestHash: fleet.manifest.hash,
  ownerRole: fleet.ownerRole ?? null,
  ...fleet.asks,
  // A tenant's namespace follows from its schema. Only the namespace of a whole database may have been renamed with its
  // folder.
  ...(target.schema === undefined
    ? fleet.namespaceGiven
      ? {}
      : { otherNamespaces: [] }
    : { schemas: [target.schema, ...fleet.sharedSchemas] }),
});
