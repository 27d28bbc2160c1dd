/** The context of a poll of a fleet's request. */
import type { DeployRequest, PollSettings } from '../contract/custom-resource';
import type { FleetRequest } from '../contract/fleet';
import type { FleetPlan, FleetSettings } from '../contract/fleet-run';
import type { IsCompleteRequest } from '../deploy/events';
import type { FleetOutbound } from './fleet-outbound';

export interface Clock {
  now(): number;
  sleep(ms: number): Promise<unknown>;
}

export interface FleetContext {
  readonly plan: FleetPlan;
  /** Hash of the plan. It differs in each version of the plan; the event names the version that it is about. */
  readonly planHash: string;
  readonly settings: Required<PollSettings>;
  readonly fleet: FleetSettings;
  readonly outbound: FleetOutbound;
  /** @default - the machine's clock */
  readonly clock?: Clock;
  /**
   * For each request, the time since which its polls have failed with an error that may pass. It survives from one
   * poll to the next if the same process runs both, which is nearly always the case.
   * @default - this is the first such error
   */
  readonly failingSince?: Map<string, number>;
}

/** A request, with everything that is known about it at this poll. */
export interface PollState extends FleetContext {
  readonly clock: Clock;
  readonly event: IsCompleteRequest;
  readonly properties: DeployRequest;
  readonly request: FleetRequest;
  /** Time since CloudFormation's event was first seen. */
  readonly elapsedMs: number;
}
