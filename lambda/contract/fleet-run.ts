/**
 * A run over a fleet: what the construct tells the functions that lead it, what travels through Step Functions, and what lies
 * in the fleet's bucket.
 */
import type { FleetRequest, FleetTarget, ListBounds, TenantAnswer, TenantWork } from './fleet';

/** The custom resource's type in the template. */
export const FLEET_RESOURCE_TYPE = 'Custom::TrueupFleet';
/** {@link FleetPlan}, beside the bundled handler. */
export const FLEET_PLAN_FILE = 'plan.json';

/** A target, and the server that has it. */
export interface FleetMember extends FleetTarget {
  readonly server: string;
}

/** Where targets are read: a source that a server's function answers, or a list in S3. */
export type ListedBy =
  | { readonly kind: 'server'; readonly server: string; readonly source: number }
  | { readonly kind: 's3'; readonly bucket: string; readonly key: string };

/** What is fixed at synth. */
export interface FleetPlan extends ListBounds {
  readonly namespace: string;
  readonly manifestHash: string;
  /** As in each server's `FleetFile`. @default - written by an older version */
  readonly code?: string;
  /** By name: how many tenants at once. */
  readonly servers: Readonly<Record<string, { readonly concurrency: number }>>;
  readonly lists: readonly ListedBy[];
  /** Names of targets. */
  readonly canaries: readonly string[];
  /** Percent of all targets, for each wave between the canaries and the rest. */
  readonly shares: readonly number[];
  /** How many tenants may fail, in all waves together. */
  readonly tolerated: number;
  readonly waitFor: 'all' | 'canary';
}

/** Why a run ended before its last wave. */
export type Stopped =
  /** Something stood against tenants before anything was changed. */
  | 'blocked'
  /** More failed than are tolerated. */
  | 'failures';

/** One that is not where it should be. */
export interface Failure {
  readonly name: string;
  readonly server: string;
  /** `no answer`: nothing came back for it: its function died, or Step Functions did not reach it. */
  readonly state: TenantAnswer['state'] | 'no answer';
  /** A sentence or two. */
  readonly why: string;
}

export interface WaveResult {
  readonly name: string;
  readonly targets: number;
  readonly migrated: number;
  readonly failed: number;
}

/** What is known after the last wave that ended. */
export interface RunReport {
  readonly targets: number;
  /** How many tenants were last seen in each state. */
  readonly states: Readonly<Record<string, number>>;
  readonly waves: readonly WaveResult[];
  /** All that are wrong; `failures` has the first of them. */
  readonly wrong: number;
  readonly failures: readonly Failure[];
  /** Migrations that a rollback left in some tenant, and why; the first of them. */
  readonly kept: readonly { readonly tenant: string; readonly name: string; readonly reason: string }[];
  readonly keptCount: number;
  readonly undoneCount: number;
  readonly stopped: Stopped | null;
}

/** Keys of a wave's targets by server; a server that has none is absent. */
export type Lists = Readonly<Record<string, string>>;

/** What goes from state to state: 256 KiB at most, whatever the size of the fleet. */
export interface RunState {
  /** The execution's name, and the folder of its objects in the bucket. */
  readonly run: string;
  /** After all have been looked at: whether those that are behind are migrated. */
  readonly migrates: boolean;
  readonly canaries: readonly string[];
  readonly shares: readonly number[];
  readonly tolerated: number;
  readonly request: FleetRequest;
  /** Of this wave. */
  readonly work: TenantWork;
  /** Counted from 0: the look, or the only wave of a rollback. */
  readonly wave: number;
  readonly name: string;
  readonly lists: Lists;
  /** Where Step Functions writes what became of them. */
  readonly results: string;
  /** The waves after this one. */
  readonly waves: readonly { readonly name: string; readonly lists: Lists }[];
  readonly report: RunReport;
  /** Whether there is a wave to run. */
  readonly go: boolean;
}

/** What a branch of a wave says: one a server. */
export interface BranchResult {
  readonly server: string;
  /** The manifest that Step Functions wrote. @default - the server has no tenant in this wave */
  readonly results?: { readonly Bucket?: string; readonly Key?: string } | null;
  /** The map itself came to no end: the error's name. */
  readonly error?: string;
}

export type TallyRequest = RunState & { readonly branches: readonly BranchResult[] };

