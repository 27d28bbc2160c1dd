/** One poll: read the stack's state, invoke, decide. What failed is tried again within the poll, for nothing outlives it to count failures. */
import { setTimeout as sleep } from 'node:timers/promises';
import { type DeploySettings, readProperties } from '../contract/custom-resource';
import type { MigrateRequest } from '../contract/migrate';
import type { Invocation } from '../invoke-migrate';
import { type LogFields, log } from '../log';
import { type Classification, classifyRequest } from './classify-request';
import { convergeRequest } from './converge-request';
import { type Decision, decide, SHORTEST_SLICE_MS, tooLate } from './decide';
import type { IsCompleteRequest, IsCompleteResponse } from './events';
import type { Outbound } from './outbound';
import { attributes, DeployError } from './reason';
import { readStackState } from './stack-state';

/** Kept free at the end of this function's own time. */
const MARGIN_MS = 5_000;
/** How long CloudFormation is asked again which way the stack goes, before a failure is told. */
const UNSURE_MS = 120_000;

export interface Clock {
  now(): number;
  sleep(ms: number): Promise<unknown>;
}

export interface PollContext {
  readonly settings: Required<DeploySettings>;
  /**
   * Since when each request's attempts have been failing, from one poll to the next: as long as they meet the same
   * process, and they nearly always do.
   */
  readonly failingSince?: Map<string, number>;
  /** @default - the machine's */
  readonly clock?: Clock;
  readonly outbound: Outbound;
  /** Of this invocation. */
  readonly remainingMs: () => number;
}

const CLOCK: Clock = { now: Date.now, sleep };

/** Attempts of this poll that have led to no end yet. */
interface Streak {
  /** Since when they have been failing; undefined before the first. */
  sinceMs: number | undefined;
  deaths: number;
  /** What the last one was at. */
  why: string;
}

/** @throws {DeployError} the request failed, in few words */
export async function handlePoll(
  event: IsCompleteRequest,
  context: PollContext,
): Promise<IsCompleteResponse> {
  const { clock = CLOCK } = context;
  const startedAtMs = Date.parse(event.StartedAt);
  const { failingSince } = context;
  const streak: Streak = { sinceMs: failingSince?.get(event.RequestId), deaths: 0, why: '' };
  failingSince?.clear();
  for (;;) {
    const stack = await readStackState(event, startedAtMs, context.outbound);
    const classified = classifyRequest({ type: event.RequestType, startedAtMs }, stack, clock.now());
    const about = { ...requestFields(event), stack: stack.status, ...classified };
    if (classified.relevance === 'unclear') {
      log('unclear', about);
      return { IsComplete: false };
    }
    const decision =
      classified.relevance === 'overtaken'
        ? overtaken(classified)
        : await attempt(event, context, classified, streak, about).catch((error: Error) =>
            decideUnexpected(error, classified),
          );
    if (decision.next === 'poll') return { IsComplete: false };
    // Should this be a rollback, FAILED would wedge the stack: CloudFormation is asked a few more times before.
    const unsure = decision.next === 'fail' && stack.status === null && event.RequestType === 'Update';
    const unsureMs = Math.min(UNSURE_MS, context.settings.rollbackWaitMs);
    if (unsure && clock.now() - startedAtMs < unsureMs) return { IsComplete: false };
    if (decision.next !== 'retry') {
      return answer(decision, about, classified.relevance, context.settings.logGroup);
    }
    // Another attempt may take as long as the longest silence, and this process must not die in it.
    const neededMs = decision.afterMs + context.settings.answerTimeoutMs + MARGIN_MS;
    if (context.remainingMs() < neededMs) {
      if (streak.sinceMs !== undefined) failingSince?.set(event.RequestId, streak.sinceMs);
      return { IsComplete: false };
    }
    streak.why = decision.why;
    await clock.sleep(decision.afterMs);
  }
}

