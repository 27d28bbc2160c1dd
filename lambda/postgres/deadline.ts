/** Waits for a result up to a deadline. */
import { StillRunningError } from './database';

/** Builds the error for a call that ends without a result while the server continues. */
export const makeStillRunningError = (): StillRunningError =>
  new StillRunningError('the time budget ran out; the server continues');

/**
 * Returns the result unless the deadline passes first.
 * @param deadline milliseconds since the epoch, or undefined for none
 * @throws {StillRunningError} at the deadline
 */
export async function withDeadline<T>(deadline: number | undefined, answer: Promise<T>): Promise<T> {
  if (deadline === undefined) return answer;
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(makeStillRunningError()), Math.max(0, deadline - Date.now()));
  });
  // The result is no longer awaited, so a later rejection must not be unhandled.
  answer.catch(() => {});
  return Promise.race([answer, late]).finally(() => clearTimeout(timer));
}
