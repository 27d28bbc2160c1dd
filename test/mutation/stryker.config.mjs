/** `npm run mutation -- ROOM` (docs/testing.md). */
import { join } from 'node:path';
import { reportOf } from './report.mjs';
import { ROOMS } from './rooms.mjs';

const room = process.env.MUTATION_ROOM ?? '';
if (!(room in ROOMS)) throw new Error(`Name a room: npm run mutation -- ${Object.keys(ROOMS).join(' | ')}`);

export const { tests, server = false, oneIn = 1 } = ROOMS[room];

/** @type {import('@stryker-mutator/api/core').PartialStrykerOptions} */
export default {
  plugins: ['@stryker-mutator/vitest-runner', join(import.meta.dirname, 'sample.mjs')],
  checkers: oneIn === 1 ? [] : ['sample'],
  sampleOneIn: oneIn,
  testRunner: 'vitest',
  vitest: { configFile: 'test/mutation/vitest.config.mjs', related: false },
  // It would be rewritten through an API that TypeScript 7 does not have; vitest reads none.
  tsconfigFile: 'none.json',
  mutate: ROOMS[room].mutate,
  concurrency: 1,
  coverageAnalysis: 'perTest',
  ignoreStatic: true,
  timeoutMS: 10_000,
  timeoutFactor: 1.5,
  reporters: ['progress-append-only', 'json'],
  jsonReporter: { fileName: reportOf(room) },
  tempDirName: 'node_modules/.cache/stryker',
  ignorePatterns: ['docs/site', 'test/mutation/node_modules', 'test/mutation/reports'],
};
