/**
 * A run over a fleet: the settings of the functions that lead it, its state in Step Functions, and the objects in the
 * fleet's bucket.
 */
import type { FleetRequest, FleetTenant, TenantAnswer, TenantListLimits, TenantWork } from './fleet';

/** The custom resource's type in the template. */
export const FLEET_RESOURCE_TYPE = 'Custom::TrueupFleet';
/** Name of the file beside the bundled handler that holds the {@link FleetPlan}. */
export const FLEET_PLAN_FILE = 'plan.json';

/** A tenant and its server. */
export interface FleetMember extends FleetTenant {
  readonly server: string;
}

/** Where tenants are listed: in a source that a server's function reads, or in a list in S3. */
export type TenantListing = {
  /** Whether the list may be empty. @default false */
  readonly allowEmpty?: boolean;
} & (
  | { readonly kind: 'server'; readonly server: string; readonly source: number }
  | { readonly kind: 's3'; readonly bucket: string; readonly key: string }
);

/** The settings that are fixed at synthesis. */
export interface FleetPlan extends TenantListLimits {
  readonly namespace: string;
  readonly manifestHash: string;
  /** See `code` in each server's `FleetFile`. @default - written by an older version */
  readonly code?: string;
  /** For each server, by name, how many tenants are migrated at once. */
  readonly servers: Readonly<Record<string, { readonly concurrency: number }>>;
  readonly lists: readonly TenantListing[];
  /** See `ConvergeRequest.baseline`. @default - none */
  readonly baseline?: string;
  /** Names of the tenants in the canary wave. */
  readonly canaries: readonly string[];
  /** For each wave between the canaries and the rest, its percentage of all tenants. */
  readonly shares: readonly number[];
  /** How many tenants may fail, in all waves together. */
  readonly maxFailures: number;
  readonly waitFor: 'all' | 'canary';
}

/** Why a run ended before its last wave. */
export type StopReason =
  /** Tenants could not be migrated, which the inspection found before anything was changed. */
  | 'blocked'
  /** More tenants failed than the failure limit allows. */
  | 'failures';

/** A tenant that is not in the expected state. */
export interface TenantFailure {
  readonly name: string;
  readonly server: string;
  /** `no answer` means that there is no result for it: its function died, or Step Functions did not call it. */
  readonly state: TenantAnswer['state'] | 'no answer';
  /** The reason, in a sentence or two. */
  readonly why: string;
}

export interface WaveResult {
  readonly name: string;
  readonly tenantCount: number;
  readonly migrated: number;
  readonly failed: number;
}

/** The totals after the last wave that ended. */
export interface RunReport {
  readonly tenantCount: number;
  /** Number of tenants by the state in which they were last seen. */
  readonly states: Readonly<Record<string, number>>;
  readonly waves: readonly WaveResult[];
  /** Number of all tenants that are not in the expected state; `failures` has the first of them. */
  readonly wrong: number;
  readonly failures: readonly TenantFailure[];
  /** The first of the migrations that a rollback did not undo in a tenant, with the reasons. */
  readonly kept: readonly { readonly tenant: string; readonly name: string; readonly reason: string }[];
  readonly keptCount: number;
  readonly undoneCount: number;
  readonly stopped: StopReason | null;
}

/** Keys of the objects that list a wave's tenants, by server. A server without tenants is absent. */
export type WaveLists = Readonly<Record<string, string>>;

/** The input and output of each state in Step Functions: 256 KiB at most, whatever the size of the fleet. */
export interface RunState {
  /** The execution's name, which is also the folder of its objects in the bucket. */
  readonly run: string;
  /** Whether the run migrates tenants that are behind, after it has inspected all tenants. */
  readonly migrates: boolean;
  readonly canaries: readonly string[];
  readonly shares: readonly number[];
  readonly maxFailures: number;
  readonly request: FleetRequest;
  /** The work that this wave does. */
  readonly work: TenantWork;
  /** Number of the wave, from 0; wave 0 is the check of all tenants, or the only wave of a rollback. */
  readonly wave: number;
  readonly name: string;
  readonly lists: WaveLists;
  /** Key prefix under which Step Functions writes the wave's results. */
  readonly results: string;
  /** The waves after this one. */
  readonly waves: readonly { readonly name: string; readonly lists: WaveLists }[];
  readonly report: RunReport;
  /** Whether there is a wave to run. */
  readonly go: boolean;
}

/** The result of one branch of a wave; there is one branch per server. */
export interface BranchResult {
  readonly server: string;
  /** The manifest that Step Functions wrote. @default - the server has no tenant in this wave */
  readonly results?: { readonly Bucket?: string; readonly Key?: string } | null;
  /** Name of the error with which the map itself failed. */
  readonly error?: string;
}

export type TallyRequest = RunState & { readonly branches: readonly BranchResult[] };

