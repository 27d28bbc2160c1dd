/** A run: the lists of its tenants, and how it is started. */
import type { FleetRequest, FleetTenant, TenantWork } from '../contract/fleet';
import {
  type FleetMember,
  type RunReport,
  type RunState,
  runObjectKeys,
  type WaveLists,
} from '../contract/fleet-run';
import type { Bucket, FleetOutbound } from './fleet-outbound';

/** Returns a key that distinguishes a tenant from all others of the fleet. */
export const buildMemberKey = ({ server, name }: Pick<FleetMember, 'server' | 'name'>): string =>
  JSON.stringify([server, name]);

/**
 * Returns what started a run. A person's run is named after the request, a deployment's run after CloudFormation's
 * request.
 */
export const getRunOrigin = (run: string): 'status' | 'up' | 'deployment' =>
  run.startsWith('status-') ? 'status' : run.startsWith('up-') ? 'up' : 'deployment';

export const EMPTY_REPORT: RunReport = {
  tenantCount: 0,
  states: {},
  waves: [],
  wrong: 0,
  failures: [],
  kept: [],
  keptCount: 0,
  undoneCount: 0,
  stopped: null,
};

/** Writes one object for each server. */
export async function writeLists(
  run: string,
  wave: number,
  members: readonly FleetMember[],
  bucket: Pick<Bucket, 'put'>,
): Promise<WaveLists> {
  const byServer = new Map<string, FleetTenant[]>();
  for (const { server, name, database, schema, secret } of members) {
    const tenants = byServer.get(server) ?? [];
    tenants.push({
      name,
      database,
      ...(schema === undefined ? {} : { schema }),
      ...(secret === undefined ? {} : { secret }),
    });
    byServer.set(server, tenants);
  }
  const lists: Record<string, string> = {};
  for (const [server, tenants] of byServer) {
    lists[server] = runObjectKeys.list(run, wave, server);
    await bucket.put(lists[server], JSON.stringify(tenants));
  }
  return lists;
}

export async function readListedMembers(
  lists: WaveLists,
  bucket: Pick<Bucket, 'get'>,
): Promise<FleetMember[]> {
  const members: FleetMember[] = [];
  for (const [server, key] of Object.entries(lists)) {
    const text = await bucket.get(key);
    if (text === null) throw new Error(`The list ${key} is not in the fleet's bucket.`);
    for (const tenant of JSON.parse(text) as FleetTenant[]) members.push({ ...tenant, server });
  }
  return members;
}

/** A run to be started, with the work on its tenants. */
export interface RunRequest {
  readonly run: string;
  readonly work: Exclude<TenantWork, 'apply'>;
  /** Whether tenants that are behind are migrated after all tenants were inspected. */
  readonly migrates: boolean;
  readonly members: readonly FleetMember[];
  readonly request: FleetRequest;
  readonly canaries?: readonly string[];
  readonly shares?: readonly number[];
  readonly maxFailures?: number;
}

/** Starts the run. A second start has no effect: the lists have the same keys, and the execution has the run's name. */
export async function startRunExecution(
  runRequest: RunRequest,
  { bucket, executions }: Pick<FleetOutbound, 'bucket' | 'executions'>,
): Promise<void> {
  const { run, work, migrates, members, request, canaries = [], shares = [], maxFailures = 0 } = runRequest;
  const state: RunState = {
    run,
    migrates,
    canaries,
    shares,
    maxFailures,
    request,
    work,
    wave: 0,
    name: work,
    lists: await writeLists(run, 0, members, bucket),
    results: runObjectKeys.results(run, 0),
    waves: [],
    report: { ...EMPTY_REPORT, tenantCount: members.length },
    go: true,
  };
  await executions.start(run, state);
}

/** Returns the state after the last wave that ended; null before the first wave has ended. */
export async function readRunState(run: string, bucket: Pick<Bucket, 'get'>): Promise<RunState | null> {
  const text = await bucket.get(runObjectKeys.state(run));
  return text === null ? null : (JSON.parse(text) as RunState);
}

/** Returns the tenants that were given to these runs, in any state. */
export async function readRecordedTenants(
  runs: readonly string[],
  bucket: Pick<Bucket, 'get'>,
): Promise<FleetMember[]> {
  const members: FleetMember[] = [];
  for (const run of runs) {
    const text = await bucket.get(runObjectKeys.members(run));
    if (text !== null) members.push(...(JSON.parse(text) as FleetMember[]));
  }
  return members;
}

/**
 * Returns the tenants of the waves that the run began. All other tenants are unchanged. @param servers the fleet's
 * servers
 */
export async function readTouchedTenants(
  run: string,
  servers: readonly string[],
  bucket: Pick<Bucket, 'get'>,
): Promise<FleetMember[]> {
  const state = await readRunState(run, bucket);
  if (state === null) {
    // The inspection writes the waves' lists before its state, so without a list no wave can have begun.
    const written = await Promise.all(
      servers.map((server) => bucket.get(runObjectKeys.list(run, 1, server))),
    );
    return written.every((text) => text === null) ? [] : readRecordedTenants([run], bucket);
  }
  const members: FleetMember[] = [];
  for (let wave = 1; wave <= state.wave; wave++)
    for (const server of servers) {
      const text = await bucket.get(runObjectKeys.list(run, wave, server));
      const tenants = text === null ? [] : (JSON.parse(text) as FleetTenant[]);
      members.push(...tenants.map((tenant) => ({ ...tenant, server })));
    }
  return members;
}

/** Merges lists. Of several entries for one tenant, the first is kept. */
export function mergeMembers(...lists: readonly (readonly FleetMember[])[]): FleetMember[] {
  const members = new Map<string, FleetMember>();
  for (const member of lists.flat())
    if (!members.has(buildMemberKey(member))) members.set(buildMemberKey(member), member);
  return [...members.values()];
}
