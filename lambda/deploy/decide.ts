/** Decides what to do after one attempt to invoke `migrate`: answer, try again, or wait for the next poll. Pure. */

import type { ConvergeReport } from '../contract/converge';
import { describeError, toSentence } from '../contract/errors';
import type { MigrateResponse } from '../contract/migrate';
import type { MigrateInvocation } from '../invoke-migrate';

type ConvergeResponse = Extract<MigrateResponse, { action: 'converge' }>;

export interface RequestProgress {
  readonly lenient: boolean;
  /** Time since the request was first seen. */
  readonly elapsedMs: number;
  readonly timeoutMs: number;
  /** Time since attempts began to fail without interruption, within this poll. */
  readonly failingMs: number;
  /** Number of consecutive attempts in this poll whose function died, including this one. */
  readonly deaths: number;
  /** How long to wait for a database or a function that cannot be reached. */
  readonly waitMs: number;
  /** Time until the framework polls again. */
  readonly pollMs: number;
  /** The manifest that the request is about. */
  readonly manifestHash: string;
  /** See `ConvergeRequest.workload`. @default - not known */
  readonly workload?: string | null;
}

export type PollDecision =
  | {
      readonly next: 'succeed';
      /** Null if no work was begun. */
      readonly report: ConvergeReport | null;
      /** Why the work was given up; null if it was completed. */
      readonly note: string | null;
    }
  | { readonly next: 'fail'; readonly reason: string }
  /** The work is not complete; the framework polls again. */
  | { readonly next: 'poll'; readonly progress: string }
  | { readonly next: 'retry'; readonly afterMs: number; readonly why: string };

/** Number of consecutive crashes after which the function is not invoked again. */
const MAX_CRASHES = 3;
const RETRY_MS = 2_000;
/** If less time is left, `migrate` is not invoked any more. */
export const MIN_SLICE_MS = 1_000;
/**
 * Pause before the next slice. It is short because the engine itself has already waited for as long as its slice was.
 */
const CONTINUE_RETRY_MS = 500;
/**
 * After an update, either version of a function may answer for up to a minute. Only after that does another manifest
 * count as a result.
 */
const OTHER_VERSION_WAIT_MS = 60_000;
const OTHER_VERSION_RETRY_MS = 5_000;
/** A permission that the same deployment granted takes some seconds to propagate. */
const IAM_PROPAGATION_MS = 30_000;

export function decideNextPoll(attempt: MigrateInvocation, now: RequestProgress): PollDecision {
  if (attempt.kind !== 'answered') return decideWithoutAnswer(attempt, now);
  const { response } = attempt;
  if (response.action === 'error') return makeGiveUpDecision(describeError(response.error), null, now);
  if (response.action !== 'converge') {
    return makeGiveUpDecision(`migrate answered \`${response.action}\` to \`converge\`.`, null, now);
  }
  const { outcome } = response;
  if (isOtherCodeVersion(response, now) && now.elapsedMs < OTHER_VERSION_WAIT_MS && canRetry(now)) {
    return { next: 'retry', afterMs: OTHER_VERSION_RETRY_MS, why: 'a function with other code answered' };
  }
  if (outcome.status === 'done') return { next: 'succeed', report: outcome.report, note: null };
  if (outcome.status === 'failed')
    return makeGiveUpDecision(describeError(outcome.error), outcome.report, now);
  const { progress, waitingFor, report } = outcome;
  // A rollback does not wait for a running index build either: the build is kept, and reported.
  if (waitingFor && (waitingFor.code === 'connection' || now.lenient)) {
    return canRetry(now)
      ? { next: 'retry', afterMs: CONTINUE_RETRY_MS, why: progress }
      : makeGiveUpDecision(describeError(waitingFor), null, now);
  }
  const what = waitingFor ? describeError(waitingFor) : progress;
  if (now.elapsedMs >= now.timeoutMs) return makeTimeoutDecision(what, report, now);
  // The next poll would come too late to report the reason.
  if (now.timeoutMs - now.elapsedMs <= now.pollMs + MIN_SLICE_MS) {
    return { next: 'retry', afterMs: RETRY_MS, why: what };
  }
  return { next: 'poll', progress };
}

/**
 * Whether a function with other code answered, which changes nothing in either direction. Older code does not return
 * its manifest, but fails with a code.
 */
function isOtherCodeVersion(
  { outcome, manifestHash, workload }: ConvergeResponse,
  now: RequestProgress,
): boolean {
  if (manifestHash !== undefined && manifestHash !== now.manifestHash) return true;
  if (workload !== undefined && now.workload !== undefined) return workload !== now.workload;
  if (manifestHash !== undefined) return false;
  return outcome.status === 'failed' && outcome.error.code === 'manifest';
}

const canRetry = (now: RequestProgress): boolean =>
  now.failingMs < now.waitMs && now.elapsedMs < now.timeoutMs;

/** Makes the decision after the timeout, or shortly before it if the next poll would come too late. */
export function makeTimeoutDecision(
  progress: string,
  report: ConvergeReport | null,
  now: Pick<RequestProgress, 'timeoutMs' | 'lenient'>,
): PollDecision {
  const seconds = Math.round(now.timeoutMs / 1_000);
  const time = seconds < 120 ? `${seconds} seconds` : `${Math.round(seconds / 6) / 10} minutes`;
  return makeGiveUpDecision(
    `Not finished within ${time}: ${toSentence(progress)} A rollback undoes what it safely can; what else ` +
      'was done is recorded. The server finishes an index build that is running. The next deployment continues from there.',
    report,
    now,
  );
}

function decideWithoutAnswer(
  attempt: Exclude<MigrateInvocation, { kind: 'answered' }>,
  now: RequestProgress,
): PollDecision {
  const again =
    attempt.kind === 'refused'
      ? !(attempt.lasting && now.elapsedMs >= IAM_PROPAGATION_MS) && canRetry(now)
      : now.deaths < MAX_CRASHES && now.elapsedMs < now.timeoutMs;
  if (again) return { next: 'retry', afterMs: RETRY_MS, why: attempt.message };
  const times = now.deaths > 1 ? ` ${now.deaths} times in a row` : '';
  const what = attempt.kind === 'refused' ? 'could not be invoked' : `gave no answer${times}`;
  return makeGiveUpDecision(
    `The migrate function ${what}: ${attempt.message}. See its log. What it had committed stays, and the ` +
      'next deployment continues from there.',
    null,
    now,
  );
}

/**
 * A rollback or Delete that cannot do its work succeeds, and reports what it did not undo: a database that is ahead
 * of the code still works with it.
 */
function makeGiveUpDecision(
  reason: string,
  report: ConvergeReport | null,
  now: Pick<RequestProgress, 'lenient'>,
): PollDecision {
  return now.lenient ? { next: 'succeed', report, note: reason } : { next: 'fail', reason };
}
