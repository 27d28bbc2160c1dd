/** One folder of migrations over many tenants: first all of them are looked at, then they are migrated wave by wave. */
import type { ConvergeRequest } from '../../../lambda/contract/converge';
import type { ErrorInfo } from '../../../lambda/contract/errors';
import type { Standing, TargetState } from '../../../lambda/contract/fleet';
import type { Manifest } from '../../../lambda/contract/manifest';
import { converge, standing } from '../../../lambda/engine';
import type { EngineContext } from '../../../lambda/engine/run';
import { namespaceOfTarget, type Target } from '../../../lambda/fleet/targets';
import type { Wave } from '../../../lambda/fleet/waves';
import { connectPg } from '../../../lambda/postgres/pg';
import type { ConnectionTarget } from '../database/connection';
import { connector } from '../database/local';
import { newRequestId, untilDone } from '../until-done';
import { crew } from './crew';
import { Seat } from './seat';

export interface Fleet {
  readonly manifest: Manifest;
  /** Of the folder. */
  readonly namespace: string;
  /** Somebody said it; else it is the folder's name. */
  readonly namespaceGiven: boolean;
  readonly ownerRole?: string;
  /** Searched after a tenant's own schema. */
  readonly sharedSchemas: readonly string[];
  readonly at: (database: string) => ConnectionTarget;
  readonly connections: number;
  /** For one tenant, milliseconds. */
  readonly timeoutMs: number;
}

/** `failed`: its migration was tried and did not come to its end. */
export type TenantState = TargetState | 'failed';

export interface Tenant {
  readonly target: Target;
  readonly state: TenantState;
  /** Migrations that are not applied. */
  readonly pending: number;
  readonly position: string;
  /** What else the ledger has otherwise. @default - nothing */
  readonly changes?: Standing['changes'];
  readonly error?: ErrorInfo;
}

/** How long a question may take, connecting included. */
const QUESTION_MS = 60_000;

/** Where each stands, in the order of `targets`. Changes nothing: the sessions cannot write. */
export async function survey(
  fleet: Fleet,
  targets: readonly Target[],
  told: (tenant: Tenant) => void,
  stopped?: () => boolean,
): Promise<Tenant[]> {
  const found = new Map<string, Tenant>();
  await seated(fleet, true, (seats) =>
    crew(
      seats,
      targets,
      async (target, seat) => {
        const ctx = { ...contextOf(fleet, target, seat), deadline: Date.now() + QUESTION_MS };
        const { pending, ...rest } = await standing(ctx, requestOf(fleet, target, newRequestId()));
        const tenant: Tenant = { target, ...rest, pending: pending.length };
        found.set(target.name, tenant);
        told(tenant);
      },
      stopped,
    ),
  );
  return targets.flatMap(({ name }) => found.get(name) ?? []);
}

/** One wave. @param told of each tenant at its end: `at version` or `failed` */
export async function migrate(
  fleet: Fleet,
  { targets }: Wave<Target>,
  told: (tenant: Tenant) => void,
  stopped: () => boolean,
): Promise<void> {
  await seated(fleet, false, (seats) =>
    crew(seats, targets, async (target, seat) => told(await migrateOne(fleet, target, seat)), stopped),
  );
}

async function migrateOne(fleet: Fleet, target: Target, seat: Seat): Promise<Tenant> {
  const ctx = contextOf(fleet, target, seat);
  const { outcome } = await untilDone(
    ({ id, deadline }) => converge({ ...ctx, deadline }, requestOf(fleet, target, id)),
    { id: newRequestId(), timeoutMs: fleet.timeoutMs },
  );
  const { pending, position } = outcome.report;
  if (outcome.status === 'done') return { target, state: 'at version', pending: 0, position };
  const error: ErrorInfo =
    outcome.status === 'failed'
      ? outcome.error
      : (outcome.waitingFor ?? {
          code: 'busy',
          message: `not finished in time: ${outcome.progress}`,
          remedy: 'Run it again to continue; what is done is recorded.',
        });
  return { target, state: 'failed', pending: pending.length, position, error };
}

async function seated<T>(fleet: Fleet, readOnly: boolean, work: (seats: Seat[]) => Promise<T>): Promise<T> {
  const open = (database: string) => connectPg({ ...fleet.at(database).pg, readOnly });
  // What a pooler gives away with a session is found by a setting that DISCARD would take.
  const keep = fleet.at('').pg.pooler === undefined;
  const seats = Array.from({ length: fleet.connections }, () => new Seat(open, keep));
  try {
    return await work(seats);
  } finally {
    await Promise.all(seats.map((seat) => seat.leave()));
  }
}

const contextOf = (fleet: Fleet, { database }: Target, seat: Seat): Omit<EngineContext, 'deadline'> => ({
  connect: connector(fleet.at(database), () => seat.connect(database)),
  manifest: fleet.manifest,
});

const requestOf = (fleet: Fleet, target: Target, id: string): ConvergeRequest => ({
  id,
  namespace: namespaceOfTarget(fleet.namespace, target),
  owner: null,
  direction: 'forward',
  manifestHash: fleet.manifest.hash,
  ownerRole: fleet.ownerRole ?? null,
  // A tenant's namespace follows from its schema; only that of a whole database may have been renamed with the folder.
  ...(target.schema === undefined
    ? fleet.namespaceGiven
      ? {}
      : { beside: [] }
    : { schemas: [target.schema, ...fleet.sharedSchemas] }),
});
