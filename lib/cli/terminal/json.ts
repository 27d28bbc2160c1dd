import type { Terminal } from './terminal';

let printed = false;

/** The one document on standard output. */
export function printJson(terminal: Terminal, value: unknown): void {
  printed = true;
  terminal.out.line(JSON.stringify(value, null, 2));
}

/** Who leaves in a hurry asks, so that there is no second one. */
export const isJsonPrinted = (): boolean => printed;
