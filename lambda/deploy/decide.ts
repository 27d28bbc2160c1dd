/** What follows from one attempt of `migrate`: an answer, another attempt, or the next poll. Pure. */

import type { Report } from '../contract/converge';
import { describeError, sentence } from '../contract/errors';
import type { MigrateResponse } from '../contract/migrate';
import type { Invocation } from '../invoke-migrate';

type Converged = Extract<MigrateResponse, { action: 'converge' }>;

export interface RequestProgress {
  readonly lenient: boolean;
  /** Since the request was first seen. */
  readonly elapsedMs: number;
  readonly timeoutMs: number;
  /** Since attempts began to fail one after another, within this poll. */
  readonly failingMs: number;
  /** Deaths one after another within this poll, this one included. */
  readonly deaths: number;
  /** How long a database or a function that cannot be reached is waited for. */
  readonly waitMs: number;
  /** Until the framework would poll again. */
  readonly pollMs: number;
  /** What the request is about. */
  readonly manifestHash: string;
  /** As that of a `ConvergeRequest`. @default - not known */
  readonly workload?: string | null;
}

export type Decision =
  | {
      readonly next: 'succeed';
      /** Null when the work was not begun. */
      readonly report: Report | null;
      /** Why it was given up; null when it was done. */
      readonly note: string | null;
    }
  | { readonly next: 'fail'; readonly reason: string }
  /** Not complete; the framework polls again. */
  | { readonly next: 'poll'; readonly progress: string }
  | { readonly next: 'retry'; readonly afterMs: number; readonly why: string };

/** A function that dies three times in a row would die a fourth time. */
export const MAX_DEATHS = 3;
const RETRY_MS = 2_000;
/** For less, `migrate` is not invoked any more. */
export const SHORTEST_SLICE_MS = 1_000;
/** The engine itself has waited, for as long as its slice was. */
const SHORT_RETRY_MS = 500;
/** After an update either version of a function may answer for up to a minute: another manifest is no finding before. */
const OTHER_CODE_MS = 60_000;
const OTHER_CODE_RETRY_MS = 5_000;
/** A right that the same deployment gave takes some seconds to hold everywhere. */
const PROPAGATION_MS = 30_000;

export function decide(attempt: Invocation, now: RequestProgress): Decision {
  if (attempt.kind !== 'answered') return withoutAnswer(attempt, now);
  const { response } = attempt;
  if (response.action === 'error') return giveUp(describeError(response.error), null, now);
  if (response.action !== 'converge') {
    return giveUp(`migrate answered \`${response.action}\` to \`converge\`.`, null, now);
  }
  const { outcome } = response;
  if (isOtherCode(response, now) && now.elapsedMs < OTHER_CODE_MS && keepsTrying(now)) {
    return { next: 'retry', afterMs: OTHER_CODE_RETRY_MS, why: 'other code answered' };
  }
  if (outcome.status === 'done') return { next: 'succeed', report: outcome.report, note: null };
  if (outcome.status === 'failed') return giveUp(describeError(outcome.error), outcome.report, now);
  const { progress, waitingFor, report } = outcome;
  // A rollback does not wait for a build that runs either: it stays, and is reported.
  if (waitingFor && (waitingFor.code === 'connection' || now.lenient)) {
    return keepsTrying(now)
      ? { next: 'retry', afterMs: SHORT_RETRY_MS, why: progress }
      : giveUp(describeError(waitingFor), null, now);
  }
  const what = waitingFor ? describeError(waitingFor) : progress;
  if (now.elapsedMs >= now.timeoutMs) return tooLate(what, report, now);
  // The next poll would come too late to tell what it was.
  if (now.timeoutMs - now.elapsedMs <= now.pollMs + SHORTEST_SLICE_MS) {
    return { next: 'retry', afterMs: RETRY_MS, why: what };
  }
  return { next: 'poll', progress };
}

/** It changed nothing, in whatever direction. Older code does not say which manifest it carries, but fails with a code. */
function isOtherCode({ outcome, manifestHash, workload }: Converged, now: RequestProgress): boolean {
  if (manifestHash !== undefined && manifestHash !== now.manifestHash) return true;
  if (workload !== undefined && now.workload !== undefined) return workload !== now.workload;
  if (manifestHash !== undefined) return false;
  return outcome.status === 'failed' && outcome.error.code === 'manifest';
}

const keepsTrying = (now: RequestProgress): boolean =>
  now.failingMs < now.waitMs && now.elapsedMs < now.timeoutMs;

/** The time is up, or this is the moment to say so. */
export function tooLate(
  progress: string,
  report: Report | null,
  now: Pick<RequestProgress, 'timeoutMs' | 'lenient'>,
): Decision {
  const seconds = Math.round(now.timeoutMs / 1_000);
  const time = seconds < 120 ? `${seconds} seconds` : `${Math.round(seconds / 6) / 10} minutes`;
  return giveUp(
    `Not finished within ${time}: ${sentence(progress)} What is done stays done, and the server finishes an ` +
      'index build that is running. Deploy again to continue.',
    report,
    now,
  );
}

function withoutAnswer(attempt: Exclude<Invocation, { kind: 'answered' }>, now: RequestProgress): Decision {
  const again =
    attempt.kind === 'refused'
      ? !(attempt.lasting && now.elapsedMs >= PROPAGATION_MS) && keepsTrying(now)
      : now.deaths < MAX_DEATHS && now.elapsedMs < now.timeoutMs;
  if (again) return { next: 'retry', afterMs: RETRY_MS, why: attempt.message };
  const times = now.deaths > 1 ? ` ${now.deaths} times in a row` : '';
  const what = attempt.kind === 'refused' ? 'could not be invoked' : `gave no answer${times}`;
  return giveUp(
    `The migrate function ${what}: ${attempt.message}. See its log. What it had committed stays, and the ` +
      'next deployment continues from there.',
    null,
    now,
  );
}

/** A rollback or Delete that cannot do its work succeeds, and says what it left undone: being ahead is success. */
function giveUp(reason: string, report: Report | null, now: Pick<RequestProgress, 'lenient'>): Decision {
  return now.lenient ? { next: 'succeed', report, note: reason } : { next: 'fail', reason };
}
