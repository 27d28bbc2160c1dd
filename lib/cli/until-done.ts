/** Calls the engine again while it returns `continue`, as the custom resource does for CloudFormation. */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ConvergeOutcome } from '../../lambda/contract/converge';
import type { Interrupt } from './terminal/interrupt';

/** One call of the engine. Read `deadline` each time: an interrupt brings it forward. */
export interface TimeSlice {
  readonly id: string;
  /** End of the slice in milliseconds since the epoch. */
  readonly deadline: number;
  /**
   * Postpones the deadline, at most to the end of the whole run.
   * @default - the deadline is fixed
   */
  readonly extend?: (untilMs: number) => void;
}

export interface RunResult {
  readonly outcome: ConvergeOutcome;
  /** Why the run stopped although the engine could continue; `null` if it is done or failed. */
  readonly cut: 'time' | 'interrupt' | null;
}

/** At the end of a slice a running statement stays with the server, and the next slice reports its progress. */
const SLICE_MS = 10_000;
const MIN_SLICE_MS = 1_000;

/** Creates the id that identifies one run of the command line in the ledger. */
export const newRequestId = (): string => `cli-${randomUUID()}`;

export async function runUntilDone(
  call: (slice: TimeSlice) => Promise<ConvergeOutcome>,
  limits: { readonly id: string; readonly timeoutMs: number; readonly interrupt?: Interrupt },
): Promise<RunResult> {
  const end = Date.now() + limits.timeoutMs;
  for (;;) {
    const started = Date.now();
    let sliceEnd = Math.min(started + SLICE_MS, end);
    const outcome = await call({
      id: limits.id,
      get deadline() {
        return limits.interrupt?.asked ? 0 : sliceEnd;
      },
      extend: (untilMs) => {
        sliceEnd = Math.max(sliceEnd, Math.min(untilMs, end));
      },
    });
    if (outcome.status !== 'continue') return { outcome, cut: null };
    if (limits.interrupt?.asked) return { outcome: describeInterruption(outcome), cut: 'interrupt' };
    if (Date.now() >= end) return { outcome, cut: 'time' };
    await sleep(Math.max(0, Math.min(started + MIN_SLICE_MS, end) - Date.now()));
  }
}

/**
 * Corrects the message of an interrupted run: an interrupt moves the deadline, so the engine reports that its time ran
 * out.
 */
const describeInterruption = (
  outcome: Extract<ConvergeOutcome, { status: 'continue' }>,
): ConvergeOutcome => ({
  ...outcome,
  progress: outcome.progress.replace(/^the time budget ran out/, 'it was interrupted'),
});