async function attempt(
  event: IsCompleteRequest,
  { settings, outbound, clock = CLOCK }: PollContext,
  classified: Classification,
  streak: Streak,
  about: LogFields,
): Promise<Decision> {
  const { sliceMs, timeoutMs, rollbackWaitMs: waitMs } = settings;
  const { lenient } = classified;
  const startedAtMs = Date.parse(event.StartedAt);
  const begunMs = clock.now();
  const leftMs = startedAtMs + timeoutMs - begunMs;
  if (leftMs < SHORTEST_SLICE_MS) {
    return tooLate(streak.why || 'time ran out before the next attempt', null, { timeoutMs, lenient });
  }
  const request = convergeRequest(event, readProperties(event.ResourceProperties), classified);
  streak.sinceMs ??= begunMs;
  const overMs = begunMs - streak.sinceMs;
  const sliceLeftMs = Math.min(sliceMs, leftMs);
  // What is undone is not waited for longer than a database is, whatever it waits for.
  const asked: MigrateRequest = lenient
    ? {
        action: 'converge',
        request,
        budgetMs: Math.min(sliceLeftMs, Math.max(SHORTEST_SLICE_MS, waitMs - overMs)),
      }
    : { action: 'converge', request, budgetMs: sliceLeftMs, databaseWait: { ms: waitMs, overMs } };
  const attempted = await outbound.invokeMigrate(settings.migrateFunction, asked);
  const nowMs = clock.now();
  streak.sinceMs = failingSinceMs(attempted, nowMs) ?? streak.sinceMs;
  streak.deaths = attempted.kind === 'died' || attempted.kind === 'silent' ? streak.deaths + 1 : 0;
  const elapsedMs = nowMs - startedAtMs;
  const failingMs = nowMs - streak.sinceMs;
  const decided = decide(attempted, {
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
  log('slice', {
    ...about,
    durationMs: nowMs - begunMs,
    elapsedMs,
    ...attemptFields(attempted),
    next: decided.next,
  });
  return decided;
}

/** Undefined: for as long as before, and during all of this attempt. */
function failingSinceMs(attempted: Invocation, nowMs: number): number | undefined {
  if (attempted.kind !== 'answered' || attempted.response.action !== 'converge') return undefined;
  const { outcome } = attempted.response;
  if (outcome.status !== 'continue' || outcome.unreachableMs === undefined) return undefined;
  return nowMs - outcome.unreachableMs;
}

/** CloudFormation no longer waits for this answer; this one cannot wedge the stack if it does. */
function overtaken({ lenient }: Classification): Decision {
  const reason =
    'This run was stopped: the stack was cancelled or rolled back, or another request replaced it.';
  return lenient ? { next: 'succeed', report: null, note: reason } : { next: 'fail', reason };
}

/** A defect of ours, or properties that this code cannot read. */
function decideUnexpected(error: Error, { lenient }: Classification): Decision {
  log('unexpected', { error: error.message, stack: error.stack });
  const reason = `Unexpected error in Trueup: ${error.message}`;
  return lenient ? { next: 'succeed', report: null, note: reason } : { next: 'fail', reason };
}

/**
 * The line that alarms match: `deployment`, with `outcome` (`done`, `failed`, `given-up`) and the number of migrations
 * that were kept. A run that was overtaken is no deployment any more.
 */
function answer(
  decision: Extract<Decision, { next: 'succeed' | 'fail' }>,
  about: LogFields,
  relevance: Classification['relevance'],
  logGroup: string,
): IsCompleteResponse {
  const event = relevance === 'overtaken' ? 'overtaken' : 'deployment';
  if (decision.next === 'fail') {
    log(event, { ...about, outcome: 'failed', reason: decision.reason });
    throw new DeployError(decision.reason, logGroup);
  }
  const { report, note } = decision;
  log(event, {
    ...about,
    outcome: note === null ? 'done' : 'given-up',
    ...(note === null ? {} : { reason: note }),
    report,
    keptCount: report?.kept.length ?? 0,
  });
  return { IsComplete: true, Data: { ...attributes(report, note) } };
}

/** Never the response URL, with which anybody could answer in our place. */
export const requestFields = (
  event: Pick<IsCompleteRequest, 'RequestId' | 'RequestType' | 'StackId'>,
): LogFields => ({
  request: event.RequestId,
  type: event.RequestType,
  stackId: event.StackId,
});

function attemptFields(attempt: Invocation): LogFields {
  if (attempt.kind !== 'answered') return { migrate: attempt.kind, why: attempt.message };
  const { response } = attempt;
  if (response.action !== 'converge') return { migrate: response.action };
  const { status } = response.outcome;
  return { migrate: status, ...(status === 'continue' ? { progress: response.outcome.progress } : {}) };
}
