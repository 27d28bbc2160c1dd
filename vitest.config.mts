import { readdirSync, readFileSync } from 'node:fs';
import { join, posix } from 'node:path';
import { defineConfig } from 'vitest/config';

const common = {
  globalSetup: ['test/support/global-setup.ts'],
  setupFiles: ['test/support/end-of-file.ts'],
  // They end a test that hangs; a busy machine may take ten times as long as a quiet one.
  testTimeout: 600_000,
  hookTimeout: 600_000,
  expect: { poll: { timeout: 60_000 } },
  pool: 'forks' as const,
};

/** They are where their room is, and take long: the slow project runs them. */
const LONG = [
  'test/audit/moves.test.ts',
  'test/ci/run-tests.test.ts',
  'test/cli/audit-dump.test.ts',
  'test/cli/check-since.test.ts',
  'test/cli/check-workload.test.ts',
  'test/cli/fleet.test.ts',
  'test/cli/plan-since.test.ts',
  'test/compiler/limits.test.ts',
  'test/deploy/orders-postgres.test.ts',
  'test/deployment/bad-input.test.ts',
  'test/deployment/faults.test.ts',
  'test/docs/cli.test.ts',
  'test/engine/apply/killed-long.test.ts',
  'test/engine/apply/non-transactional.test.ts',
  'test/engine/apply/together.test.ts',
  'test/engine/locks/autovacuum.test.ts',
  'test/engine/locks/hold.test.ts',
  'test/engine/time/restart.test.ts',
  'test/incidents/drift.test.ts',
  'test/incidents/existing.test.ts',
  'test/migrate/fleet/faults.test.ts',
  'test/migrate/fleet/tenant.test.ts',
  'test/migrate/watching.test.ts',
  'test/postgres/data-api/database.test.ts',
];

const text = (name: string): string => readFileSync(join(import.meta.dirname, name), 'utf8');

/** The files of `npm test`. */
const files = readdirSync(join(import.meta.dirname, 'test'), { recursive: true, encoding: 'utf8' })
  .map((name) => `test/${name.replaceAll('\\', '/')}`)
  .filter((name) => name.endsWith('.test.ts') && !/node_modules|^test\/(middle|slow|e2e)\//.test(name))
  .filter((name) => !LONG.includes(name));

/**
 * They change what the whole process has (modules, environment variables, the clock, standard output, flags of V8), or
 * measure its processor time or memory.
 */
const needsProcess = (name: string): boolean =>
  /\bvi\.|process\.env(\.\w+|\[.*?\]) = |process\.chdir|setFlagsFromString|cpuUsage|memoryUsage|performance\.now/.test(
    text(name),
  );

/** They call one of two functions of test/support/database.ts. */
const dependsOnMajor = (name: string): boolean => /\b(outerMajors|majors)\(\)/.test(text(name));

/** Their property tests are short in `npm test`: they call the function of test/support/property.ts. */
const hasLongRuns = (name: string): boolean => /\bruns\(/.test(text(name));

/** Their commands run in the process of the test in `npm test`, see test/cli/trueup.ts. */
const runsCommands = (name: string): boolean => /from '[./]+\/(cli\/)?trueup'/.test(text(name));

/**
 * Files that need no process of their own share both the process and its modules, which each worker loads once: those that
 * synthesize CDK apps take half the processor time.
 */
const sharesProcess = (name: string): boolean => !needsProcess(name);

// The CDK's own check of every template takes half the time of the tests that make them; the slow and the e2e project do
// without this.
const quick = { ...common, env: { CDK_VALIDATION: 'false' } };
const short = {
  ...quick,
  env: {
    ...quick.env,
    // The same cases in each run, so that the same code gets the same verdict.
    PROPERTY_SEED: process.env.PROPERTY_SEED ?? '1',
    // See test/cli/trueup.ts; the other projects start a process for each command.
    COMMANDS_IN_PROCESS: 'true',
  },
};

/**
 * `fast` and `fast-shared` are `npm test`: the newest PostgreSQL. `npm run test:long` adds `oldest`, which repeats on 13
 * what depends on the major, and property tests with all their runs, and commands with a process each; `middle`, which
 * repeats a part of that on 14 to 17; and `slow`: every major, and what takes long. `e2e` runs whole deployments.
 */
export default defineConfig({
  test: {
    maxWorkers: 2,
    // Snapshots name the major. In CI one that a project does not run is an error, so each project has a file of its own.
    resolveSnapshotPath: (path, extension, { config }) => {
      const name = config.name === 'oldest' ? `${posix.basename(path)}.oldest` : posix.basename(path);
      return posix.join(posix.dirname(path), '__snapshots__', `${name}${extension}`);
    },
    // The file that .ci/run reads.
    reporters: process.env.TEST_REPORT ? ['default', './.ci/reporter.mjs'] : ['default'],
    projects: [
      { test: { ...short, name: 'fast', include: files.filter((name) => !sharesProcess(name)) } },
      { test: { ...short, name: 'fast-shared', isolate: false, include: files.filter(sharesProcess) } },
      {
        test: {
          ...quick,
          name: 'oldest',
          include: files.filter((name) => [dependsOnMajor, hasLongRuns, runsCommands].some((is) => is(name))),
          env: { ...quick.env, LONG_RUNS: 'true' },
        },
      },
      {
        test: { ...common, name: 'middle', include: ['test/middle/**/*.test.ts'] },
      },
      {
        test: {
          ...common,
          name: 'slow',
          include: ['test/slow/**/*.test.ts', ...LONG],
          testTimeout: 1_800_000,
        },
      },
      {
        test: {
          ...common,
          name: 'e2e',
          globalSetup: ['test/e2e/support/global-setup.ts'],
          include: ['test/e2e/**/*.test.ts'],
          testTimeout: 900_000,
          hookTimeout: 900_000,
        },
      },
    ],
  },
});
