/**
 * One poll: reads the stack's state, invokes `migrate`, decides. Failed attempts are repeated within the poll,
 * because a count of failures is not kept beyond it.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { type DeploySettings, readProperties } from '../contract/custom-resource';
import type { MigrateRequest } from '../contract/migrate';
import type { MigrateInvocation } from '../invoke-migrate';
import { type LogFields, log } from '../log';
import { type Classification, classifyRequest, type StackState } from './classify-request';
import { buildConvergeRequest } from './converge-request';
import { decideNextPoll, MIN_SLICE_MS, makeTimeoutDecision, type PollDecision } from './decide';
import type { DeployOutbound } from './deploy-outbound';
import type { IsCompleteRequest, IsCompleteResponse } from './events';
import { buildAttributes, DeployError, describeRollback } from './reason';
import { readStackState } from './stack-state';

/** Time to keep free at the end of this invocation. */
const MARGIN_MS = 5_000;
/** How long to keep asking CloudFormation whether the stack rolls back, before a failure is reported. */
const UNCERTAIN_DIRECTION_MS = 120_000;

export interface Clock {
  now(): number;
  sleep(ms: number): Promise<unknown>;
}

export interface PollContext {
  readonly settings: Required<DeploySettings>;
  /**
   * For each request, the time since which its attempts have been failing. It survives from one poll to the next if
   * the same process runs both, which is nearly always the case.
   */
  readonly failingSince?: Map<string, number>;
  /** @default - the machine's clock */
  readonly clock?: Clock;
  readonly outbound: DeployOutbound;
  /** Returns the time that is left to this invocation. */
  readonly remainingMs: () => number;
}

const SYSTEM_CLOCK: Clock = { now: Date.now, sleep };

/** Consecutive attempts of this poll that have not settled the request. */
interface FailureStreak {
  /** Time since which they have been failing; undefined before the first. */
  sinceMs: number | undefined;
  deaths: number;
  /** The progress or the error of the last attempt. */
  why: string;
}

/**
 * Handles one poll.
 * @throws {DeployError} the request failed; the message is short
 */
export async function handlePoll(
  event: IsCompleteRequest,
  context: PollContext,
): Promise<IsCompleteResponse> {
  const { clock = SYSTEM_CLOCK } = context;
  const startedAtMs = Date.parse(event.StartedAt);
  const { failingSince } = context;
  const streak: FailureStreak = { sinceMs: failingSince?.get(event.RequestId), deaths: 0, why: '' };
  failingSince?.clear();
  for (;;) {
    const stack = await readStackState(event, startedAtMs, context.outbound);
    const classified = classifyRequest({ type: event.RequestType, startedAtMs }, stack, clock.now());
    const about = { ...buildRequestFields(event), stack: stack.status, ...classified };
    if (classified.relevance === 'unclear') {
      log('relevance-unclear', about);
      return { IsComplete: false };
    }
    const decision =
      classified.relevance === 'overtaken'
        ? decideOvertaken(classified)
        : await pollOnce(event, context, classified, streak, about).catch((error: Error) =>
            decideUnexpected(error, classified),
          );
    if (decision.next === 'poll') return { IsComplete: false };
    // If this were a rollback, FAILED would block the stack, so CloudFormation is queried a few more times first.
    const unsure = decision.next === 'fail' && stack.status === null && event.RequestType === 'Update';
    const unsureMs = Math.min(UNCERTAIN_DIRECTION_MS, context.settings.rollbackWaitMs);
    if (unsure && clock.now() - startedAtMs < unsureMs) return { IsComplete: false };
    if (decision.next !== 'retry') {
      return toResponse(
        decision,
        about,
        { ...classified, history: stack.history },
        context.settings.logGroup,
      );
    }
    // Another attempt may take as long as the longest silence, and this process must not end during it.
    const neededMs = decision.afterMs + context.settings.answerTimeoutMs + MARGIN_MS;
    if (context.remainingMs() < neededMs) {
      if (streak.sinceMs !== undefined) failingSince?.set(event.RequestId, streak.sinceMs);
      return { IsComplete: false };
    }
    streak.why = decision.why;
    await clock.sleep(decision.afterMs);
  }
}

