import { defineConfig } from 'vitest/config';

const common = {
  globalSetup: ['test/support/global-setup.ts'],
  testTimeout: 60_000,
  hookTimeout: 60_000,
  pool: 'forks' as const,
};

/** They are where their room is, and take long: the slow project runs them. */
const LONG = [
  'test/audit/moves.test.ts',
  'test/cli/audit-dump.test.ts',
  'test/cli/check-since.test.ts',
  'test/cli/check-workload.test.ts',
  'test/cli/fleet.test.ts',
  'test/cli/plan-since.test.ts',
  'test/deploy/orders-postgres.test.ts',
  'test/deployment/bad-input.test.ts',
  'test/deployment/faults.test.ts',
  'test/docs/cli.test.ts',
  'test/engine/apply/killed-long.test.ts',
  'test/engine/apply/outside.test.ts',
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

/**
 * `fast` is `npm test`: PostgreSQL 13 and 18, within ten minutes on two cores. `npm run test:all` adds `middle`, which
 * repeats on 14 to 17 what depends on the major, and `slow`: every major, and what takes long. `e2e` runs whole deployments.
 */
export default defineConfig({
  test: {
    maxWorkers: 2,
    // .ci/run counts the tests of several runs: one report a run, in the folder that it names.
    reporters: process.env.TEST_RESULTS
      ? ['default', ['json', { outputFile: `${process.env.TEST_RESULTS}/${process.pid}.json` }]]
      : ['default'],
    projects: [
      {
        test: {
          ...common,
          name: 'fast',
          include: ['test/**/*.test.ts'],
          exclude: ['**/node_modules/**', 'test/middle/**', 'test/slow/**', 'test/e2e/**', ...LONG],
          // The CDK's own check of every template takes half the time of the tests that make them; the slow and the e2e
          // project do without this.
          env: { CDK_VALIDATION: 'false' },
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
          testTimeout: 600_000,
        },
      },
      {
        test: {
          ...common,
          name: 'e2e',
          globalSetup: ['test/e2e/support/global-setup.ts'],
          include: ['test/e2e/**/*.test.ts'],
          testTimeout: 300_000,
          hookTimeout: 300_000,
        },
      },
    ],
  },
});
