import type { Terminal } from './terminal';

/** The one document on standard output. */
export function printJson(terminal: Terminal, value: unknown): void {
  terminal.out.line(JSON.stringify(value, null, 2));
}
