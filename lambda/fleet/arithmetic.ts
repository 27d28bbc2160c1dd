/** What a fleet comes to on AWS, before it is built: time against CloudFormation's hour, quotas, connections, cost. Pure. */

import { EARLY_SHARES, earlyCounts } from './waves';

/** Of a fleet of so many targets. Seconds are for one target. */
export interface FleetPlan {
  readonly targets: number;
  /** Servers, each with its own share of the targets. @default 1 */
  readonly servers?: number;
  /** Targets at once on each server. @default 8 */
  readonly concurrency?: number;
  /** Those named as canaries. @default 1 */
  readonly canaries?: number;
  /** Percent of all targets, for each wave between the canaries and the rest. @default 5 */
  readonly shares?: readonly number[];
  /** Looking at one target: connecting, reading its ledger. @default 1 */
  readonly lookS?: number;
  /** Migrating one target. @default 30 */
  readonly migrateS?: number;
}

/** A limit of the service, what the fleet needs of it, and where the service says so. */
export interface Need {
  readonly what: string;
  readonly needed: number;
  readonly limit: number;
  readonly source: string;
}

export interface FleetArithmetic {
  /** Milestones, in seconds from the start: all looked at, then the end of each wave. */
  readonly looked: number;
  readonly waves: readonly { readonly targets: number; readonly endsAt: number }[];
  readonly seconds: number;
  /** The most targets that this concurrency and these times bring through in the hour. */
  readonly fitsInAnHour: number;
  readonly needs: readonly Need[];
  /** On each server. */
  readonly connections: number;
  /** So that these are a tenth of what is free. */
  readonly maxConnections: number;
  /** Of a deployment that migrates all; and of one that finds nothing to do. */
  readonly cost: Cost;
  readonly idleCost: Cost;
}

/** USD. */
export interface Cost {
  /** Of Step Functions. */
  readonly transitions: number;
  /** Of Lambda. */
  readonly functions: number;
}

const DOCS = 'https://docs.aws.amazon.com';
const HOUR_S = 3_600;

/**
 * A Distributed Map is charged one for each child that it starts, and a child one for each state that it enters: its slice, the
 * choice, its answer (https://docs.aws.amazon.com/step-functions/latest/dg/concepts-transitions.html).
 */
export const TRANSITIONS = 4;
/** Another slice of the same tenant: a pause, the slice, the choice. */
const TRANSITIONS_A_SLICE = 3;
/** By default; a slice that is set longer saves transitions. */
const SLICE_S = 90;
/** Of the functions of a fleet's servers, on ARM. */
export const MIGRATE_MEMORY_MB = 512;
/**
 * USD, us-east-1, November 2026, without the free tier and discounts for more.
 * https://aws.amazon.com/step-functions/pricing/, https://aws.amazon.com/lambda/pricing/
 */
const PRICES = { transition: 0.000025, request: 0.0000002, gbSecond: 0.0000133334 };

export function fleetArithmetic(plan: FleetPlan): FleetArithmetic {
  const {
    targets,
    servers = 1,
    concurrency = 8,
    canaries = 1,
    shares = EARLY_SHARES,
    lookS = 1,
    migrateS = 30,
  } = plan;
  const atOnce = servers * concurrency;
  const time = (count: number, each: number): number => Math.ceil(count / atOnce) * each;
  const looked = time(targets, lookS);
  const first = Math.min(targets, canaries);
  const early = earlyCounts(targets, first, shares);
  let at = looked;
  const rest = targets - early.reduce((sum, count) => sum + count, first);
  const waves = [first, ...early, rest]
    .filter((count) => count > 0)
    .map((count) => {
      at += time(count, migrateS);
      return { targets: count, endsAt: at };
    });
  // Each wave ends with targets that leave the others' places empty, so the last wave gets what is left of the hour.
  const rounds = Math.floor((HOUR_S - (1 + shares.length) * migrateS) / (lookS + migrateS));
  const slices = Math.ceil(migrateS / SLICE_S);
  const transitionsOf = (perChild: number): number => TRANSITIONS + (perChild - 1) * TRANSITIONS_A_SLICE;
  const usd = (children: number, perChild: number, secondsEach: number): Cost => ({
    transitions: children * transitionsOf(perChild) * PRICES.transition,
    functions:
      children * (perChild * PRICES.request + secondsEach * (MIGRATE_MEMORY_MB / 1024) * PRICES.gbSecond),
  });
  const [look, migrate] = [usd(targets, 1, lookS), usd(targets, slices, migrateS)];
  return {
    looked,
    waves,
    seconds: at,
    fitsInAnHour: Math.max(0, rounds * atOnce),
    needs: [
      {
        what: "seconds of CloudFormation's wait for a custom resource",
        needed: at,
        limit: HOUR_S,
        source: `${DOCS}/AWSCloudFormation/latest/TemplateReference/aws-resource-cloudformation-customresource.html`,
      },
      {
        what: 'children of a distributed map at once',
        needed: atOnce,
        limit: 10_000,
        source: `${DOCS}/step-functions/latest/dg/state-map-distributed.html`,
      },
      {
        what: 'state transitions a second (800 in most regions)',
        needed: Math.ceil((atOnce * TRANSITIONS) / Math.min(lookS, migrateS)),
        limit: 800,
        source: `${DOCS}/step-functions/latest/dg/service-quotas.html`,
      },
      {
        what: 'concurrent executions of Lambda in the account',
        needed: atOnce,
        limit: 1_000,
        source: `${DOCS}/lambda/latest/dg/gettingstarted-limits.html`,
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
