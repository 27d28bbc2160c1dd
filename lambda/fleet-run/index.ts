/**
 * The functions that lead a fleet's run: behind CDK's provider framework (`onEvent`, `isComplete`), behind Step Functions
 * (`tallyWave`), and for the command line (`fleet`). Outside the VPC: what they know of a database they ask the function of
 * its server.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { logGroupOf, pollSettings } from '../contract/custom-resource';
import {
  FLEET_PLAN_FILE,
  type FleetAnswer,
  type FleetPlan,
  type FleetQuestion,
  fleetSettings,
  type RunState,
  type TallyRequest,
} from '../contract/fleet-run';
import type { IsCompleteRequest, IsCompleteResponse } from '../deploy/events';
import { awsOutbound } from '../deploy/outbound';
import { requestFields } from '../deploy/poll';
import { DeployError } from '../deploy/reason';
import { log } from '../log';
import { ask } from './ask';
import type { FleetContext } from './context';
import { awsBucket, awsFleet } from './outbound';
import { handleFleetPoll } from './poll';
import { tally } from './tally';
import { fleetAttributes } from './words';

export { onEvent } from '../deploy/index';

/** For what is asked of a server besides slices: a page of targets, who is at work. */
const ANSWER_MS = 120_000;

const failingSince = new Map<string, number>();
let wired: Omit<FleetContext, 'settings'> | undefined;

function wire(): Omit<FleetContext, 'settings'> {
  if (wired) return wired;
  const text = readFileSync(join(__dirname, FLEET_PLAN_FILE), 'utf8');
  const fleet = fleetSettings(process.env);
  wired = {
    plan: JSON.parse(text) as FleetPlan,
    planHash: createHash('sha256').update(text).digest('hex'),
    fleet,
    outbound: awsFleet(fleet, awsOutbound(ANSWER_MS)),
  };
  return wired;
}

export async function isComplete(event: IsCompleteRequest): Promise<IsCompleteResponse> {
  try {
    return await handleFleetPoll(event, {
      ...wire(),
      settings: pollSettings(process.env),
      failingSince,
    });
  } catch (error) {
    if (error instanceof DeployError) throw error;
    // Settings that are missing, before the stack could be looked at. A Delete must not hang on it.
    log('unexpected', { ...requestFields(event), error: (error as Error).message });
    const reason = `Unexpected error in Trueup's fleet function: ${(error as Error).message}`;
    if (event.RequestType === 'Delete')
      return { IsComplete: true, Data: { ...fleetAttributes(null, [reason]) } };
    throw new DeployError(reason, logGroupOf(process.env));
  }
}

export const tallyWave = (request: TallyRequest): Promise<RunState> =>
  tally(request, awsBucket(fleetSettings(process.env).bucket));

export const fleet = (question: FleetQuestion): Promise<FleetAnswer> => ask(question, wire());
