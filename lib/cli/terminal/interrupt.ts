/** Ctrl-C: the first asks for an end at the next good moment, the second leaves. */
import { EXIT } from '../exit-codes';
import type { Failure } from './failure';
import { isJsonPrinted, printJson } from './json';
import type { Terminal } from './terminal';

export interface Interrupt {
  readonly asked: boolean;
  release(): void;
}

/** @param after what is brought to its end first */
export function watchInterrupt(terminal: Terminal, after = 'the current step'): Interrupt {
  let asked = false;
  const onSignal = (): void => {
    // The server ends or rolls back the statement by itself, and the ledger says later which it was.
    if (asked) void leave(terminal, 'Run it again to continue; what is done is recorded.');
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

/** Where nothing else listens, Ctrl-C ends a program without a word: with `--json` there is a document even then. */
export function answerInterrupt(terminal: Terminal): void {
  if (!terminal.json) return;
  process.on('SIGINT', () => {
    if (process.listenerCount('SIGINT') === 1) void leave(terminal);
  });
}

/** Ends the process. */
export function leave(terminal: Terminal, remedy = 'Run it again.'): Promise<never> {
  if (terminal.json && !isJsonPrinted()) {
    const error: Failure['error'] = { code: 'interrupted', message: 'stopped with Ctrl-C', remedy };
    printJson(terminal, { error });
  }
  // Once what was written before has left as well.
  return new Promise(() => process.stdout.write('', () => process.exit(EXIT.interrupted)));
}
