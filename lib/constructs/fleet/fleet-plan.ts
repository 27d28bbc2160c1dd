/**
 * Turns a fleet's props into the configuration of its functions, and checks how long a deployment takes. Pure; tokens
 * pass through unchanged.
 */
import type { FleetFile, TenantListLimits, TenantSource } from '../../../lambda/contract/fleet';
import type { FleetPlan, TenantListing } from '../../../lambda/contract/fleet-run';
import { type Manifest, sha256 } from '../../../lambda/contract/manifest';
import { estimateFleetCapacity } from '../../../lambda/fleet/arithmetic';
import { DEFAULT_CANARY_COUNT, DEFAULT_EARLY_SHARES } from '../../../lambda/fleet/waves';
import { getSecretPrefix } from './checks';
import type { SchemaFleetProps } from './schema-fleet-props';
import type { FleetTenants } from './tenants';

const DEFAULT_CONCURRENCY = 8;
const DEFAULT_TENANT_TIMEOUT_S = 600;
const DEFAULT_TENANT_DURATION_S = 30;

export interface PlannedFleet {
  readonly plan: FleetPlan;
  /** Files by server name. */
  readonly files: Readonly<Record<string, FleetFile>>;
  /** Hash of the plan and the files. */
  readonly hash: string;
}

/**
 * Plans a fleet.
 * @throws {Error} if a source of tenants names a server that the fleet does not have, or names none although there are several
 */
export function planFleet(
  props: SchemaFleetProps,
  { namespace, manifest }: { readonly namespace: string; readonly manifest: Manifest },
): PlannedFleet {
  const names = Object.keys(props.servers);
  const sources = new Map<string, TenantSource[]>(names.map((name) => [name, []]));
  const lists = props.tenants.map((tenants, i): TenantListing => {
    if (tenants._list) return { kind: 's3', ...tenants._list };
    const server = resolveServer(tenants, names, i);
    const own = sources.get(server)!;
    own.push(tenants._source!);
    const { allowEmpty } = tenants._source!;
    return {
      kind: 'server',
      server,
      source: own.length - 1,
      ...(allowEmpty === undefined ? {} : { allowEmpty }),
    };
  });
  const bounds: TenantListLimits = {
    ...(props.databases ? { databases: props.databases } : {}),
    ...(props.tenantSecrets ? { secretPrefix: props.tenantSecrets.prefix } : {}),
  };
  const getBounds = (server: string): TenantListLimits => {
    const { secretPrefix: _, ...others } = bounds;
    const secretPrefix = getSecretPrefix(props.tenantSecrets, server);
    return { ...others, ...(secretPrefix === undefined ? {} : { secretPrefix }) };
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
    shares: props.waves ?? DEFAULT_EARLY_SHARES,
    maxFailures: props.maxFailures ?? 0,
    waitFor: props.waitFor ?? 'all',
    ...(props.baseline === undefined || props.baseline === '' ? {} : { baseline: props.baseline }),
  };
  const files = Object.fromEntries(
    names.map((server): [string, FleetFile] => [
      server,
      {
        ...getBounds(server),
        server,
        sources: sources.get(server)!,
        sharedSchemas: props.sharedSchemas ?? [],
        tenantTimeoutMs: (props.tenantTimeout?.toSeconds() ?? DEFAULT_TENANT_TIMEOUT_S) * 1_000,
      },
    ]),
  );
  const code = sha256(
    JSON.stringify([
      manifest.hash,
      manifest.workload?.hash ?? null,
      files,
      ...(manifest.removesWorkload ? ['removes workload'] : []),
    ]),
  );
  return {
    plan: { ...plan, code },
    files: Object.fromEntries(Object.entries(files).map(([server, file]) => [server, { ...file, code }])),
    hash: sha256(JSON.stringify([plan, files])),
  };
}

function resolveServer({ _server: server }: FleetTenants, names: readonly string[], i: number): string {
  if (server === undefined && names.length === 1) return names[0]!;
  if (server !== undefined && names.includes(server)) return server;
  throw new Error(
    server === undefined
      ? `tenants[${i}] names no server, and the fleet has ${names.join(', ')}. Give \`server\`.`
      : `tenants[${i}] names the server ${server}, and the fleet has ${names.join(', ')}.`,
  );
}

export interface CapacityEstimate {
  readonly fits: boolean;
  /** Message that synth prints. */
  readonly text: string;
}

/** Computes whether the fleet fits into the time of a deployment. @param totalS `totalTimeout` */
export function estimateCapacity(
  props: SchemaFleetProps,
  { plan }: PlannedFleet,
  totalS: number,
): CapacityEstimate {
  const servers = Object.keys(plan.servers).length;
  const concurrency = props.maxConcurrency ?? DEFAULT_CONCURRENCY;
  const migrateS = props.expectedTime?.toSeconds() ?? DEFAULT_TENANT_DURATION_S;
  const at = {
    servers,
    concurrency,
    migrateS,
    shares: plan.shares,
    canaries: plan.canaries.length || DEFAULT_CANARY_COUNT,
  };
  const each = `${concurrency} tenants at once on each of ${servers} ${servers === 1 ? 'server' : 'servers'}, ${migrateS} s each`;
  const { expectedTenants: tenants } = props;
  if (tenants === undefined)
    return {
      fits: true,
      text: `${each}: about ${estimateFleetCapacity({ tenants: 1, ...at }).fitsInAnHour} tenants fit in the hour that CloudFormation waits. Set expectedTenants and expectedTime for your own numbers.`,
    };
  const { seconds, fitsInAnHour, maxConnections, needs } = estimateFleetCapacity({ tenants, ...at });
  const above = needs.slice(1).filter(({ needed, limit }) => needed > limit);
  const time = `${tenants} tenants, ${each}, take ${Math.ceil(seconds / 60)} minutes; totalTimeout is ${Math.floor(totalS / 60)}. Each server needs ${maxConnections} free connections`;
  const quotas = above.map(({ what, needed, limit }) => `${what}: ${needed} needed, ${limit} is the limit`);
  const fits = seconds <= totalS && above.length === 0;
  const advice = `About ${fitsInAnHour} fit in an hour: raise maxConcurrency, spread them over more servers, or set waitFor: 'canary'`;
  return {
    fits,
    text: [time, ...quotas, ...(seconds <= totalS ? [] : [advice])].join('. ').concat('.'),
  };
}
