/** The state machine with which the framework polls: one task, retried at an interval, and what happens when that ends. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Answer } from './functions';

export interface WaiterOptions {
  readonly isComplete: (input: string) => Promise<Answer | undefined>;
  readonly onTimeout: (input: string) => Promise<Answer | undefined>;
  readonly queryIntervalMs: number;
  /** Attempts after the first: the framework makes them of totalTimeout / queryInterval. */
  readonly maxAttempts: number;
  readonly stopped: () => boolean;
}

/** `Retry` on every error with BackoffRate 1, then `Catch`, as in the framework's WaiterStateMachine. */
export async function runWaiter(input: string, options: WaiterOptions): Promise<void> {
  let last: Answer | undefined;
  for (let attempt = 0; attempt <= options.maxAttempts && !options.stopped(); attempt++) {
    if (attempt > 0) await sleep(options.queryIntervalMs);
    last = await options.isComplete(input);
    if (last && !last.functionError) return;
  }
  if (options.stopped()) return;
  const { errorType = 'Error' } = JSON.parse(last?.payload ?? '{}');
  await options.onTimeout(JSON.stringify({ Error: errorType, Cause: last?.payload ?? '' }));
}
