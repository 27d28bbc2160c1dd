/** One poll: look, invoke, decide. What failed is tried again within the poll, for nothing outlives it to count failures. */
import { setTimeout as sleep } from 'node:timers/promises';
import { type LogFields, log } from '../log';
import type { MigrateRequest } from '../migrate/protocol';
import { convergeRequest } from './converge-request';
import { type Attempt, type Decision, decide, tooLate } from './decide';
import type { IsCompleteRequest, IsCompleteResponse } from './events';
import { lookAt } from './look';
import type { Outbound } from './outbound';
import { type DeploySettings, readProperties } from './properties';
import { attributes, DeployError } from './reason';
import { assess, type Situation } from './situation';

/** Kept free at the end of this function's own time. */
const MARGIN_MS = 5_000;
/** How long CloudFormation is asked again which way the stack goes, before a failure is told. */
const UNSURE_MS = 120_000;

export interface Clock {
  now(): number;
  sleep(ms: number): Promise<unknown>;
}

export interface SliceContext {
  readonly settings: Required<DeploySettings>;
  /** @default - the machine's */
  readonly clock?: Clock;
  readonly outbound: Outbound;
  /** Of this invocation. */
  readonly remainingMs: () => number;
}

const CLOCK: Clock = { now: Date.now, sleep };

/** Failures one after another within this poll. */
interface Streak {
  sinceMs: number | undefined;
  deaths: number;
}

/** @throws {DeployError} the request failed, in few words */
export async function runSlice(event: IsCompleteRequest, context: SliceContext): Promise<IsCompleteResponse> {
  const { clock = CLOCK } = context;
  const startedAtMs = Date.parse(event.StartedAt);
  const streak: Streak = { sinceMs: undefined, deaths: 0 };
  for (;;) {
    const look = await lookAt(event, startedAtMs, context.outbound);
    const situation = assess({ type: event.RequestType, startedAtMs }, look, clock.now());
    const about = { ...requestFields(event), stack: look.status, ...situation };
    if (situation.standing === 'unclear') {
      log('unclear', about);
      return { IsComplete: false };
    }
    const decision =
      situation.standing === 'overtaken'
        ? overtaken(situation)
        : await attempt(event, context, situation, streak, about).catch((error: Error) =>
            unexpected(error, situation),
          );
    if (decision.next === 'poll') return { IsComplete: false };
    // Should this be a rollback, FAILED would wedge the stack: CloudFormation is asked a few more times before.
    const unsure = decision.next === 'fail' && look.status === null && event.RequestType === 'Update';
    const unsureMs = Math.min(UNSURE_MS, context.settings.rollbackWaitMs);
    if (unsure && clock.now() - startedAtMs < unsureMs) return { IsComplete: false };
    if (decision.next !== 'retry') return answer(decision, about, situation.standing);
    // Another attempt may take as long as the longest silence, and this process must not die in it.
    const neededMs = decision.afterMs + context.settings.silenceMs + MARGIN_MS;
    if (context.remainingMs() < neededMs) return { IsComplete: false };
    await clock.sleep(decision.afterMs);
  }
}

async function attempt(
  event: IsCompleteRequest,
  { settings, outbound, clock = CLOCK }: SliceContext,
  situation: Situation,
  streak: Streak,
  about: LogFields,
): Promise<Decision> {
  const { sliceMs, timeoutMs, rollbackWaitMs: waitMs } = settings;
  const { lenient } = situation;
  const startedAtMs = Date.parse(event.StartedAt);
  const begunMs = clock.now();
  if (begunMs - startedAtMs >= timeoutMs) {
    return tooLate('the time was up before another slice', null, { timeoutMs, lenient });
  }
  const request = convergeRequest(event, readProperties(event.ResourceProperties), situation);
  streak.sinceMs ??= begunMs;
  const patienceMs = streak.sinceMs + waitMs - begunMs;
  const budgetMs = lenient ? Math.max(1_000, Math.min(sliceMs, patienceMs)) : sliceMs;
  const asked: MigrateRequest = { action: 'converge', request, budgetMs };
  const attempted = await outbound.invokeMigrate(settings.migrateFunction, asked);
  const nowMs = clock.now();
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
    manifestHash: request.manifestHash,
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

/** Whatever is answered, nobody listens; should somebody do so after all, this is the safe word. */
function overtaken({ lenient }: Situation): Decision {
  const reason =
    'This run was stopped: the stack was cancelled or rolled back, or another request has taken its place.';
  return lenient ? { next: 'succeed', report: null, note: reason } : { next: 'fail', reason };
}

/** A defect of ours, or properties that this code cannot read. */
function unexpected(error: Error, { lenient }: Situation): Decision {
  log('unexpected', { error: error.message, stack: error.stack });
  const reason = `Trueup met an error that it did not expect: ${error.message}`;
  return lenient ? { next: 'succeed', report: null, note: reason } : { next: 'fail', reason };
}

/**
 * The line that alarms match: `deployment`, with `outcome` (`done`, `failed`, `given-up`) and the number of migrations
 * that were kept. A run that was overtaken is no deployment any more.
 */
function answer(
  decision: Extract<Decision, { next: 'succeed' | 'fail' }>,
  about: LogFields,
  standing: Situation['standing'],
): IsCompleteResponse {
  const event = standing === 'overtaken' ? 'overtaken' : 'deployment';
  if (decision.next === 'fail') {
    log(event, { ...about, outcome: 'failed', reason: decision.reason });
    throw new DeployError(decision.reason);
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

function attemptFields(attempt: Attempt): LogFields {
  if (attempt.kind !== 'answered') return { migrate: attempt.kind, why: attempt.message };
  const { response } = attempt;
  if (response.action !== 'converge') return { migrate: response.action };
  const { status } = response.outcome;
  return { migrate: status, ...(status === 'continue' ? { progress: response.outcome.progress } : {}) };
}
