import { join } from 'node:path';
import { defineConfig } from 'vitest/config';
import { server, tests } from './stryker.config.mjs';

export default defineConfig({
  root: join(import.meta.dirname, '../..'),
  test: {
    // Of the project: which servers are started (test/support/global-setup.ts).
    name: 'mutation',
    testTimeout: 60_000,
    hookTimeout: 60_000,
    include: tests,
    setupFiles: ['test/support/end-of-file.ts'],
    env: { LONG_RUNS: 'true' },
    globalSetup: server ? ['test/support/global-setup.ts'] : [],
  },
});
