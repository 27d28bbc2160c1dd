/** `npm run mutation -- ROOM` (docs/testing.md). Its passes are those of run.mjs. */
import { ROOMS } from './rooms.mjs';
import { rangesOfSurvivors, reportOf } from './survivors.mjs';

const { MUTATION_ROOM: room = '', MUTATION_PASS: pass = '1' } = process.env;
if (!(room in ROOMS)) throw new Error(`Name a room: npm run mutation -- ${Object.keys(ROOMS).join(' | ')}`);

/** Test files, and folders of them. */
export const tests = pass === '1' ? ROOMS[room].tests : ROOMS[room].slower;

/** @type {import('@stryker-mutator/api/core').PartialStrykerOptions} */
export default {
  plugins: ['@stryker-mutator/vitest-runner'],
  testRunner: 'vitest',
  vitest: { configFile: 'test/mutation/vitest.config.mjs', related: false },
  // It would be rewritten through an API that TypeScript 7 does not have; vitest reads none.
  tsconfigFile: 'none.json',
  mutate: pass === '1' ? ROOMS[room].mutate : rangesOfSurvivors(room),
  concurrency: 1,
  coverageAnalysis: 'perTest',
  ignoreStatic: true,
  timeoutMS: 10_000,
  timeoutFactor: 1.5,
  reporters: ['progress-append-only', 'json'],
  jsonReporter: { fileName: reportOf(room, pass) },
  tempDirName: 'node_modules/.cache/stryker',
  ignorePatterns: ['docs/site', 'test/mutation/node_modules', 'test/mutation/reports'],
};
