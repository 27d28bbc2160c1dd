/**
 * In the place of Trueup's deployment: a custom resource behind CDK's provider framework. It writes down what it is sent,
 * with which code, and what CloudFormation says of the stack at that moment, asked with Trueup's own calls.
 */

import { makeAwsOutbound } from '../../../lambda/deploy/deploy-outbound';
import type { StackEvent } from '../../../lambda/deploy/history';
import { log } from '../../../lambda/log';
import type { Received } from '../received';

declare const CODE_VERSION: string;

interface Event {
  readonly RequestType: 'Create' | 'Update' | 'Delete';
  readonly RequestId: string;
  readonly StackId: string;
  readonly LogicalResourceId: string;
  readonly ResourceProperties: Properties;
  readonly OldResourceProperties?: Properties;
  readonly Data?: { readonly beganAt?: string };
}

/** CloudFormation makes texts of them. */
interface Properties {
  readonly version: string;
  readonly seconds: string;
  readonly fails: string;
}

/** Enough to hold how the request before ended. */
const EVENTS = 8;
const out = makeAwsOutbound(10_000);

export async function onEvent(event: Event) {
  await write('request', event, false);
  return { PhysicalResourceId: 'deployment', Data: { beganAt: String(Date.now()) } };
}

export async function isComplete(event: Event) {
  const { seconds, fails } = event.ResourceProperties;
  const waited = Date.now() - Number(event.Data?.beganAt ?? 0);
  const done = event.RequestType === 'Delete' || waited >= Number(seconds) * 1_000;
  await write('poll', event, done);
  if (done && fails === 'yes' && event.RequestType !== 'Delete') throw new Error('told to fail');
  return { IsComplete: done };
}

async function write(phase: Received['phase'], event: Event, answered: boolean): Promise<void> {
  const at = Date.now();
  const received: Received = {
    phase,
    at,
    answered,
    code: CODE_VERSION,
    type: event.RequestType,
    request: event.RequestId,
    now: event.ResourceProperties.version,
    before: event.OldResourceProperties?.version ?? null,
    seen: await look(event),
  };
  log('received', { ...received });
}

async function look({ StackId, LogicalResourceId }: Event): Promise<Received['seen']> {
  try {
    const status = await out.stackStatus(StackId);
    const found: StackEvent[] = [];
    for await (const { events } of out.stackEvents(StackId, LogicalResourceId)) {
      found.push(...events);
      if (found.length >= EVENTS) break;
    }
    return { status, events: found.slice(0, EVENTS) };
  } catch (error) {
    return { refused: (error as Error).name };
  }
}
