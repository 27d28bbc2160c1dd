/**
 * Inspects, migrates (for one slice) or undoes one tenant of a fleet, in the same way as the engine does for any
 * database.
 */
import type { ConvergeRequest, ProgressListener } from '../../contract/converge';
import { TrueupError } from '../../contract/errors';
import type { FleetFile, FleetTenant, TenantAnswer, TenantRequest } from '../../contract/fleet';
import type { Manifest } from '../../contract/manifest';
import { converge, readTenantStatus, verify } from '../../engine';
import type { EngineContext } from '../../engine/run';
import { isTenantMissing } from '../../fleet/missing-tenant';
import { buildTenantNamespace, parseTenant } from '../../fleet/tenant-list';
import { ConnectionLostError, type Database } from '../../postgres/database';
import type { Connect } from '../connect';
import {
  answerFromApply,
  answerFromStatus,
  answerFromUndo,
  answerFromVerification,
  type TenantWorkItem,
} from './answer';

/** Maximum duration of an inspection, including the connection. A failover takes about a minute. */
const INSPECTION_TIMEOUT_MS = 75_000;
const NO_SUCH_DATABASE_SQLSTATE = '3D000';
/** For up to a minute after an update, invocations may still reach the old version of a function. */
const OTHER_VERSION_WAIT_MS = 60_000;

export interface TenantContext {
  readonly fleet: FleetFile;
  /** Ledger namespace of the migrations folder. */
  readonly namespace: string;
  readonly ownerRole: string | null;
  readonly manifest: Manifest;
  readonly connect: Connect;
  readonly progress: ProgressListener;
  readonly workloadDays?: number;
  /** Time by which this slice must have responded, in milliseconds since the epoch. */
  readonly deadline: number;
}

/**
 * Performs the requested work on a tenant. Any state of the database becomes an answer. @throws {TrueupError} if the
 * tenant is invalid
 */
export async function workOnTenant(
  ctx: TenantContext,
  { work, tenant, request, last }: TenantRequest,
): Promise<TenantAnswer> {
  const begun = last?.answer?.tenant?.startedAt;
  const startedAt = begun ?? new Date().toISOString();
  const end = Date.parse(startedAt) + ctx.fleet.tenantTimeoutMs;
  const asked = (): TenantWorkItem => ({ name: tenant.name, startedAt, timeIsUp: Date.now() >= end });
  if (isOtherVersion(ctx, request)) return answerForOtherVersion(asked(), ctx.manifest, request);
  checkTenant(tenant, ctx.fleet);

  const namespace = buildTenantNamespace(ctx.namespace, tenant);
  const { code: _, ...common } = request;
  const whole: ConvergeRequest = {
    fleet: true,
    ...common,
    namespace,
    ownerRole: ctx.ownerRole,
    keepPlainIndexes: true,
    workload: ctx.manifest.workload?.hash ?? null,
    ...(tenant.schema === undefined ? {} : { schemas: [tenant.schema, ...ctx.fleet.sharedSchemas] }),
  };
  const changes = work === 'apply' || work === 'undo';
  const deadline = Math.min(ctx.deadline, changes ? end : Date.now() + INSPECTION_TIMEOUT_MS);
  const engine = (connect: EngineContext['connect']): EngineContext => ({
    connect,
    manifest: ctx.manifest,
    progress: ctx.progress,
    deadline,
    ...(ctx.workloadDays === undefined ? {} : { workloadDays: ctx.workloadDays }),
  });
  const place = {
    database: tenant.database,
    namespace,
    ...(tenant.secret === undefined ? {} : { secret: tenant.secret }),
  };
  if (work === 'inspect' || work === 'verify') {
    const reading = engine(() => ctx.connect({ ...place, readOnly: true }));
    const answer = answerFromStatus(asked(), await readTenantStatus(reading, whole));
    if (work === 'inspect' || answer.state !== 'up to date') return answer;
    return answerFromVerification(answer, await verify(reading, namespace, ctx.ownerRole));
  }
  if (work === 'apply') {
    const outcome = await converge(
      engine(() => ctx.connect(place)),
      whole,
    );
    const answer = answerFromApply(asked(), outcome);
    if (answer.state !== 'failed' || isTenantMissing(answer.error)) return answer;
    // A tenant that is dropped during the run fails with some unrelated error, so the server is queried again for
    // the reason.
    const { error } = await readTenantStatus(
      {
        ...engine(() => ctx.connect({ ...place, readOnly: true })),
        deadline: Math.min(ctx.deadline, Date.now() + INSPECTION_TIMEOUT_MS),
      },
      whole,
    );
    return error !== undefined && isTenantMissing(error) ? { ...answer, error } : answer;
  }
  const there = new TenantConnector(() => ctx.connect(place), tenant);
  const outcome = await converge(
    engine(() => there.connect()),
    whole,
  );
  return there.isGone
    ? { name: tenant.name, state: 'missing', startedAt, pending: 0, position: '' }
    : answerFromUndo(asked(), outcome);
}

