// The steps of .ci/run and .ci/full. Every step runs, also after one that failed. The last lines name what was unstable
// and what failed, and count the tests: each file by its last run.
import { pathToFileURL } from 'node:url';
import { listTestFiles, ROOMS } from './rooms.mjs';
import { runCommand, runTests, shortenError, titleFailure } from './run-tests.mjs';

/** More unstable files than this fail the run: a test that passes only when it runs alone proves little. */
const MAX_UNSTABLE_FILES = 5;

const projects = (...names) => names.flatMap((name) => ['--project', name]);
const command = (name, program, ...args) => ({ name, run: () => runCommand(program, args) });
const tests = (name, ...args) => ({ name, tests: args });

const STATIC = [
  command('format and lint', 'npm', 'run', '--silent', 'lint'),
  command('types', 'npm', 'run', '--silent', 'typecheck'),
];
const SITE = command('documentation', 'npm', 'run', '--silent', 'docs');
const NPM_TEST = tests('tests', 'npm', 'test', '--silent');

/** What every change has to pass. */
export const SHORT = [
  ...STATIC,
  NPM_TEST,
  tests('PostgreSQL 14 to 17', 'npx', 'vitest', 'run', ...projects('middle')),
  tests('a whole deployment', 'npx', 'vitest', 'run', ...projects('e2e'), 'test/e2e/deployment.test.ts'),
];

/** Everything, or what checks the code of some rooms. */
export function listFullSteps(rooms) {
  if (rooms.length === 0)
    return [
      ...STATIC,
      NPM_TEST,
      tests('every PostgreSQL, and long tests', 'npm', 'run', '--silent', 'test:long'),
      SITE,
      tests('whole deployments', 'npm', 'run', '--silent', 'test:e2e'),
    ];
  const { local, deployments } = listTestFiles(rooms);
  const names = projects('fast', 'fast-shared', 'oldest', 'middle', 'slow');
  return [
    ...STATIC,
    tests(`tests of ${rooms.join(', ')}`, 'npx', 'vitest', 'run', ...names, ...local),
    ...(rooms.includes('docs') ? [SITE] : []),
    ...(deployments.length > 0
      ? [tests('whole deployments', 'npx', 'vitest', 'run', ...projects('e2e'), ...deployments)]
      : []),
  ];
}

const sum = (files, key) => files.reduce((total, file) => total + file[key], 0);

/**
 * @param steps each with a `name`, and either `run`, which returns an exit code, or `tests`, a command that runs vitest; then
 * `repeat` can be given, see {@link runTests}
 * @returns the exit code
 */
export async function runSteps(steps) {
  const failedSteps = [];
  const results = [];
  for (const step of steps) {
    const began = Date.now();
    console.log(`\n== ${step.name}`);
    if (step.run) {
      const exitCode = await step.run();
      if (exitCode !== 0) failedSteps.push(step.name);
      if (exitCode !== 0 && step.required) break;
    } else {
      const result = await runTests(step.tests, step.repeat);
      results.push(result);
      if (result.failed.length > 0 || result.problems.length > 0) failedSteps.push(step.name);
    }
    console.log(`-- ${step.name}: ${Math.round((Date.now() - began) / 1000)} s`);
  }

  const files = results.flatMap((result) => result.files);
  const unstable = results.flatMap((result) => result.unstable);
  // An unhandled error does not say in which project its file ran.
  const unstableFiles = new Set(unstable.map(({ file }) => file)).size;
  console.log();
  for (const problem of results.flatMap(({ problems }) => problems))
    console.log(`failed: ${shortenError(problem)}\n`);
  for (const each of results.flatMap(({ failed }) => failed))
    console.log(`failed: ${titleFailure(each)}\n${shortenError(each.error)}\n`);
  for (const each of unstable) console.log(`unstable: ${titleFailure(each)}\n${shortenError(each.error)}\n`);
  if (unstableFiles > 0)
    console.log(`${unstableFiles} unstable files: they failed, and passed when they ran alone`);
  if (unstableFiles > MAX_UNSTABLE_FILES) failedSteps.push(`more than ${MAX_UNSTABLE_FILES} unstable files`);
  console.log(`${sum(files, 'skipped')} skipped`);
  console.log(`${sum(files, 'passed')} passed, ${sum(files, 'failed')} failed`);
  if (failedSteps.length > 0) console.log(`\nFailed: ${failedSteps.join('; ')}`);
  return failedSteps.length > 0 ? 1 : 0;
}

const INSTALL = {
  ...command('install', 'npm', 'ci', '--no-progress', '--no-audit', '--no-fund'),
  required: true,
};

const USAGE = {
  run: 'Usage: .ci/run\n\nInstalls the packages, then runs what every change has to pass.',
  full: `Usage: .ci/full [ROOM…]

Installs the packages, then runs every test and builds the documentation site; with rooms, only what checks their code.
docs/testing.md says which rooms a change needs.

Rooms: ${ROOMS.join(', ')}`,
};

async function main([script, ...rooms]) {
  if (rooms.some((room) => room === '--help' || room === '-h')) {
    console.log(USAGE[script]);
    return 0;
  }
  const unknown = rooms.filter((room) => script !== 'full' || !ROOMS.includes(room));
  if (unknown.length > 0) {
    console.error(`Unknown: ${unknown.join(', ')}\n\n${USAGE[script]}`);
    return 2;
  }
  return runSteps([INSTALL, ...(script === 'full' ? listFullSteps(rooms) : SHORT)]);
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href)
  process.exitCode = await main(process.argv.slice(2));