/** Keys of the objects in the bucket. */
export const runObjectKeys = {
  list: (run: string, wave: number, server: string): string => `runs/${run}/${wave}/${server}.json`,
  results: (run: string, wave: number): string => `runs/${run}/${wave}/results`,
  /** All tenants that were ever given to this run. */
  members: (run: string): string => `runs/${run}/members.json`,
  /** The {@link RunState} after the last wave that ended. */
  state: (run: string): string => `runs/${run}/state.json`,
  /** Each tenant's state when it was last checked or migrated, as {@link TenantRow}s. */
  tenants: (run: string): string => `runs/${run}/tenants.json`,
  /** Sentences to report at the end of a rollback, however its run ends. */
  warnings: (run: string): string => `runs/${run}/warnings.json`,
  /** The newest run of a manifest, for a rollback that may follow. */
  latest: (manifestHash: string): string => `latest/${manifestHash}.json`,
};

export interface TenantRow extends FleetMember {
  readonly state: TenantFailure['state'];
  readonly pending: number;
  readonly position: string;
  /** See `Standing.changes`. @default - nothing */
  readonly changes?: TenantAnswer['changes'];
  readonly why?: string;
  /** Whether the server reports that the database or schema does not exist. @default false */
  readonly missing?: boolean;
}

/** The state machine's replacement for the answer of a tenant whose function died on every attempt. */
export interface CrashedTenantAnswer {
  readonly action: 'died';
  readonly times: number;
  /** The error's name in Step Functions. */
  readonly error: string;
}

const VARIABLE_NAMES = {
  bucket: 'TRUEUP_FLEET_BUCKET',
  stateMachine: 'TRUEUP_FLEET_STATE_MACHINE',
  /** JSON: the name of each server's function. */
  functions: 'TRUEUP_FLEET_FUNCTIONS',
  stackId: 'TRUEUP_FLEET_STACK',
  owner: 'TRUEUP_FLEET_OWNER',
  queryOnly: 'TRUEUP_FLEET_QUERY_ONLY',
} as const;

export interface FleetSettings {
  readonly bucket: string;
  /** ARN of the state machine. Empty for the function that the state machine itself calls. */
  readonly stateMachine: string;
  /** For each server, the name of the function that connects to it. */
  readonly functions: Readonly<Record<string, string>>;
  /** ARN of the stack, for runs that a person starts. Empty for the function that the state machine itself calls. */
  readonly stackId: string;
  /** See the custom resource's `Owner`; empty for the name in the stack's ARN. */
  readonly owner: string;
  /** Whether the function refuses requests that change a tenant. */
  readonly queryOnly: boolean;
}

/**
 * Returns the environment variables.
 * @param settings as strings; `functions` is JSON. Settings that a function does not need can be left out.
 */
export const buildFleetEnvironment = (
  settings: Partial<Record<keyof FleetSettings, string>>,
): Record<string, string> =>
  Object.fromEntries(
    (Object.keys(VARIABLE_NAMES) as (keyof typeof VARIABLE_NAMES)[]).flatMap((key) => {
      const value = settings[key];
      return value === undefined ? [] : [[VARIABLE_NAMES[key], value]];
    }),
  );

/** Reads the settings. @throws {Error} naming the missing variable */
export function readFleetSettings(env: NodeJS.ProcessEnv): FleetSettings {
  const bucket = env[VARIABLE_NAMES.bucket];
  if (!bucket) throw new Error(`The environment variable ${VARIABLE_NAMES.bucket} is not set.`);
  return {
    bucket,
    stateMachine: env[VARIABLE_NAMES.stateMachine] ?? '',
    functions: JSON.parse(env[VARIABLE_NAMES.functions] ?? '{}') as Record<string, string>,
    stackId: env[VARIABLE_NAMES.stackId] ?? '',
    owner: env[VARIABLE_NAMES.owner] ?? '',
    queryOnly: env[VARIABLE_NAMES.queryOnly] === 'true',
  };
}

/** Attributes of the custom resource. Each response contains every one; an empty list is `none`. */
export const FLEET_ATTRIBUTES = {
  /** Number of tenants in each state. */
  tenants: 'Tenants',
  /** Names of tenants that are not in the expected state. */
  failed: 'Failed',
  /** Number of migrations that a rollback undid, in all tenants together. */
  undone: 'Undone',
  /** Migrations that a rollback did not undo, by tenant. */
  kept: 'Kept',
  warnings: 'Warnings',
} as const;

/** Requests of the command line to a fleet. */
export type FleetQuery =
  /** Starts a run that inspects all tenants, or those in `tenants`. */
  | { readonly action: 'status'; readonly tenants?: readonly string[] }
  /** Starts a run that migrates these tenants. */
  | { readonly action: 'up'; readonly tenants: readonly string[] }
  | { readonly action: 'progress'; readonly run: string }
  /** Returns a page of what a completed run found, starting with this tenant. */
  | { readonly action: 'tenants'; readonly run: string; readonly from: number };

export type FleetAnswer =
  | { readonly action: 'started'; readonly run: string; readonly tenantCount: number }
  | {
      readonly action: 'progress';
      readonly done: boolean;
      /** Why the run failed; `null` if it did not fail or has not ended yet. */
      readonly error: string | null;
      readonly wave: string;
      readonly report: RunReport | null;
    }
  | { readonly action: 'tenants'; readonly tenants: readonly TenantRow[]; readonly next: number | null }
  /** The request cannot be carried out; `message` is a sentence or two. */
  | { readonly action: 'refused'; readonly message: string };
