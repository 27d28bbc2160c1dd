/**
 * Prints errors in the user's files that synth finds. For an uncaught error, Node prints the stack, a line of our code
 * and all properties of the error. For these errors only the message is printed, once, as the command line prints it.
 */
import { writeSync } from 'node:fs';

const errorTexts = new WeakMap<Error, string>();
let isListening = false;

/** Marks an error so that only its text is printed if it is not caught. @returns the error, for the caller to throw */
export function printOnlyText<E extends Error>(error: E, text: string): E {
  errorTexts.set(error, text);
  if (!isListening) {
    isListening = true;
    process.on('uncaughtException', printText);
  }
  return error;
}

/** Makes an error that wraps another one print in the same way. */
export const keepTextOnly = <E extends Error>(cause: unknown, error: E, text: string): E =>
  cause instanceof Error && errorTexts.has(cause) ? printOnlyText(error, text) : error;

/**
 * Prints the error's text and ends the process. Any other error ends the process as if there were no listener. If there
 * are further listeners, e.g. a test runner's, they decide.
 */
function printText(error: Error): void {
  process.removeListener('uncaughtException', printText);
  isListening = false;
  if (process.listenerCount('uncaughtException') > 0) return;
  const text = errorTexts.get(error);
  if (text === undefined) throw error;
  writeSync(2, `${text}\n`);
  // Exits immediately, as Node does without a listener; otherwise the CDK app would continue to synthesize an
  // incomplete app.
  process.exit(1);
}
