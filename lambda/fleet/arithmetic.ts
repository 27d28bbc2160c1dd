/** Estimates a fleet on AWS before it is built: time against CloudFormation's hour, quotas, connections, cost. Pure. */

import { computeEarlyCounts, DEFAULT_CANARY_COUNT, DEFAULT_EARLY_SHARES } from './waves';

/** A fleet with the given number of tenants. Seconds are for one tenant. */
export interface FleetCapacityInput {
  readonly tenants: number;
  /** Number of servers, each with an equal share of the tenants. @default 1 */
  readonly servers?: number;
  /** Number of tenants migrated at once on each server. @default 8 */
  readonly concurrency?: number;
  /** Number of canaries. @default 1 */
  readonly canaries?: number;
  /** Percentage of all tenants, for each wave between the canaries and the rest. @default 5 */
  readonly shares?: readonly number[];
  /** Time to inspect one tenant: connecting, reading its ledger. @default 1 */
  readonly lookS?: number;
  /** Time to migrate one tenant. @default 30 */
  readonly migrateS?: number;
}

/** A limit of an AWS service, the number that the fleet needs, and the page of the service that states the limit. */
export interface ServiceQuota {
  readonly what: string;
  readonly needed: number;
  readonly limit: number;
  readonly source: string;
}

export interface FleetCapacityEstimate {
  /** Seconds from the start until all tenants are inspected. Each wave's `endsAt` counts from the start as well. */
  readonly looked: number;
  readonly waves: readonly { readonly tenants: number; readonly endsAt: number }[];
  readonly seconds: number;
  /** Maximum number of tenants that can be migrated in one hour with this concurrency and these times. */
  readonly fitsInAnHour: number;
  readonly needs: readonly ServiceQuota[];
  /** Number of connections on each server. */
  readonly connections: number;
  /** Number of free connections that the server needs: ten times `connections`. */
  readonly maxConnections: number;
  /** Cost of a deployment that migrates all tenants. `idleCost` is that of a deployment that finds nothing to do. */
  readonly cost: FleetCost;
  readonly idleCost: FleetCost;
}

/** Cost in USD. */
export interface FleetCost {
  /** Cost of Step Functions. */
  readonly transitions: number;
  /** Cost of Lambda. */
  readonly functions: number;
}

const AWS_DOCS_URL = 'https://docs.aws.amazon.com';
const SECONDS_PER_HOUR = 3_600;

/**
 * State transitions for one tenant. A Distributed Map is charged one for each child that it starts, and a child one
 * for each state that it enters: its slice, the choice, its answer
 * (https://docs.aws.amazon.com/step-functions/latest/dg/concepts-transitions.html).
 */
export const TRANSITIONS_PER_TENANT = 4;
/** State transitions for another slice of the same tenant: a pause, the slice, the choice. */
const TRANSITIONS_PER_SLICE = 3;
/** Default length of a slice. A longer slice saves transitions. */
const DEFAULT_SLICE_S = 90;
/** Memory of the functions of a fleet's servers, on ARM. */
export const MIGRATE_MEMORY_MB = 512;
/**
 * Prices in USD, us-east-1, November 2026, without the free tier and volume discounts.
 * https://aws.amazon.com/step-functions/pricing/, https://aws.amazon.com/lambda/pricing/
 */
const PRICES_USD = { transition: 0.000025, request: 0.0000002, gbSecond: 0.0000133334 };

export function estimateFleetCapacity(plan: FleetCapacityInput): FleetCapacityEstimate {
  const {
    tenants,
    servers = 1,
    concurrency = 8,
    canaries = DEFAULT_CANARY_COUNT,
    shares = DEFAULT_EARLY_SHARES,
    lookS = 1,
    migrateS = 30,
  } = plan;
  const atOnce = servers * concurrency;
  const time = (count: number, each: number): number => Math.ceil(count / atOnce) * each;
  const looked = time(tenants, lookS);
  const first = Math.min(tenants, canaries);
  const early = computeEarlyCounts(tenants, first, shares);
  let at = looked;
  const rest = tenants - early.reduce((sum, count) => sum + count, first);
  const waves = [first, ...early, rest]
    .filter((count) => count > 0)
    .map((count) => {
      at += time(count, migrateS);
      return { tenants: count, endsAt: at };
    });
  // At the end of each wave, some places stay empty until its last tenants are done, so the last wave gets the rest
  // of the hour.
  const rounds = Math.floor((SECONDS_PER_HOUR - (1 + shares.length) * migrateS) / (lookS + migrateS));
  const slices = Math.ceil(migrateS / DEFAULT_SLICE_S);
  const countTransitions = (perChild: number): number =>
    TRANSITIONS_PER_TENANT + (perChild - 1) * TRANSITIONS_PER_SLICE;
  const usd = (children: number, perChild: number, secondsEach: number): FleetCost => ({
    transitions: children * countTransitions(perChild) * PRICES_USD.transition,
    functions:
      children *
      (perChild * PRICES_USD.request + secondsEach * (MIGRATE_MEMORY_MB / 1024) * PRICES_USD.gbSecond),
  });
  const [look, migrate] = [usd(tenants, 1, lookS), usd(tenants, slices, migrateS)];
  return {
    looked,
    waves,
    seconds: at,
    fitsInAnHour: Math.max(0, rounds * atOnce),
    needs: [
      {
        what: 'seconds that CloudFormation waits for a custom resource',
        needed: at,
        limit: SECONDS_PER_HOUR,
        source: `${AWS_DOCS_URL}/AWSCloudFormation/latest/TemplateReference/aws-resource-cloudformation-customresource.html`,
      },
      {
        what: 'concurrent child executions of a distributed map',
        needed: atOnce,
        limit: 10_000,
        source: `${AWS_DOCS_URL}/step-functions/latest/dg/state-map-distributed.html`,
      },
      {
        what: 'state transitions a second (800 in most regions)',
        needed: Math.ceil((atOnce * TRANSITIONS_PER_TENANT) / Math.min(lookS, migrateS)),
        limit: 800,
        source: `${AWS_DOCS_URL}/step-functions/latest/dg/service-quotas.html`,
      },
      {
        what: 'concurrent executions of Lambda in the account',
        needed: atOnce,
        limit: 1_000,
        source: `${AWS_DOCS_URL}/lambda/latest/dg/gettingstarted-limits.html`,
      },
    ],
    connections: concurrency,
    maxConnections: concurrency * 10,
    cost: {
      transitions: look.transitions + migrate.transitions,
      functions: look.functions + migrate.functions,
    },
    idleCost: look,
  };
}