/** Keys in the bucket. */
export const keys = {
  list: (run: string, wave: number, server: string): string => `runs/${run}/${wave}/${server}.json`,
  results: (run: string, wave: number): string => `runs/${run}/${wave}/results`,
  /** All targets that were ever handed to this run. */
  targets: (run: string): string => `runs/${run}/targets.json`,
  /** The {@link RunState} after the last wave that ended. */
  state: (run: string): string => `runs/${run}/state.json`,
  /** Where each tenant was when it was last looked at or migrated: {@link TenantRow}s. */
  tenants: (run: string): string => `runs/${run}/tenants.json`,
  /** What is to be said of a rollback at its end, whatever becomes of its run: sentences. */
  warnings: (run: string): string => `runs/${run}/warnings.json`,
  /** The newest run of a manifest, for the rollback that may follow. */
  latest: (manifestHash: string): string => `latest/${manifestHash}.json`,
};

export interface TenantRow extends FleetMember {
  readonly state: Failure['state'];
  readonly pending: number;
  readonly position: string;
  /** As of `Standing`. @default - nothing */
  readonly changes?: TenantAnswer['changes'];
  readonly why?: string;
}

const NAMES = {
  bucket: 'TRUEUP_FLEET_BUCKET',
  stateMachine: 'TRUEUP_FLEET_STATE_MACHINE',
  /** JSON: the function of each server. */
  functions: 'TRUEUP_FLEET_FUNCTIONS',
  stackId: 'TRUEUP_FLEET_STACK',
  owner: 'TRUEUP_FLEET_OWNER',
} as const;

export interface FleetSettings {
  readonly bucket: string;
  /** ARN. Empty for the function that the state machine itself calls. */
  readonly stateMachine: string;
  /** By server: the name of the function that speaks to it. */
  readonly functions: Readonly<Record<string, string>>;
  /** For runs that a person starts. Empty for the function that the state machine itself calls. */
  readonly stackId: string;
  /** As the custom resource's `Owner`; empty for the name in the stack's ARN. */
  readonly owner: string;
}

/** @param settings as texts; `functions` is JSON. What is left out is not needed there. */
export const fleetEnvironment = (
  settings: Partial<Record<keyof FleetSettings, string>>,
): Record<string, string> =>
  Object.fromEntries(
    (Object.keys(NAMES) as (keyof typeof NAMES)[]).flatMap((key) => {
      const value = settings[key];
      return value === undefined ? [] : [[NAMES[key], value]];
    }),
  );

/** @throws {Error} naming the variable that is missing */
export function fleetSettings(env: NodeJS.ProcessEnv): FleetSettings {
  const bucket = env[NAMES.bucket];
  if (!bucket) throw new Error(`The environment variable ${NAMES.bucket} is not set.`);
  return {
    bucket,
    stateMachine: env[NAMES.stateMachine] ?? '',
    functions: JSON.parse(env[NAMES.functions] ?? '{}') as Record<string, string>,
    stackId: env[NAMES.stackId] ?? '',
    owner: env[NAMES.owner] ?? '',
  };
}

/** Attributes of the custom resource. Every one is in each answer; an empty list is `none`. */
export const FLEET_ATTRIBUTES = {
  /** How many tenants are in which state. */
  tenants: 'Tenants',
  /** Names of tenants that are not where they should be. */
  failed: 'Failed',
  /** How many migrations a rollback undid, in all tenants together. */
  undone: 'Undone',
  /** What a rollback left, by tenant. */
  kept: 'Kept',
  warnings: 'Warnings',
} as const;

/** What the command line asks of a fleet. */
export type FleetQuestion =
  /** Starts a run that looks at all tenants, or at these. */
  | { readonly action: 'status'; readonly targets?: readonly string[] }
  /** Starts a run that brings these up. */
  | { readonly action: 'up'; readonly targets: readonly string[] }
  | { readonly action: 'progress'; readonly run: string }
  /** What a run that is done found, from this tenant on. */
  | { readonly action: 'tenants'; readonly run: string; readonly from: number };

export type FleetAnswer =
  | { readonly action: 'started'; readonly run: string; readonly targets: number }
  | {
      readonly action: 'progress';
      readonly done: boolean;
      /** Why it came to no end; null where it did, or goes on. */
      readonly error: string | null;
      readonly wave: string;
      readonly report: RunReport | null;
    }
  | { readonly action: 'tenants'; readonly tenants: readonly TenantRow[]; readonly next: number | null }
  /** What is asked cannot be done; a sentence or two. */
  | { readonly action: 'refused'; readonly message: string };
