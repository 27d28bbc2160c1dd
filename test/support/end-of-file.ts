/**
 * What helpers leave behind is removed at the end of each test file. Files that share a process load a helper once, so its
 * own `afterAll` would run after the first of them only. A setup file of vitest, which runs for each file.
 */
import { afterAll, afterEach } from 'vitest';

/** A file on every major makes hundreds of databases, and dropping one deletes some three hundred files. */
const TIMEOUT_MS = 600_000;

const WORK = Symbol.for('trueup.tests.end-of-file');
const shared = globalThis as { [WORK]?: (() => unknown)[] };
// A setup file is loaded again for each test file, and helpers keep the first copy of it.
shared[WORK] ??= [];
const work = shared[WORK];

/** `remove` runs at the end of every test file of this process, the last one first. */
export function atEndOfFile(remove: () => unknown): void {
  work.unshift(remove);
}

afterAll(async () => {
  for (const remove of work) await remove();
}, TIMEOUT_MS);

// Vitest names its own option, which leaves the pages as they are.
afterEach(({ task }) => {
  for (const error of task.result?.errors ?? [])
    if (error.message.startsWith('Snapshot `'))
      error.message = `out of date: run \`npm run docs:update\`. ${error.message}`;
});
