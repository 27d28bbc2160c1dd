/**
 * The two handlers behind the CDK's provider framework. `onEvent` records the start; `isComplete` does the work, in
 * one or more slices for each call. Outside the VPC: they call CloudFormation and `migrate`, never the database.
 */

import {
  buildPhysicalResourceId,
  type DeploySettings,
  readDeploySettings,
  readLogGroupName,
} from '../contract/custom-resource';
import { log } from '../log';
import type { DeployOutbound } from './deploy-outbound';
import type { IsCompleteRequest, IsCompleteResponse, OnEventRequest, OnEventResponse } from './events';
import { buildRequestFields, handlePoll } from './poll';
import { buildAttributes, DeployError } from './reason';

/** The part of Lambda's context that is used. */
interface LambdaContext {
  getRemainingTimeInMillis(): number;
}

const failingSince = new Map<string, number>();
let cachedWiring: { settings: Required<DeploySettings>; outbound: DeployOutbound } | undefined;

/** Loads the SDK's clients, which `onEvent` does not need. */
async function loadWiring(): Promise<{ settings: Required<DeploySettings>; outbound: DeployOutbound }> {
  if (cachedWiring) return cachedWiring;
  const settings = readDeploySettings(process.env);
  const { makeAwsOutbound } = await import('./deploy-outbound.js');
  cachedWiring = { settings, outbound: makeAwsOutbound(settings.answerTimeoutMs) };
  return cachedWiring;
}

/** Never fails: if it failed, the framework would swallow the Delete after a failed Create, which has work to do. */
export async function onEvent(event: OnEventRequest): Promise<OnEventResponse> {
  const { Namespace } = event.ResourceProperties ?? {};
  log('event-received', { ...buildRequestFields(event), namespace: Namespace });
  return {
    PhysicalResourceId:
      event.PhysicalResourceId ?? buildPhysicalResourceId(typeof Namespace === 'string' ? Namespace : ''),
    StartedAt: new Date().toISOString(),
  };
}

export async function isComplete(
  event: IsCompleteRequest,
  context: LambdaContext,
): Promise<IsCompleteResponse> {
  try {
    const { settings, outbound } = await loadWiring();
    return await handlePoll(event, {
      settings,
      outbound,
      failingSince,
      remainingMs: () => context.getRemainingTimeInMillis(),
    });
  } catch (error) {
    if (error instanceof DeployError) throw error;
    return answerUnexpected(event, error as Error);
  }
}

/** Answers a request whose settings are missing, before the stack was read. A Delete must not wait for them forever. */
function answerUnexpected(event: IsCompleteRequest, error: Error): IsCompleteResponse {
  log('unexpected-error', { ...buildRequestFields(event), error: error.message, stack: error.stack });
  const reason = `Unexpected error in Trueup's deploy function: ${error.message}`;
  if (event.RequestType === 'Delete') return { IsComplete: true, Data: { ...buildAttributes(null, reason) } };
  throw new DeployError(reason, readLogGroupName(process.env));
}
