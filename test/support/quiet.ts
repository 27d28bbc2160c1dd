import { afterAll, beforeAll } from 'vitest';

/** Keeps the handlers' own log lines, which begin with their time, off the terminal. */
export function quiet(): void {
  const { write } = process.stdout;
  beforeAll(() => {
    process.stdout.write = ((text: string | Uint8Array, ...rest: []) =>
      String(text).startsWith('{"time"') || write.call(process.stdout, text, ...rest)) as typeof write;
  });
  afterAll(() => {
    process.stdout.write = write;
  });
}
