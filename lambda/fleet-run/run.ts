/** A run: the lists that it works from, and how it is begun. */
import type { FleetRequest, FleetTarget, TenantWork } from '../contract/fleet';
import { type FleetMember, keys, type Lists, type RunReport, type RunState } from '../contract/fleet-run';
import type { Bucket, FleetOutbound } from './outbound';

/** Tells a tenant from all others of the fleet. */
export const placeOf = ({ server, name }: Pick<FleetMember, 'server' | 'name'>): string =>
  JSON.stringify([server, name]);

/** A person's runs are named after what they asked, those of a deployment after CloudFormation's request. */
export const startedBy = (run: string): 'status' | 'up' | 'deployment' =>
  run.startsWith('status-') ? 'status' : run.startsWith('up-') ? 'up' : 'deployment';

export const EMPTY_REPORT: RunReport = {
  targets: 0,
  states: {},
  waves: [],
  wrong: 0,
  failures: [],
  kept: [],
  keptCount: 0,
  undoneCount: 0,
  stopped: null,
};

/** One object a server. */
export async function writeLists(
  run: string,
  wave: number,
  members: readonly FleetMember[],
  bucket: Pick<Bucket, 'put'>,
): Promise<Lists> {
  const byServer = new Map<string, FleetTarget[]>();
  for (const { server, name, database, schema, secret } of members) {
    const targets = byServer.get(server) ?? [];
    targets.push({
      name,
      database,
      ...(schema === undefined ? {} : { schema }),
      ...(secret === undefined ? {} : { secret }),
    });
    byServer.set(server, targets);
  }
  const lists: Record<string, string> = {};
  for (const [server, targets] of byServer) {
    lists[server] = keys.list(run, wave, server);
    await bucket.put(lists[server], JSON.stringify(targets));
  }
  return lists;
}

export async function readTargetsOf(lists: Lists, bucket: Pick<Bucket, 'get'>): Promise<FleetMember[]> {
  const members: FleetMember[] = [];
  for (const [server, key] of Object.entries(lists)) {
    const text = await bucket.get(key);
    if (text === null) throw new Error(`The list ${key} is not in the fleet's bucket.`);
    for (const target of JSON.parse(text) as FleetTarget[]) members.push({ ...target, server });
  }
  return members;
}

/** What is to be done with these tenants. */
export interface Errand {
  readonly run: string;
  readonly work: Exclude<TenantWork, 'apply'>;
  /** After all have been looked at: whether those that are behind are migrated. */
  readonly migrates: boolean;
  readonly members: readonly FleetMember[];
  readonly request: FleetRequest;
  readonly canaries?: readonly string[];
  readonly shares?: readonly number[];
  readonly tolerated?: number;
}

/** Begun twice, it is begun once: the lists are the same places, and the execution has the run's name. */
export async function begin(
  errand: Errand,
  { bucket, executions }: Pick<FleetOutbound, 'bucket' | 'executions'>,
): Promise<void> {
  const { run, work, migrates, members, request, canaries = [], shares = [], tolerated = 0 } = errand;
  const state: RunState = {
    run,
    migrates,
    canaries,
    shares,
    tolerated,
    request,
    work,
    wave: 0,
    name: work,
    lists: await writeLists(run, 0, members, bucket),
    results: keys.results(run, 0),
    waves: [],
    report: { ...EMPTY_REPORT, targets: members.length },
    go: true,
  };
  await executions.start(run, state);
}

/** What was known after the last wave that ended; null before the first has. */
export async function stateOf(run: string, bucket: Pick<Bucket, 'get'>): Promise<RunState | null> {
  const text = await bucket.get(keys.state(run));
  return text === null ? null : (JSON.parse(text) as RunState);
}

/** The targets that runs were handed, whatever became of them. */
export async function recordedTargets(
  runs: readonly string[],
  bucket: Pick<Bucket, 'get'>,
): Promise<FleetMember[]> {
  const members: FleetMember[] = [];
  for (const run of runs) {
    const text = await bucket.get(keys.targets(run));
    if (text !== null) members.push(...(JSON.parse(text) as FleetMember[]));
  }
  return members;
}

/** Each once, the first of them. */
export function together(...lists: readonly (readonly FleetMember[])[]): FleetMember[] {
  const members = new Map<string, FleetMember>();
  for (const member of lists.flat()) if (!members.has(placeOf(member))) members.set(placeOf(member), member);
  return [...members.values()];
}
