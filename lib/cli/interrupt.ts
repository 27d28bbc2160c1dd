/** Ctrl-C: the first asks for an end at the next good moment, the second leaves. */
import { EXIT } from './exit-codes';
import type { Terminal } from './terminal';

export interface Interrupt {
  readonly asked: boolean;
  release(): void;
}

export function watchInterrupt(terminal: Terminal): Interrupt {
  let asked = false;
  const onSignal = (): void => {
    // The server ends or rolls back the statement by itself, and the ledger says later which it was.
    if (asked) process.exit(EXIT.interrupted);
    asked = true;
    terminal.err.line('\nStopping after the current step; press Ctrl-C again to leave at once.');
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
