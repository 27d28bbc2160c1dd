// Rooms are the folders of test/ that mirror the sources. Tests outside them repeat others on the middle majors, take long,
// or are whole deployments: this table says whose code they check.
import { readdirSync } from 'node:fs';
import { join } from 'node:path';

const TEST = join(import.meta.dirname, '..', 'test');

/** @type {Readonly<Record<string, readonly string[]>>} Rooms by test file, relative to test/. */
export const ROOMS_OF_FILE = {
  'aws-timeouts.test.ts': ['deploy', 'fleet-run', 'migrate', 'notify', 'page'],
  'middle/audit.test.ts': ['audit', 'defects'],
  'middle/bootstrap.test.ts': ['migrate'],
  'middle/catalog.test.ts': ['audit'],
  'middle/cut.test.ts': ['engine', 'postgres'],
  'middle/guard.test.ts': ['engine', 'workload'],
  'middle/incidents.test.ts': ['incidents'],
  'middle/planning.test.ts': ['workload'],
  'middle/verification.test.ts': ['engine'],
  'slow/action.test.ts': ['action'],
  'slow/adopt-baseline.test.ts': ['adopt'],
  'slow/adopt-hostile.test.ts': ['adopt', 'scratch-postgres'],
  'slow/adopt-supabase.test.ts': ['adopt'],
  'slow/adopt.test.ts': ['adopt'],
  'slow/audit-write.test.ts': ['audit'],
  'slow/audit.test.ts': ['audit'],
  'slow/cfn-lint.test.ts': ['constructs', 'stacks'],
  'slow/clone.test.ts': ['build', 'docs'],
  'slow/combinations.test.ts': ['constructs', 'stacks'],
  'slow/deploy/orders.test.ts': ['deploy'],
  'slow/dist.test.ts': ['build', 'constructs'],
  'slow/fleet-function.test.ts': ['fleet', 'fleet-run', 'migrate'],
  'slow/guard.test.ts': ['engine', 'workload'],
  'slow/killed-writing.test.ts': ['audit', 'cli'],
  'slow/killed.test.ts': ['engine'],
  'slow/local/node24.test.ts': ['build', 'deploy', 'migrate'],
  'slow/movers.test.ts': ['audit'],
  'slow/mutations.test.ts': ['audit'],
  'slow/package.test.ts': ['build'],
  'slow/planning.test.ts': ['workload'],
  'slow/public-changes.test.ts': ['engine', 'workload'],
  'slow/several-up.test.ts': ['cli', 'engine'],
  'slow/shadow.test.ts': ['audit', 'cli', 'engine', 'migrate', 'sql'],
  'slow/snapshot.test.ts': ['audit'],
  'slow/written.test.ts': ['audit'],
  'e2e/app.test.ts': ['constructs', 'deploy', 'incidents', 'migrate', 'stacks'],
  'e2e/data-api.test.ts': ['constructs', 'migrate', 'postgres', 'stacks'],
  'e2e/deployment.test.ts': ['constructs', 'deploy', 'engine', 'migrate', 'page', 'stacks'],
  'e2e/first-deployment.test.ts': ['constructs', 'deploy', 'engine', 'migrate'],
  'e2e/fleet.test.ts': ['constructs', 'fleet', 'fleet-run', 'migrate'],
  'e2e/harness.test.ts': ['deploy'],
  'e2e/live-check.test.ts': ['aws'],
  'e2e/rollback.test.ts': ['constructs', 'deploy', 'engine', 'migrate'],
  'e2e/start.test.ts': ['build', 'cli', 'docs'],
  'e2e/supervised.test.ts': ['deploy'],
  'e2e/watching.test.ts': ['cli', 'constructs', 'migrate', 'notify', 'page', 'stacks', 'workload'],
};

/** @returns every test file, relative to test/ */
export const findTestFiles = () =>
  readdirSync(TEST, { recursive: true, encoding: 'utf8' })
    .map((name) => name.replaceAll('\\', '/'))
    .filter((name) => name.endsWith('.test.ts') && !name.includes('node_modules'))
    .sort();

const isOutside = (file) => /^(middle|slow|e2e)\//.test(file) || !file.includes('/');

export const ROOMS = [
  ...new Set(
    findTestFiles()
      .filter((file) => !isOutside(file))
      .map((file) => file.slice(0, file.indexOf('/'))),
  ),
].sort();

/**
 * What checks the code of some rooms.
 *
 * @returns `local`, filters for vitest's projects without a local AWS: the rooms' folders, and files outside them;
 * `deployments`, files of whole deployments
 */
export function listTestFiles(rooms) {
  const outside = Object.keys(ROOMS_OF_FILE)
    .filter((file) => ROOMS_OF_FILE[file].some((room) => rooms.includes(room)))
    .map((file) => `test/${file}`);
  const isDeployment = (file) => file.startsWith('test/e2e/');
  return {
    local: [...rooms.map((room) => `test/${room}/`), ...outside.filter((file) => !isDeployment(file))],
    deployments: outside.filter(isDeployment),
  };
}
