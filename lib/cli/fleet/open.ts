/** Builds a {@link LocalFleet} from options. */
import { DEFAULT_CONCURRENCY } from '../../../lambda/fleet/connection-headroom';
import type { ListedTenant } from '../../../lambda/fleet/tenant-list';
import { compileCached } from '../compile-cache';
import { resolveConnectionTarget } from '../database/connection';
import { compileMigrations, resolveNamespace } from '../folder';
import type { DatabaseOptions, FleetOptions, OwnerOption } from '../options';
import { UsageError } from '../terminal/failure';
import { formatCount } from '../terminal/terminal';
import { loadGuaranteedWorkload } from '../workload-sources';
import { readConnectionHeadroom, ServerAvailability } from './connections';
import type { LocalFleet } from './fleet';
import { loadTenantList } from './list';

const FLEET_ONLY_OPTIONS = ['concurrency', 'tenant', 'sharedSchema', 'canary', 'maxFailures'] as const;
const NON_FLEET_OPTIONS = ['stack', 'workloadDays'] as const;
/** Options that do not apply to a stack's fleet, which has its own list and its own way to its servers. */
const NON_STACK_OPTIONS = [
  'concurrency',
  'sharedSchema',
  'canary',
  'maxFailures',
  'workload',
  'workloadDays',
  'guardTime',
  'removeWorkload',
  'ownerRole',
  'databaseUrl',
] as const;
const formatFlag = (name: string): string => `--${name.replace(/[A-Z]/g, (c) => `-${c.toLowerCase()}`)}`;

/**
 * Returns where the tenants of a command are.
 * - `file`: in a list on this machine, with databases that can be reached from here
 * - `stack`: in the fleet of a stack
 * - `null`: there is no fleet but one database
 * @throws {UsageError} if options cannot be combined
 */
export function resolveFleetSource(
  options: object,
): { readonly from: 'file'; readonly file: string } | { readonly from: 'stack' } | null {
  const given = options as Readonly<Record<string, unknown>>;
  const has = (name: string): boolean => given[name] !== undefined;
  const { fleet } = given;
  if (has('stack') && (fleet === true || (!has('fleet') && has('tenant')))) {
    rejectCombination(NON_STACK_OPTIONS.find(has), '--stack and a fleet');
    return { from: 'stack' };
  }
  if (fleet === true)
    throw new UsageError(
      '--fleet needs a list of tenants',
      'Give the list with --fleet FILE, or the stack that has one with --stack.',
    );
  if (typeof fleet === 'string') {
    rejectCombination(NON_FLEET_OPTIONS.find(has), '--fleet');
    return { from: 'file', file: fleet };
  }
  const wrong = FLEET_ONLY_OPTIONS.find(has);
  if (wrong === undefined) return null;
  throw new UsageError(
    `${formatFlag(wrong)} requires --fleet`,
    'Give the list of tenants with --fleet FILE.',
  );
}

function rejectCombination(wrong: string | undefined, other: string): void {
  if (wrong !== undefined)
    throw new UsageError(
      `${formatFlag(wrong)} cannot be combined with ${other}`,
      'Remove one of the two options.',
    );
}

export type OpenFleetOptions = DatabaseOptions &
  OwnerOption &
  FleetOptions & {
    readonly timeout?: number;
    readonly workload?: readonly string[];
    readonly removeWorkload?: boolean;
    readonly guardTime?: number;
  };

/**
 * Prepares everything that needs no database, so that mistakes are reported before the first connection.
 * @param history the newest migration that was applied before Trueup was adopted, if the command names it
 */
export async function readFleet(
  folder: string,
  file: string,
  options: OpenFleetOptions,
  history?: string,
): Promise<{ readonly targets: readonly ListedTenant[]; readonly fleet: Omit<LocalFleet, 'connections'> }> {
  const { pg, label } = resolveConnectionTarget(options);
  const targets = loadTenantList(file, pg.database, options.tenant);
  const workload = options.workload && (await loadGuaranteedWorkload(options.workload));
  const compiled =
    history === undefined
      ? await compileCached(folder, () => compileMigrations(folder))
      : await compileMigrations(folder, { history });
  const host = label.slice(0, label.lastIndexOf('/'));
  const fleet = {
    manifest: {
      ...compiled,
      ...(workload === undefined ? {} : { workload }),
      ...(options.removeWorkload ? { removesWorkload: true } : {}),
    },
    namespace: resolveNamespace(folder, options.namespace),
    namespaceGiven: options.namespace !== undefined,
    ...(options.ownerRole === undefined ? {} : { ownerRole: options.ownerRole }),
    sharedSchemas: options.sharedSchema ?? [],
    at: (database: string) => ({ pg: { ...pg, database }, label: `${host}/${database}` }),
    timeoutMs: options.timeout ?? 0,
    ...(options.guardTime === undefined ? {} : { guardTimeMs: options.guardTime }),
    server: new ServerAvailability(),
  };
  return { targets, fleet };
}

/** Limits the number of connections to what the server has free. */
export async function withConnectionHeadroom(
  fleet: Omit<LocalFleet, 'connections'>,
  targets: readonly ListedTenant[],
  asked: number = DEFAULT_CONCURRENCY,
): Promise<{ readonly fleet: LocalFleet; readonly note: string | null }> {
  const databases = [...new Set(targets.map(({ database }) => database))];
  const room = await readConnectionHeadroom(databases, fleet.at, asked, fleet.server);
  const connections = room?.connections ?? 1;
  const note =
    room !== null && connections < asked
      ? `using ${formatCount(connections, 'connection')} instead of ${asked}: the server has ${room.free} free connections, and a fleet uses at most a tenth of them`
      : null;
  return { fleet: { ...fleet, connections }, note };
}
