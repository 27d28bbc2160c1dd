/** Ctrl-C: the first stops at the next safe point, the second leaves at once. */
import { EXIT } from '../exit-codes';
import type { Failure } from './failure';
import { isJsonPrinted, printJson } from './json';
import type { Terminal } from './terminal';

export interface Interrupt {
  readonly asked: boolean;
  release(): void;
}

/**
 * Listens for Ctrl-C.
 * @param after what is finished before the command stops
 */
export function watchInterrupt(terminal: Terminal, after = 'the current step'): Interrupt {
  let asked = false;
  const onSignal = (): void => {
    // The server completes the statement or rolls it back, and the ledger later shows which.
    if (asked) void exitInterrupted(terminal, 'Run it again to continue; what is done is recorded.');
    else terminal.err.line(`\nStopping after ${after}; press Ctrl-C again to leave at once.`);
    asked = true;
  };
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);
  return {
    get asked() {
      return asked;
    },
    release: () => {
      process.off('SIGINT', onSignal);
      process.off('SIGTERM', onSignal);
    },
  };
}

/** Prints a JSON document on Ctrl-C with `--json`: without a listener Ctrl-C ends a process silently. */
export function handleInterrupt(terminal: Terminal): void {
  if (!terminal.json) return;
  process.on('SIGINT', () => {
    if (process.listenerCount('SIGINT') === 1) void exitInterrupted(terminal);
  });
}

/** Ends the process, after an error document with `--json`. */
export function exitInterrupted(terminal: Terminal, remedy = 'Run it again.'): Promise<never> {
  if (terminal.json && !isJsonPrinted()) {
    const error: Failure['error'] = { code: 'interrupted', message: 'stopped with Ctrl-C', remedy };
    printJson(terminal, { error });
  }
  // Wait until everything written before has been flushed.
  return new Promise(() => process.stdout.write('', () => process.exit(EXIT.interrupted)));
}
