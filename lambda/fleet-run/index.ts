/**
 * The functions that control a fleet's run: behind CDK's provider framework (`onEvent`, `isComplete`), behind Step
 * Functions (`tallyWave`), and for the command line (`fleet`). Outside the VPC: they query a database only through
 * the function of its server.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { readLogGroupName, readPollSettings } from '../contract/custom-resource';
import {
  FLEET_PLAN_FILE,
  type FleetAnswer,
  type FleetPlan,
  type FleetQuery,
  type RunState,
  readFleetSettings,
  type TallyRequest,
} from '../contract/fleet-run';
import { makeAwsOutbound } from '../deploy/deploy-outbound';
import type { IsCompleteRequest, IsCompleteResponse } from '../deploy/events';
import { buildRequestFields } from '../deploy/poll';
import { DeployError } from '../deploy/reason';
import { log } from '../log';
import { answerQuery } from './answer-query';
import type { FleetContext } from './context';
import { makeAwsBucket, makeAwsFleet } from './fleet-outbound';
import { buildFleetAttributes } from './messages';
import { handleFleetPoll } from './poll';
import { tallyResults } from './tally';

export { onEvent } from '../deploy/index';

/** Timeout for requests to a server's function other than slices: a page of tenants, the running sessions. */
const SERVER_ANSWER_TIMEOUT_MS = 120_000;

const failingSince = new Map<string, number>();
let cachedWiring: Omit<FleetContext, 'settings'> | undefined;

function loadWiring(): Omit<FleetContext, 'settings'> {
  if (cachedWiring) return cachedWiring;
  const text = readFileSync(join(__dirname, FLEET_PLAN_FILE), 'utf8');
  const fleet = readFleetSettings(process.env);
  cachedWiring = {
    plan: JSON.parse(text) as FleetPlan,
    planHash: createHash('sha256').update(text).digest('hex'),
    fleet,
    outbound: makeAwsFleet(fleet, makeAwsOutbound(SERVER_ANSWER_TIMEOUT_MS)),
  };
  return cachedWiring;
}

export async function isComplete(event: IsCompleteRequest): Promise<IsCompleteResponse> {
  try {
    return await handleFleetPoll(event, {
      ...loadWiring(),
      settings: readPollSettings(process.env),
      failingSince,
    });
  } catch (error) {
    if (error instanceof DeployError) throw error;
    // The settings are missing, and the stack was not read. A Delete must not wait for them forever.
    log('unexpected-error', { ...buildRequestFields(event), error: (error as Error).message });
    const reason = `Unexpected error in Trueup's fleet function: ${(error as Error).message}`;
    if (event.RequestType === 'Delete')
      return { IsComplete: true, Data: { ...buildFleetAttributes(null, [reason]) } };
    throw new DeployError(reason, readLogGroupName(process.env));
  }
}

export const tallyWave = (request: TallyRequest): Promise<RunState> =>
  tallyResults(request, makeAwsBucket(readFleetSettings(process.env).bucket));

export const fleet = (question: FleetQuery): Promise<FleetAnswer> => answerQuery(question, loadWiring());
