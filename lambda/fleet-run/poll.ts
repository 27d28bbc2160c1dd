/** One poll of CloudFormation's request: reads the stack, starts the run or reads its state, and decides the answer. */
import { setTimeout as sleep } from 'node:timers/promises';
import { type DeployRequest, type PollSettings, readProperties } from '../contract/custom-resource';
import type { FleetRequest } from '../contract/fleet';
import type { FleetPlan, RunReport } from '../contract/fleet-run';
import { type Classification, classifyRequest, type StackState } from '../deploy/classify-request';
import { buildConvergeRequest } from '../deploy/converge-request';
import type { IsCompleteRequest, IsCompleteResponse } from '../deploy/events';
import { DeployError, describeRollback } from '../deploy/reason';
import { readStackState } from '../deploy/stack-state';
import { type LogFields, log } from '../log';
import { pollBackward } from './backward';
import type { Clock, FleetContext, PollState } from './context';
import type { FleetPollDecision } from './decide';
import { FleetError } from './error';
import { pollForward } from './forward';
import { buildFleetAttributes, formatStates } from './messages';
import { stopRunExecutions } from './stop';

const SYSTEM_CLOCK: Clock = { now: Date.now, sleep };
/** After an update, either version of a function may answer for up to a minute. */
const OTHER_VERSION_WAIT_MS = 60_000;
/** How long to keep asking CloudFormation whether the stack rolls back, before a failure is reported. */
const UNCERTAIN_DIRECTION_MS = 120_000;

/**
 * Handles one poll.
 * @throws {DeployError} the request failed; the message is short
 */
export async function handleFleetPoll(
  event: IsCompleteRequest,
  context: FleetContext,
): Promise<IsCompleteResponse> {
  const { clock = SYSTEM_CLOCK, outbound } = context;
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
  const early = elapsedMs < OTHER_VERSION_WAIT_MS;
  const otherPlan = event.ResourceProperties.Fleet !== context.planHash;
  if (classified.relevance === 'unclear' || (otherPlan && early)) {
    log('relevance-unclear', { ...about, otherPlan });
    return { IsComplete: false };
  }
  const decision = await decidePoll(event, { ...context, clock }, classified, elapsedMs);
  if (decision.next === 'poll') {
    log('fleet-polled', { ...about, elapsedMs, progress: decision.progress });
    return { IsComplete: false };
  }
  // If this were a rollback, FAILED would block the stack, so CloudFormation is queried a few more times first.
  const unsure = decision.next === 'fail' && stack.status === null && event.RequestType === 'Update';
  if (unsure && elapsedMs < UNCERTAIN_DIRECTION_MS) return { IsComplete: false };
  return toResponse(decision, about, { ...classified, history: stack.history }, context.settings.logGroup);
}

type PollAnswer = Extract<FleetPollDecision, { next: 'poll' | 'succeed' | 'fail' }>;

async function decidePoll(
  event: IsCompleteRequest,
  context: FleetContext & { readonly clock: Clock },
  classified: Classification,
  elapsedMs: number,
): Promise<PollAnswer> {
  const since = context.failingSince?.get(event.RequestId);
  context.failingSince?.clear();
  try {
    const properties = readProperties(event.ResourceProperties);
    const polled = {
      ...context,
      event,
      properties,
      elapsedMs,
      request: buildFleetRequest(event, properties, classified, context.plan),
    };
    if (classified.relevance === 'overtaken') return await answerOvertaken(polled, classified);
    return await (classified.lenient ? pollBackward(polled) : pollForward(polled));
  } catch (error) {
    const nowMs = context.clock.now();
    const decision = answerUnexpected(error as Error, classified, context.settings, {
      failingMs: nowMs - (since ?? nowMs),
      elapsedMs,
    });
    if (decision.next === 'poll') context.failingSince?.set(event.RequestId, since ?? nowMs);
    return decision;
  }
}

/** Builds the part of the request that is the same for all tenants. */
function buildFleetRequest(
  event: IsCompleteRequest,
  properties: DeployRequest,
  classified: Classification,
  { code, baseline }: FleetPlan,
): FleetRequest {
  const { id, startedAt, owner, adopt, direction, manifestHash, failed, rollbackAfterSuccess, remove } =
    buildConvergeRequest(event, properties, classified);
  return {
    id,
    startedAt,
    owner,
    adopt,
    direction,
    manifestHash,
    failed,
    rollbackAfterSuccess,
    remove,
    ...(code === undefined ? {} : { code }),
    ...(baseline === undefined ? {} : { baseline }),
  };
}

/**
 * Answers a request that CloudFormation no longer waits for. If it does wait after all, this answer cannot block the
 * stack.
 */
async function answerOvertaken(polled: PollState, { lenient }: Classification): Promise<PollAnswer> {
  const reason =
    'This run was stopped: the stack was cancelled or rolled back, or another request replaced it.';
  await stopRunExecutions(polled, (name) => name.startsWith(polled.event.RequestId), reason);
  return lenient
    ? { next: 'succeed', report: null, warnings: [reason] }
    : { next: 'fail', reason, report: null };
}

/**
 * Answers after an error. An error that may pass is retried for as long as the function waits for a database,
 * whenever the error begins.
 */
function answerUnexpected(
  error: Error,
  { lenient }: Classification,
  { rollbackWaitMs, timeoutMs, queryIntervalMs }: Required<PollSettings>,
  { failingMs, elapsedMs }: { readonly failingMs: number; readonly elapsedMs: number },
): PollAnswer {
  const known = error instanceof FleetError;
  if (!known) log('unexpected-error', { error: error.message, stack: error.stack });
  const late = elapsedMs >= timeoutMs - queryIntervalMs;
  if ((!known || error.passing) && failingMs < rollbackWaitMs && !late)
    return { next: 'poll', progress: error.message };
  const reason = known ? error.message : `Unexpected error in Trueup: ${error.message}`;
  return lenient
    ? { next: 'succeed', report: null, warnings: [reason] }
    : { next: 'fail', reason, report: null };
}

/**
 * Builds the response, and logs the line that alarms match. It is the same as that of a single database, except for
 * `broke`: the alarm on the state machine reports that case, so that one event leads to one page.
 */
function toResponse(
  decision: Exclude<PollAnswer, { next: 'poll' }>,
  about: LogFields,
  { relevance, direction, lenient, history }: Classification & Pick<StackState, 'history'>,
  logGroup: string,
): IsCompleteResponse {
  const event = relevance === 'overtaken' ? 'deployment-overtaken' : 'deployment-ended';
  const { report, broke = false } = decision;
  if (decision.next === 'fail') {
    const { reason } = decision;
    log(event, {
      ...about,
      outcome: broke ? 'broke' : 'failed',
      reason,
      report,
      message: `The deployment failed. ${reason}`,
    });
    throw new DeployError(reason, logGroup);
  }
  const { warnings } = decision;
  const end = report === null ? 'no tenant was inspected' : formatStates(report);
  log(event, {
    ...about,
    outcome: broke ? 'broke' : lenient && (warnings.length > 0 || report === null) ? 'given-up' : 'done',
    ...(warnings.length > 0 ? { reason: warnings.join('; ') } : {}),
    report,
    keptCount: countKept(report),
    message: lenient
      ? describeRollback(
          [`${direction === 'forward' ? 'Removed' : 'Rolled back'}; ${end}`, ...warnings].join('; '),
          history?.failure ?? null,
        )
      : `Done, ${end}.`,
  });
  return { IsComplete: true, Data: { ...buildFleetAttributes(report, warnings) } };
}

const countKept = (report: RunReport | null): number => report?.keptCount ?? 0;
