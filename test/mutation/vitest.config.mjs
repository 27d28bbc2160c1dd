import { join } from 'node:path';
import { defineConfig } from 'vitest/config';
import { tests } from './stryker.config.mjs';

export default defineConfig({
  root: join(import.meta.dirname, '../..'),
  test: {
    name: 'mutation',
    globalSetup: ['test/support/global-setup.ts'],
    testTimeout: 60_000,
    include: tests.flatMap((path) => (path.endsWith('.ts') ? [path] : [`${path}/**/*.test.ts`])),
  },
});
