/** A deadline for an answer. */
import { StillRunning } from './database';

/** That the caller has to go without the answer, while the server works on. */
export const stillRunning = (): StillRunning =>
  new StillRunning('the time budget is spent; the server goes on');

/**
 * The answer, unless it comes after the deadline.
 * @param deadline milliseconds since the epoch; undefined for none
 * @throws {StillRunning} at the deadline
 */
export async function before<T>(deadline: number | undefined, answer: Promise<T>): Promise<T> {
  if (deadline === undefined) return answer;
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(stillRunning()), Math.max(0, deadline - Date.now()));
  });
  // Whatever it ends with later, nobody waits for it.
  answer.catch(() => {});
  return Promise.race([answer, late]).finally(() => clearTimeout(timer));
}
