/**
 * The two handlers behind the CDK's provider framework. `onEvent` records the start; the work is done in slices, one or
 * more a call of `isComplete`. Outside the VPC: it speaks to CloudFormation and to `migrate`, never to the database.
 */

import {
  type DeploySettings,
  deploySettings,
  logGroupOf,
  physicalResourceId,
} from '../contract/custom-resource';
import { log } from '../log';
import type { IsCompleteRequest, IsCompleteResponse, OnEventRequest, OnEventResponse } from './events';
import type { Outbound } from './outbound';
import { handlePoll, requestFields } from './poll';
import { attributes, DeployError } from './reason';

/** What of Lambda's context is used. */
interface Context {
  getRemainingTimeInMillis(): number;
}

const failingSince = new Map<string, number>();
let wired: { settings: Required<DeploySettings>; outbound: Outbound } | undefined;

/** The SDK's clients are loaded here: `onEvent` has no use for them. */
async function wire(): Promise<{ settings: Required<DeploySettings>; outbound: Outbound }> {
  if (wired) return wired;
  const settings = deploySettings(process.env);
  const { awsOutbound } = await import('./outbound.js');
  wired = { settings, outbound: awsOutbound(settings.answerTimeoutMs) };
  return wired;
}

/** Never fails: when it does, the framework swallows the Delete after a failed Create, and that has work to do. */
export async function onEvent(event: OnEventRequest): Promise<OnEventResponse> {
  const { Namespace } = event.ResourceProperties ?? {};
  log('received', { ...requestFields(event), namespace: Namespace });
  return {
    PhysicalResourceId:
      event.PhysicalResourceId ?? physicalResourceId(typeof Namespace === 'string' ? Namespace : ''),
    StartedAt: new Date().toISOString(),
  };
}

export async function isComplete(event: IsCompleteRequest, context: Context): Promise<IsCompleteResponse> {
  try {
    const { settings, outbound } = await wire();
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

/** Settings that are missing, before the stack could be looked at. A Delete must not hang on it. */
function answerUnexpected(event: IsCompleteRequest, error: Error): IsCompleteResponse {
  log('unexpected', { ...requestFields(event), error: error.message, stack: error.stack });
  const reason = `Unexpected error in Trueup's deploy function: ${error.message}`;
  if (event.RequestType === 'Delete') return { IsComplete: true, Data: { ...attributes(null, reason) } };
  throw new DeployError(reason, logGroupOf(process.env));
}
