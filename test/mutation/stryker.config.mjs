/** `npm run mutation -- ROOM`: one room at a time, with the tests of that room (docs/testing.md). */
const ROOMS = {
  deploy: { mutate: ['lambda/deploy/*.ts'], tests: ['test/deploy', 'test/contract'] },
  plan: {
    mutate: ['lambda/engine/plan/*.ts'],
    tests: ['test/engine/plan'],
  },
  engine: { mutate: ['lambda/engine/{apply,ledger,locks,time,undo}/*.ts'], tests: ['test/engine'] },
  compiler: { mutate: ['lib/compiler/**/*.ts'], tests: ['test/compiler'] },
  defects: { mutate: ['lambda/defects/**/*.ts', 'lambda/sql/*.ts'], tests: ['test/defects', 'test/sql'] },
  page: { mutate: ['lambda/page/*.ts'], tests: ['test/page'] },
};
const room = process.env.MUTATION_ROOM ?? '';
if (!(room in ROOMS)) throw new Error(`Name a room: npm run mutation -- ${Object.keys(ROOMS).join(' | ')}`);
const { mutate, tests } = ROOMS[room];

/** Beginnings of the test files' paths. */
export { tests };

/** @type {import('@stryker-mutator/api/core').PartialStrykerOptions} */
export default {
  plugins: ['@stryker-mutator/vitest-runner'],
  testRunner: 'vitest',
  vitest: { configFile: 'test/mutation/vitest.config.mjs', related: false },
  // It would be rewritten through an API that TypeScript 7 does not have; vitest reads none.
  tsconfigFile: 'none.json',
  mutate,
  concurrency: 1,
  coverageAnalysis: 'perTest',
  ignoreStatic: true,
  timeoutMS: 10_000,
  timeoutFactor: 1.5,
  reporters: ['clear-text', 'progress-append-only', 'json'],
  clearTextReporter: { allowColor: false, logTests: false, reportTests: false },
  jsonReporter: { fileName: `test/mutation/reports/${room}.json` },
  tempDirName: 'node_modules/.cache/stryker',
  ignorePatterns: ['docs/site', 'test/mutation/node_modules', 'test/mutation/reports'],
};
