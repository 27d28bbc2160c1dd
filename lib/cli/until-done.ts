/** Calls the engine again while it answers `continue`, as CloudFormation's side does. */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Outcome } from '../../lambda/contract/converge';
import type { Interrupt } from './terminal/interrupt';

/** One call's share. Read `deadline` anew each time: an interrupt brings it forward. */
export interface Slice {
  readonly id: string;
  /** Milliseconds since the epoch. */
  readonly deadline: number;
}

export interface Ended {
  readonly outcome: Outcome;
  /** Why nothing more is done although the engine would go on; null when it is done or has failed. */
  readonly cut: 'time' | 'interrupt' | null;
}

/** At its end a running statement is left to the server, and the next slice reports how far it is. */
const SLICE_MS = 10_000;
const SHORTEST_SLICE_MS = 1_000;

/** One run of the command line, as the ledger knows it. */
export const newRequestId = (): string => `cli-${randomUUID()}`;

export async function untilDone(
  call: (slice: Slice) => Promise<Outcome>,
  limits: { readonly id: string; readonly timeoutMs: number; readonly interrupt?: Interrupt },
): Promise<Ended> {
  const end = Date.now() + limits.timeoutMs;
  for (;;) {
    const started = Date.now();
    const sliceEnd = Math.min(started + SLICE_MS, end);
    const outcome = await call({
      id: limits.id,
      get deadline() {
        return limits.interrupt?.asked ? 0 : sliceEnd;
      },
    });
    if (outcome.status !== 'continue') return { outcome, cut: null };
    if (limits.interrupt?.asked) return { outcome: interrupted(outcome), cut: 'interrupt' };
    if (Date.now() >= end) return { outcome, cut: 'time' };
    await sleep(Math.max(0, Math.min(started + SHORTEST_SLICE_MS, end) - Date.now()));
  }
}

/** An interrupt moves the deadline, so the engine takes it for the end of its time. */
const interrupted = (outcome: Extract<Outcome, { status: 'continue' }>): Outcome => ({
  ...outcome,
  progress: outcome.progress.replace(/^the time budget ran out/, 'it was interrupted'),
});