/**
 * Validates the target, even for trusted callers: only known fields, values that a target list may have, and this
 * server.
 */
function checkTenant(tenant: FleetTenant, fleet: FleetFile): void {
  const read = parseTenant({ fields: { ...tenant } }, { servers: [fleet.server], bounds: fleet });
  if (typeof read !== 'string') return;
  throw new TrueupError({
    code: 'target',
    message: `this is not a valid tenant of a fleet: ${read}`,
    remedy: 'Nothing was changed. Correct the list of tenants, and deploy again.',
  });
}

/**
 * Whether the function's code differs from the run's. A different workload or list of shared schemas is different code
 * even if the migrations are the same.
 */
const isOtherVersion = (
  { manifest, fleet }: TenantContext,
  { manifestHash, code }: TenantRequest['request'],
): boolean =>
  manifestHash !== manifest.hash || (code !== undefined && fleet.code !== undefined && code !== fleet.code);

/**
 * Builds the answer for a run of different code. The code changes under a running Map state when CloudFormation rolls
 * back; the new run then handles the tenant. This run did not access the tenant.
 */
function answerForOtherVersion(
  asked: TenantWorkItem,
  { hash }: Manifest,
  request: TenantRequest['request'],
): TenantAnswer {
  const { name, startedAt } = asked;
  const ageMs = Date.now() - Date.parse(request.startedAt ?? startedAt);
  if (ageMs < OTHER_VERSION_WAIT_MS) return { name, state: 'continue', startedAt, pending: 0, position: '' };
  return answerFromStatus(asked, {
    state: 'refused',
    pending: [],
    position: '',
    error: {
      code: 'manifest',
      message:
        request.manifestHash === hash
          ? 'the run was started for another workload or other settings of the fleet than the function has now'
          : `the run was started for manifest ${request.manifestHash.slice(0, 12)}, but the function now has ${hash.slice(0, 12)}`,
      remedy: 'Nothing to do: the deployment that changed the function migrates this tenant.',
    },
  });
}

/** Connects to a tenant, and detects before any change that its database or schema no longer exists. */
class TenantConnector {
  isGone = false;

  constructor(
    private readonly open: () => Promise<Database>,
    private readonly tenant: FleetTenant,
  ) {}

  async connect(): Promise<Database> {
    let db: Database;
    try {
      db = await this.open();
    } catch (error) {
      this.isGone = error instanceof ConnectionLostError && error.reason === NO_SUCH_DATABASE_SQLSTATE;
      throw error;
    }
    const { schema } = this.tenant;
    if (schema === undefined) return db;
    const [row] = await db
      .query<{ there: boolean }>(
        'SELECT EXISTS (SELECT FROM pg_catalog.pg_namespace WHERE nspname OPERATOR(pg_catalog.=) $1::pg_catalog.name) AS there',
        [schema],
      )
      .catch(async (error) => {
        await db.close();
        throw error;
      });
    if (row!.there) return db;
    this.isGone = true;
    await db.close();
    throw new TrueupError({
      code: 'target',
      message: `schema ${schema} no longer exists`,
      remedy: 'Nothing to do.',
    });
  }
}
