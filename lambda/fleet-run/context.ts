/** What a poll of a fleet's request works with. */
import type { DeployRequest, PollSettings } from '../contract/custom-resource';
import type { FleetRequest } from '../contract/fleet';
import type { FleetPlan, FleetSettings } from '../contract/fleet-run';
import type { IsCompleteRequest } from '../deploy/events';
import type { FleetOutbound } from './outbound';

export interface Clock {
  now(): number;
  sleep(ms: number): Promise<unknown>;
}

export interface FleetContext {
  readonly plan: FleetPlan;
  /** Changes with the plan; the event names the one that it is about. */
  readonly planHash: string;
  readonly settings: Required<PollSettings>;
  readonly fleet: FleetSettings;
  readonly outbound: FleetOutbound;
  /** @default - the machine's */
  readonly clock?: Clock;
  /**
   * Since when each request's polls have met what may be different in a minute, as long as they meet the same process, and
   * they nearly always do. @default - this one is the first
   */
  readonly failingSince?: Map<string, number>;
}

/** A request, with all that is known of it at this poll. */
export interface Polled extends FleetContext {
  readonly clock: Clock;
  readonly event: IsCompleteRequest;
  readonly properties: DeployRequest;
  readonly request: FleetRequest;
  /** Since CloudFormation's event was first seen. */
  readonly elapsedMs: number;
}
