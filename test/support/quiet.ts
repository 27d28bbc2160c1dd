import { afterAll, beforeAll } from 'vitest';

/**
 * Keeps the handlers' own log lines, which begin with their time, off the terminal.
 * @param kept where a test can read them
 */
export function quiet(kept?: Record<string, unknown>[]): void {
  const { write } = process.stdout;
  beforeAll(() => {
    process.stdout.write = ((text: string | Uint8Array, ...rest: []) => {
      if (!String(text).startsWith('{"time"')) return write.call(process.stdout, text, ...rest);
      kept?.push(JSON.parse(String(text)));
      return true;
    }) as typeof write;
  });
  afterAll(() => {
    process.stdout.write = write;
  });
}
