/** From a fleet's props to what its functions are told; and what the numbers come to. Pure, but for tokens that pass through. */
import type { FleetFile, ListBounds, TargetSource } from '../../../lambda/contract/fleet';
import type { FleetPlan, ListedBy } from '../../../lambda/contract/fleet-run';
import { type Manifest, sha256 } from '../../../lambda/contract/manifest';
import { fleetArithmetic } from '../../../lambda/fleet/arithmetic';
import { EARLY_SHARES } from '../../../lambda/fleet/waves';
import type { SchemaFleetProps } from './schema-fleet-props';
import type { FleetTargets } from './targets';

export const DEFAULT_CONCURRENCY = 8;
const DEFAULT_TARGET_S = 600;
const DEFAULT_EXPECTED_S = 30;

export interface Planned {
  readonly plan: FleetPlan;
  /** By server. */
  readonly files: Readonly<Record<string, FleetFile>>;
  /** Of the plan and the files. */
  readonly hash: string;
}

/** @throws {Error} where targets name a server that the fleet does not have, or none where there are several */
export function planFleet(
  props: SchemaFleetProps,
  { namespace, manifest }: { readonly namespace: string; readonly manifest: Manifest },
): Planned {
  const names = Object.keys(props.servers);
  const sources = new Map<string, TargetSource[]>(names.map((name) => [name, []]));
  const lists = props.targets.map((targets, i): ListedBy => {
    if (targets.object) return { kind: 's3', ...targets.object };
    const server = serverOf(targets, names, i);
    const own = sources.get(server)!;
    own.push(targets.source!);
    return { kind: 'server', server, source: own.length - 1 };
  });
  const bounds: ListBounds = {
    ...(props.databases ? { databases: props.databases } : {}),
    ...(props.tenantSecrets ? { secretPrefix: props.tenantSecrets.prefix } : {}),
  };
  const plan: Omit<FleetPlan, 'code'> = {
    ...bounds,
    namespace,
    manifestHash: manifest.hash,
    servers: Object.fromEntries(
      names.map((name) => [name, { concurrency: props.maxConcurrency ?? DEFAULT_CONCURRENCY }]),
    ),
    lists,
    canaries: props.canary ?? [],
    shares: props.waves ?? EARLY_SHARES,
    tolerated: props.tolerated ?? 0,
    waitFor: props.waitFor ?? 'all',
  };
  const files = Object.fromEntries(
    names.map((server): [string, FleetFile] => [
      server,
      {
        ...bounds,
        server,
        sources: sources.get(server)!,
        sharedSchemas: props.sharedSchemas ?? [],
        perTargetTimeoutMs: (props.perTargetTimeout?.toSeconds() ?? DEFAULT_TARGET_S) * 1_000,
      },
    ]),
  );
  const code = sha256(JSON.stringify([manifest.hash, manifest.workload?.hash ?? null, files]));
  return {
    plan: { ...plan, code },
    files: Object.fromEntries(Object.entries(files).map(([server, file]) => [server, { ...file, code }])),
    hash: sha256(JSON.stringify([plan, files])),
  };
}

function serverOf({ server }: FleetTargets, names: readonly string[], i: number): string {
  if (server === undefined && names.length === 1) return names[0]!;
  if (server !== undefined && names.includes(server)) return server;
  throw new Error(
    server === undefined
      ? `targets[${i}] names no server, and the fleet has ${names.join(', ')}. Give \`server\`.`
      : `targets[${i}] names the server ${server}, and the fleet has ${names.join(', ')}.`,
  );
}

export interface Arithmetic {
  readonly fits: boolean;
  /** In the words of synth. */
  readonly text: string;
}

/** Whether the fleet fits into the time that a deployment has. @param totalS `totalTimeout` */
export function fleetNumbers(props: SchemaFleetProps, { plan }: Planned, totalS: number): Arithmetic {
  const servers = Object.keys(plan.servers).length;
  const concurrency = props.maxConcurrency ?? DEFAULT_CONCURRENCY;
  const migrateS = props.expectedTime?.toSeconds() ?? DEFAULT_EXPECTED_S;
  const at = { servers, concurrency, migrateS, shares: plan.shares, canaries: plan.canaries.length || 1 };
  const each = `${concurrency} tenants at once on each of ${servers} ${servers === 1 ? 'server' : 'servers'}, ${migrateS} s each`;
  const { expectedTargets: targets } = props;
  if (targets === undefined)
    return {
      fits: true,
      text: `${each}: about ${fleetArithmetic({ targets: 1, ...at }).fitsInAnHour} tenants fit in the hour that CloudFormation waits. Set expectedTargets and expectedTime for your own numbers.`,
    };
  const { seconds, fitsInAnHour, maxConnections, needs } = fleetArithmetic({ targets, ...at });
  const above = needs.slice(1).filter(({ needed, limit }) => needed > limit);
  const time = `${targets} tenants, ${each}, take ${Math.ceil(seconds / 60)} minutes; totalTimeout is ${Math.floor(totalS / 60)}. Each server needs ${maxConnections} free connections`;
  const quotas = above.map(({ what, needed, limit }) => `${what}: ${needed} needed, ${limit} is the limit`);
  const fits = seconds <= totalS && above.length === 0;
  const advice = `About ${fitsInAnHour} fit in an hour: raise maxConcurrency, spread them over more servers, or set waitFor: 'canary'`;
  return {
    fits,
    text: [time, ...quotas, ...(seconds <= totalS ? [] : [advice])].join('. ').concat('.'),
  };
}
