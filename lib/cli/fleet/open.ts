/** From options to a {@link Fleet}. */
import { DEFAULT_CONCURRENCY } from '../../../lambda/fleet/room';
import type { Target } from '../../../lambda/fleet/targets';
import { compiledBefore } from '../compile-cache';
import { connectionTarget } from '../database/connection';
import { compile, namespaceOf } from '../folder';
import type { DatabaseOptions, FleetOptions, OwnerOption } from '../options';
import { UsageError } from '../terminal/failure';
import { promiseFromFiles } from '../workload-sources';
import { askRoom } from './connections';
import type { Fleet } from './fleet';
import { targetsFrom } from './list';

const NEEDS_FLEET = ['concurrency', 'target', 'sharedSchema', 'canary', 'tolerated'] as const;
const NOT_WITH_FLEET = ['stack', 'workloadDays'] as const;
/** A stack's fleet has its own list, and its own way to its servers. */
const NOT_WITH_STACK = [
  'concurrency',
  'sharedSchema',
  'canary',
  'tolerated',
  'workload',
  'workloadDays',
  'ownerRole',
  'databaseUrl',
] as const;
const flag = (name: string): string => `--${name.replace(/[A-Z]/g, (c) => `-${c.toLowerCase()}`)}`;

/**
 * Where the tenants are that a command is about.
 * - `file`: a list of this machine's, its databases reached from here
 * - `stack`: the fleet of a stack
 * - null: one database
 * @throws {UsageError} where options do not go together
 */
export function fleetOf(
  options: object,
): { readonly from: 'file'; readonly file: string } | { readonly from: 'stack' } | null {
  const given = options as Readonly<Record<string, unknown>>;
  const has = (name: string): boolean => given[name] !== undefined;
  const { fleet } = given;
  if (has('stack') && (fleet === true || (!has('fleet') && has('target')))) {
    refuse(NOT_WITH_STACK.find(has), '--stack and a fleet');
    return { from: 'stack' };
  }
  if (fleet === true)
    throw new UsageError(
      '--fleet has no list',
      'Give the list of tenants with --fleet FILE, or the stack that has one with --stack.',
    );
  if (typeof fleet === 'string') {
    refuse(NOT_WITH_FLEET.find(has), '--fleet');
    return { from: 'file', file: fleet };
  }
  const wrong = NEEDS_FLEET.find(has);
  if (wrong === undefined) return null;
  throw new UsageError(`${flag(wrong)} is about a fleet`, 'Give the list of tenants with --fleet FILE.');
}

function refuse(wrong: string | undefined, other: string): void {
  if (wrong !== undefined)
    throw new UsageError(`${flag(wrong)} cannot be combined with ${other}`, 'Leave one of them out.');
}

export type OpenFleetOptions = DatabaseOptions &
  OwnerOption &
  FleetOptions & { readonly timeout?: number; readonly workload?: readonly string[] };

/** Everything that needs no database: what is wrong here is said before one is asked. */
export async function readFleet(
  folder: string,
  file: string,
  options: OpenFleetOptions,
): Promise<{ readonly targets: readonly Target[]; readonly fleet: Omit<Fleet, 'connections'> }> {
  const { pg, label } = connectionTarget(options);
  const targets = targetsFrom(file, pg.database, options.target);
  const workload = options.workload && (await promiseFromFiles(options.workload));
  const compiled = await compiledBefore(folder, () => compile(folder));
  const server = label.slice(0, label.lastIndexOf('/'));
  const fleet = {
    manifest: { ...compiled, ...(workload === undefined ? {} : { workload }) },
    namespace: namespaceOf(folder, options.namespace),
    namespaceGiven: options.namespace !== undefined,
    ...(options.ownerRole === undefined ? {} : { ownerRole: options.ownerRole }),
    sharedSchemas: options.sharedSchema ?? [],
    at: (database: string) => ({ pg: { ...pg, database }, label: `${server}/${database}` }),
    timeoutMs: options.timeout ?? 0,
  };
  return { targets, fleet };
}

/** Asks the server how many connections it has to give. */
export async function withRoom(
  fleet: Omit<Fleet, 'connections'>,
  targets: readonly Target[],
  asked: number = DEFAULT_CONCURRENCY,
): Promise<{ readonly fleet: Fleet; readonly note: string | null }> {
  const databases = [...new Set(targets.map(({ database }) => database))];
  const room = await askRoom(databases, fleet.at, asked);
  const connections = room?.connections ?? 1;
  const note =
    room !== null && connections < asked
      ? `${connections} at once instead of ${asked}: the server has ${room.free} free connections, and a fleet takes a tenth of them at most`
      : null;
  return { fleet: { ...fleet, connections }, note };
}