async function pollOnce(
  event: IsCompleteRequest,
  { settings, outbound, clock = SYSTEM_CLOCK }: PollContext,
  classified: Classification,
  streak: FailureStreak,
  about: LogFields,
): Promise<PollDecision> {
  const { sliceMs, timeoutMs, rollbackWaitMs: waitMs } = settings;
  const { lenient } = classified;
  const startedAtMs = Date.parse(event.StartedAt);
  const begunMs = clock.now();
  const leftMs = startedAtMs + timeoutMs - begunMs;
  if (leftMs < MIN_SLICE_MS) {
    return makeTimeoutDecision(streak.why || 'time ran out before the next attempt', null, {
      timeoutMs,
      lenient,
    });
  }
  const request = buildConvergeRequest(event, readProperties(event.ResourceProperties), classified);
  streak.sinceMs ??= begunMs;
  const overMs = begunMs - streak.sinceMs;
  const sliceLeftMs = Math.min(sliceMs, leftMs);
  // A rollback or Delete waits for nothing longer than for a database that cannot be reached.
  const asked: MigrateRequest = lenient
    ? {
        action: 'converge',
        request,
        budgetMs: Math.min(sliceLeftMs, Math.max(MIN_SLICE_MS, waitMs - overMs)),
      }
    : { action: 'converge', request, budgetMs: sliceLeftMs, connectTimeout: { ms: waitMs, overMs } };
  const attempted = await outbound.invokeMigrate(settings.migrateFunction, asked);
  const nowMs = clock.now();
  streak.sinceMs = computeFailingSinceMs(attempted, nowMs) ?? streak.sinceMs;
  streak.deaths = attempted.kind === 'died' || attempted.kind === 'silent' ? streak.deaths + 1 : 0;
  const elapsedMs = nowMs - startedAtMs;
  const failingMs = nowMs - streak.sinceMs;
  const decided = decideNextPoll(attempted, {
    lenient,
    elapsedMs,
    timeoutMs,
    failingMs,
    deaths: streak.deaths,
    waitMs,
    pollMs: settings.queryIntervalMs,
    manifestHash: request.manifestHash,
    workload: request.workload,
  });
  log('slice-ended', {
    ...about,
    durationMs: nowMs - begunMs,
    elapsedMs,
    ...buildAttemptFields(attempted),
    next: decided.next,
  });
  return decided;
}

/**
 * Returns the time since which attempts have been failing, or undefined if it stays the same and all of this attempt
 * counts as failing.
 */
function computeFailingSinceMs(attempted: MigrateInvocation, nowMs: number): number | undefined {
  if (attempted.kind !== 'answered' || attempted.response.action !== 'converge') return undefined;
  const { outcome } = attempted.response;
  if (outcome.status !== 'continue' || outcome.unreachableMs === undefined) return undefined;
  return nowMs - outcome.unreachableMs;
}

/**
 * Makes the decision for a request that CloudFormation no longer waits for. If it does wait after all, this answer
 * cannot block the stack.
 */
function decideOvertaken({ lenient }: Classification): PollDecision {
  const reason =
    'This run was stopped: the stack was cancelled or rolled back, or another request replaced it.';
  return lenient ? { next: 'succeed', report: null, note: reason } : { next: 'fail', reason };
}

/** Makes the decision after a bug in Trueup, or for properties that this code cannot read. */
function decideUnexpected(error: Error, { lenient }: Classification): PollDecision {
  log('unexpected-error', { error: error.message, stack: error.stack });
  const reason = `Unexpected error in Trueup: ${error.message}`;
  return lenient ? { next: 'succeed', report: null, note: reason } : { next: 'fail', reason };
}

/**
 * Builds the response, and logs the line that alarms match: `deployment-ended`, with `outcome` (`done`, `failed`,
 * `given-up`), the number of migrations that were kept, and a `message` for people. A run that was overtaken no
 * longer counts as a deployment.
 */
function toResponse(
  decision: Extract<PollDecision, { next: 'succeed' | 'fail' }>,
  about: LogFields,
  { relevance, direction, lenient, history }: Classification & Pick<StackState, 'history'>,
  logGroup: string,
): IsCompleteResponse {
  const event = relevance === 'overtaken' ? 'deployment-overtaken' : 'deployment-ended';
  if (decision.next === 'fail') {
    const { reason } = decision;
    log(event, { ...about, outcome: 'failed', reason, message: `The deployment failed. ${reason}` });
    throw new DeployError(reason, logGroup);
  }
  const { report, note } = decision;
  const data = buildAttributes(report, note);
  const end = note === null ? `undone: ${data.Undone}; kept: ${data.Kept}` : `given up: ${note}`;
  log(event, {
    ...about,
    outcome: note === null ? 'done' : 'given-up',
    ...(note === null ? {} : { reason: note }),
    report,
    keptCount: report?.kept.length ?? 0,
    message: lenient
      ? describeRollback(
          `${direction === 'forward' ? 'Removed' : 'Rolled back'}; ${end}`,
          history?.failure ?? null,
        )
      : `Done, at ${data.Position}.`,
  });
  return { IsComplete: true, Data: { ...data } };
}

/**
 * Returns the fields of a request for the log. They never include the response URL, with which anybody could answer
 * in Trueup's place.
 */
export const buildRequestFields = (
  event: Pick<IsCompleteRequest, 'RequestId' | 'RequestType' | 'StackId'>,
): LogFields => ({
  request: event.RequestId,
  type: event.RequestType,
  stackId: event.StackId,
});

function buildAttemptFields(attempt: MigrateInvocation): LogFields {
  if (attempt.kind !== 'answered') return { migrate: attempt.kind, why: attempt.message };
  const { response } = attempt;
  if (response.action !== 'converge') return { migrate: response.action };
  const { status } = response.outcome;
  return { migrate: status, ...(status === 'continue' ? { progress: response.outcome.progress } : {}) };
}
