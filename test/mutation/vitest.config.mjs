import { join } from 'node:path';
import { defineConfig } from 'vitest/config';
import { tests } from './stryker.config.mjs';

export default defineConfig({
  root: join(import.meta.dirname, '../..'),
  test: { testTimeout: 60_000, include: tests },
});
