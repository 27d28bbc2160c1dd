/** One tenant of a fleet: it is looked at, migrated for a slice, or undone, as the engine does it for any database. */
import type { ConvergeRequest, Progress } from '../../contract/converge';
import { TrueupError } from '../../contract/errors';
import type { FleetFile, FleetTarget, TenantAnswer, TenantRequest } from '../../contract/fleet';
import type { Manifest } from '../../contract/manifest';
import { converge, standing, verify } from '../../engine';
import type { EngineContext } from '../../engine/run';
import { namespaceOfTarget, targetOf } from '../../fleet/targets';
import { ConnectionLost, type Database } from '../../postgres/database';
import type { Connect } from '../connect';
import { type Asked, ofApply, ofProof, ofStanding, ofUndo } from './answer';

/** How long a look may take, connecting included: a failover takes a minute. */
const LOOK_MS = 75_000;
const NO_SUCH_DATABASE = '3D000';
/** After an update either version of a function may answer for up to a minute. */
const OTHER_CODE_MS = 60_000;

export interface TenantContext {
  readonly fleet: FleetFile;
  /** Of the folder. */
  readonly namespace: string;
  readonly ownerRole: string | null;
  readonly manifest: Manifest;
  readonly connect: Connect;
  readonly progress: Progress;
  readonly workloadDays?: number;
  /** Milliseconds since the epoch: when this slice has to have answered. */
  readonly deadline: number;
}

/** @throws {TrueupError} where the target cannot be one; whatever a database can be is an answer */
export async function workOnTenant(
  ctx: TenantContext,
  { work, target, request, last }: TenantRequest,
): Promise<TenantAnswer> {
  const begun = last?.answer?.tenant?.startedAt;
  const startedAt = begun ?? new Date().toISOString();
  const end = Date.parse(startedAt) + ctx.fleet.perTargetTimeoutMs;
  const asked = (): Asked => ({ name: target.name, startedAt, timeIsUp: Date.now() >= end });
  if (isOther(ctx, request)) return otherCode(asked(), ctx.manifest, request);
  checkTarget(target, ctx.fleet);

  const namespace = namespaceOfTarget(ctx.namespace, target);
  const { code: _, ...common } = request;
  const whole: ConvergeRequest = {
    ...common,
    namespace,
    ownerRole: ctx.ownerRole,
    keepPlainIndexes: true,
    ...(target.schema === undefined ? {} : { schemas: [target.schema, ...ctx.fleet.sharedSchemas] }),
  };
  const changes = work === 'apply' || work === 'undo';
  const deadline = Math.min(ctx.deadline, changes ? end : Date.now() + LOOK_MS);
  const engine = (connect: EngineContext['connect']): EngineContext => ({
    connect,
    manifest: ctx.manifest,
    progress: ctx.progress,
    deadline,
    ...(ctx.workloadDays === undefined ? {} : { workloadDays: ctx.workloadDays }),
  });
  const place = {
    database: target.database,
    namespace,
    ...(target.secret === undefined ? {} : { secret: target.secret }),
  };
  if (work === 'look' || work === 'prove') {
    const reading = engine(() => ctx.connect({ ...place, readOnly: true }));
    const answer = ofStanding(asked(), await standing(reading, whole));
    if (work === 'look' || answer.state !== 'at version') return answer;
    return ofProof(answer, await verify(reading, namespace, ctx.ownerRole));
  }
  if (work === 'apply') {
    const outcome = await converge(
      engine(() => ctx.connect(place)),
      whole,
    );
    return ofApply(asked(), outcome);
  }
  const there = new There(() => ctx.connect(place), target);
  const outcome = await converge(
    engine(() => there.connect()),
    whole,
  );
  return there.isGone
    ? { name: target.name, state: 'gone', startedAt, pending: 0, position: '' }
    : ofUndo(asked(), outcome);
}

/** Whoever asks: a target is what a list may hold, no field more, and of this server. */
function checkTarget(target: FleetTarget, fleet: FleetFile): void {
  const read = targetOf({ fields: { ...target } }, { servers: [fleet.server], bounds: fleet });
  if (typeof read !== 'string') return;
  throw new TrueupError({
    code: 'target',
    message: `this is no target of a fleet: ${read}`,
    remedy: 'Nothing was changed. Correct the source of targets, and deploy again.',
  });
}

/** Another workload, or another list of shared schemas, is other code although its migrations are the same. */
const isOther = (
  { manifest, fleet }: TenantContext,
  { manifestHash, code }: TenantRequest['request'],
): boolean =>
  manifestHash !== manifest.hash || (code !== undefined && fleet.code !== undefined && code !== fleet.code);

/** The code under a running map changes when CloudFormation rolls back: the new run does the rest. Nothing was asked of the tenant. */
function otherCode(asked: Asked, { hash }: Manifest, request: TenantRequest['request']): TenantAnswer {
  const { name, startedAt } = asked;
  const ageMs = Date.now() - Date.parse(request.startedAt ?? startedAt);
  if (ageMs < OTHER_CODE_MS) return { name, state: 'continue', startedAt, pending: 0, position: '' };
  return ofStanding(asked, {
    state: 'refused',
    pending: [],
    position: '',
    error: {
      code: 'manifest',
      message:
        request.manifestHash === hash
          ? 'the run is about another workload or other settings of the fleet than the function carries by now'
          : `the run is about manifest ${request.manifestHash.slice(0, 12)}, and the function carries ${hash.slice(0, 12)} by now`,
      remedy: 'Nothing to do: the deployment that changed the function sees to this tenant.',
    },
  });
}

/** Connects, and sees that there is no such tenant any more, while nothing of it has been touched. */
class There {
  isGone = false;

  constructor(
    private readonly open: () => Promise<Database>,
    private readonly target: FleetTarget,
  ) {}

  async connect(): Promise<Database> {
    let db: Database;
    try {
      db = await this.open();
    } catch (error) {
      this.isGone = error instanceof ConnectionLost && error.reason === NO_SUCH_DATABASE;
      throw error;
    }
    const { schema } = this.target;
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
      message: `schema ${schema} is gone`,
      remedy: 'Nothing to do.',
    });
  }
}
