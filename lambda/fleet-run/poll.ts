/** One poll of CloudFormation's request: the stack is looked at, the run begun or looked at, and the answer decided. */
import { setTimeout as sleep } from 'node:timers/promises';
import { type DeployRequest, type PollSettings, readProperties } from '../contract/custom-resource';
import type { FleetRequest } from '../contract/fleet';
import type { FleetPlan, RunReport } from '../contract/fleet-run';
import { type Classification, classifyRequest } from '../deploy/classify-request';
import { convergeRequest } from '../deploy/converge-request';
import type { IsCompleteRequest, IsCompleteResponse } from '../deploy/events';
import { DeployError } from '../deploy/reason';
import { readStackState } from '../deploy/stack-state';
import { type LogFields, log } from '../log';
import { backward } from './backward';
import type { Clock, FleetContext, Polled } from './context';
import type { Decision } from './decide';
import { FleetError } from './error';
import { forward } from './forward';
import { stopRuns } from './stop';
import { fleetAttributes } from './words';

const CLOCK: Clock = { now: Date.now, sleep };
/** After an update either version of a function may answer for up to a minute. */
export const OTHER_CODE_MS = 60_000;
/** How long CloudFormation is asked again which way the stack goes, before a failure is told. */
const UNSURE_MS = 120_000;

/** @throws {DeployError} the request failed, in few words */
export async function handleFleetPoll(
  event: IsCompleteRequest,
  context: FleetContext,
): Promise<IsCompleteResponse> {
  const { clock = CLOCK, outbound } = context;
  const startedAtMs = Date.parse(event.StartedAt);
  const stack = await readStackState(event, startedAtMs, outbound);
  const classified = classifyRequest({ type: event.RequestType, startedAtMs }, stack, clock.now());
  const elapsedMs = clock.now() - startedAtMs;
  const about: LogFields = {
    request: event.RequestId,
    type: event.RequestType,
    stackId: event.StackId,
    stack: stack.status,
    ...classified,
  };
  const early = elapsedMs < OTHER_CODE_MS;
  const otherPlan = event.ResourceProperties.Fleet !== context.planHash;
  if (classified.relevance === 'unclear' || (otherPlan && early)) {
    log('unclear', { ...about, otherPlan });
    return { IsComplete: false };
  }
  const decision = await decided(event, { ...context, clock }, classified, elapsedMs);
  if (decision.next === 'poll') {
    log('fleet-poll', { ...about, elapsedMs, progress: decision.progress });
    return { IsComplete: false };
  }
  // Should this be a rollback, FAILED would wedge the stack: CloudFormation is asked a few more times before.
  const unsure = decision.next === 'fail' && stack.status === null && event.RequestType === 'Update';
  if (unsure && elapsedMs < UNSURE_MS) return { IsComplete: false };
  return answer(decision, about, classified, context.settings.logGroup);
}

type Answer = Extract<Decision, { next: 'poll' | 'succeed' | 'fail' }>;

async function decided(
  event: IsCompleteRequest,
  context: FleetContext & { readonly clock: Clock },
  classified: Classification,
  elapsedMs: number,
): Promise<Answer> {
  const since = context.failingSince?.get(event.RequestId);
  context.failingSince?.clear();
  try {
    const properties = readProperties(event.ResourceProperties);
    const polled = {
      ...context,
      event,
      properties,
      elapsedMs,
      request: requestOf(event, properties, classified, context.plan),
    };
    if (classified.relevance === 'overtaken') return await overtaken(polled, classified);
    return await (classified.lenient ? backward(polled) : forward(polled));
  } catch (error) {
    const nowMs = context.clock.now();
    const decision = unexpected(error as Error, classified, context.settings, {
      failingMs: nowMs - (since ?? nowMs),
      elapsedMs,
    });
    if (decision.next === 'poll') context.failingSince?.set(event.RequestId, since ?? nowMs);
    return decision;
  }
}

/** What is the same for all tenants. */
function requestOf(
  event: IsCompleteRequest,
  properties: DeployRequest,
  classified: Classification,
  { code }: FleetPlan,
): FleetRequest {
  const { id, startedAt, owner, adopt, direction, manifestHash, failed, undoAfterSuccess, remove } =
    convergeRequest(event, properties, classified);
  const of = code === undefined ? {} : { code };
  return { id, startedAt, owner, adopt, direction, manifestHash, failed, undoAfterSuccess, remove, ...of };
}

/** CloudFormation no longer waits for this answer; this one cannot wedge the stack if it does. */
async function overtaken(polled: Polled, { lenient }: Classification): Promise<Answer> {
  const reason =
    'This run was stopped: the stack was cancelled or rolled back, or another request replaced it.';
  await stopRuns(polled, (name) => name.startsWith(polled.event.RequestId), reason);
  return lenient
    ? { next: 'succeed', report: null, warnings: [reason] }
    : { next: 'fail', reason, report: null };
}

/** What may be different in a minute is tried again for as long as a database is waited for, whenever it begins. */
function unexpected(
  error: Error,
  { lenient }: Classification,
  { rollbackWaitMs, timeoutMs, queryIntervalMs }: Required<PollSettings>,
  { failingMs, elapsedMs }: { readonly failingMs: number; readonly elapsedMs: number },
): Answer {
  const known = error instanceof FleetError;
  if (!known) log('unexpected', { error: error.message, stack: error.stack });
  const late = elapsedMs >= timeoutMs - queryIntervalMs;
  if ((!known || error.passing) && failingMs < rollbackWaitMs && !late)
    return { next: 'poll', progress: error.message };
  const reason = known ? error.message : `Unexpected error in Trueup: ${error.message}`;
  return lenient
    ? { next: 'succeed', report: null, warnings: [reason] }
    : { next: 'fail', reason, report: null };
}

/**
 * The line that alarms match is the same as that of a single database; but for `broke`: the alarm on the state machine tells of
 * it, and one event is one page.
 */
function answer(
  decision: Exclude<Answer, { next: 'poll' }>,
  about: LogFields,
  { relevance, lenient }: Classification,
  logGroup: string,
): IsCompleteResponse {
  const event = relevance === 'overtaken' ? 'overtaken' : 'deployment';
  const { report, broke = false } = decision;
  if (decision.next === 'fail') {
    log(event, { ...about, outcome: broke ? 'broke' : 'failed', reason: decision.reason, report });
    throw new DeployError(decision.reason, logGroup);
  }
  const { warnings } = decision;
  log(event, {
    ...about,
    outcome: broke ? 'broke' : lenient && (warnings.length > 0 || report === null) ? 'given-up' : 'done',
    ...(warnings.length > 0 ? { reason: warnings.join('; ') } : {}),
    report,
    keptCount: keptIn(report),
  });
  return { IsComplete: true, Data: { ...fleetAttributes(report, warnings) } };
}

const keptIn = (report: RunReport | null): number => report?.keptCount ?? 0;
