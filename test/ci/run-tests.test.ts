/** What .ci/run makes of test files that fail in each way, once or always: the real vitest runs them. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { transformSync } from 'esbuild';
import { describe, expect, inject, test } from 'vitest';

const ROOT = resolve(__dirname, '../..');
const CI = join(ROOT, '.ci');

const PASSES = `test('passes', () => {});`;
/** Each fails in another way: the code of a file in which \`now\` says whether it fails this time. */
const WAYS = {
  assertion: `${PASSES} test('fails', () => expect(now).toBe(false));`,
  'after all': `${PASSES} afterAll(() => { if (now) throw new Error('in afterAll'); });`,
  'before all': `${PASSES} describe('a', () => { beforeAll(() => { if (now) throw new Error('in beforeAll'); }); test('b', () => {}); });`,
  import: `if (now) await import('./nothing-here'); ${PASSES}`,
  killed: `${PASSES} test('kills', () => { if (now) process.kill(process.pid, 'SIGKILL'); });`,
  'killed early': `if (now) process.kill(process.pid, 'SIGKILL'); ${PASSES}`,
  exits: `${PASSES} test('exits', () => { if (now) process.exit(0); });`,
  unhandled: `test('rejects', async () => { if (now) void Promise.reject(new Error('nobody waits')); await new Promise((go) => setTimeout(go, 50)); });`,
};
type Way = keyof typeof WAYS;

const file = (
  body: string,
  when: 'once' | 'always',
) => `import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { existsSync, writeFileSync } from 'node:fs';
const mark = import.meta.filename + '.ran';
const now = ${when === 'always' ? 'true' : '!existsSync(mark)'};
writeFileSync(mark, '');
${body}
`;

/** Runs the files as a step of .ci/run does, and returns what it prints. */
function runFiles(files: Readonly<Record<string, string>>, globalSetup?: string) {
  const cache = inject('cacheFolder');
  mkdirSync(cache, { recursive: true });
  const folder = mkdtempSync(join(cache, 'ci-'));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, `${name}.test.mjs`), text);
  if (globalSetup !== undefined) writeFileSync(join(folder, 'setup.mjs'), globalSetup);
  const config = {
    globalSetup: globalSetup === undefined ? [] : ['./setup.mjs'],
    reporters: ['default', join(CI, 'reporter.mjs')],
    projects: [{ extends: true, test: { name: 'one', include: ['*.test.mjs'], exclude: [] } }],
  };
  writeFileSync(join(folder, 'vitest.config.mjs'), `export default { test: ${JSON.stringify(config)} };`);
  const vitest = [process.execPath, join(ROOT, 'node_modules/vitest/vitest.mjs'), 'run', '--root', folder];
  const program = `import { runSteps } from ${JSON.stringify(pathToFileURL(join(CI, 'steps.mjs')).href)};
const vitest = ${JSON.stringify(vitest)};
const repeat = (project, file) => [...vitest, '--project', project, file.split('/').at(-1)];
process.exitCode = await runSteps([{ name: 'the step', tests: vitest, repeat }]);`;
  const { VITEST, VITEST_POOL_ID, VITEST_WORKER_ID, VITEST_MODE, TEST_REPORT, ...env } = process.env;
  const { status, stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', program], {
    encoding: 'utf8',
    env: { ...env, NO_COLOR: '1' },
  });
  // The lines after the step: what was found.
  return { status, printed: stdout + stderr, found: stdout.slice(stdout.indexOf('-- the step:')) };
}

const title = (way: Way) => way.replace(' ', '-');
const filesOf = (ways: readonly Way[], when: 'once' | 'always') =>
  Object.fromEntries(ways.map((way) => [title(way), file(WAYS[way], when)]));
const ALL = Object.keys(WAYS) as Way[];
const listFiles = (found: string, word: 'unstable' | 'failed') => {
  const names = [...found.matchAll(new RegExp(`^${word}: \\[one\\] \\S*/([\\w-]+)\\.test\\.mjs`, 'gm'))].map(
    ([, name]) => name,
  );
  return [...new Set(names)].sort();
};

describe('a file that did not pass runs once more, alone', () => {
  test(`${ALL.join(', ')}: unstable if it passes then; more than five such files fail the run`, () => {
    const { status, found, printed } = runFiles({ ...filesOf(ALL, 'once'), good: file(PASSES, 'once') });
    expect(listFiles(found, 'unstable'), printed).toEqual(ALL.map(title).sort());
    expect(listFiles(found, 'failed')).toEqual([]);
    expect(found).toContain('Failed: more than 5 unstable files');
    // Counted is the last run of each file.
    expect(found).toMatch(/^13 passed, 0 failed$/m);
    expect(status).toBe(1);
  });

  test('the same ways: failed if it fails twice', () => {
    const { status, found, printed } = runFiles({ ...filesOf(ALL, 'always'), good: file(PASSES, 'once') });
    expect(listFiles(found, 'failed'), printed).toEqual(ALL.map(title).sort());
    expect(listFiles(found, 'unstable')).toEqual([]);
    expect(found).toMatch(/^\d+ passed, 8 failed$/m);
    expect(found).toContain('Failed: the step');
    expect(status).toBe(1);
  });

  test('a few unstable files do not fail the run, and their first errors are printed', () => {
    const { status, found } = runFiles(filesOf(['assertion', 'unhandled', 'killed'], 'once'));
    expect(found).toContain('3 unstable files');
    expect(found).toContain('expected true to be false');
    expect(found).toContain('nobody waits');
    expect(found).toContain('its process ended or was killed');
    expect(found).toMatch(/^5 passed, 0 failed$/m);
    expect(status).toBe(0);
  });

  test('but not if more than twenty did not pass', () => {
    const names = Array.from({ length: 21 }, (_, n) => `a${n}`);
    const { status, found, printed } = runFiles(
      Object.fromEntries(names.map((name) => [name, file(WAYS.assertion, 'once')])),
    );
    expect(printed).not.toContain('== again');
    expect(found).toMatch(/^21 passed, 21 failed$/m);
    expect(status).toBe(1);
  });
});

describe('what no file explains fails the step', () => {
  const good = { good: file(PASSES, 'once') };

  test('a global setup that fails', () => {
    const { status, found } = runFiles(good, `export default () => { throw new Error('in setup'); };`);
    expect(found).toContain('Failed: the step');
    expect(status).toBe(1);
  });

  test('a global teardown that fails, alone and beside a file that passes the second time', () => {
    const teardown = readFileSync(join(ROOT, 'test/support/teardown.ts'), 'utf8');
    const setup = `${transformSync(teardown, { loader: 'ts' }).code}
export default () => reportFailure(async () => { throw new Error('in teardown'); });`;
    for (const files of [good, { ...good, ...filesOf(['assertion', 'killed'], 'once') }]) {
      const { status, found, printed } = runFiles(files, setup);
      expect(found, printed).toContain('vitest ended with 2');
      expect(status).toBe(1);
    }
  });

  test('an error without a file, beside a killed worker', () => {
    const body = `test('rejects', async () => { void Promise.reject('nobody waits'); await new Promise((go) => setTimeout(go, 50)); });`;
    const { status, found } = runFiles({ ...filesOf(['killed'], 'once'), primitive: file(body, 'always') });
    expect(found).toMatch(/^failed: .*nobody waits/m);
    expect(status).toBe(1);
  });

  test('a test that failed is skipped, or gone, the second time', () => {
    const skips = `${PASSES} test.runIf(now)('fails', () => expect(now).toBe(false));`;
    const goes = `${PASSES} if (now) test('fails', () => expect(now).toBe(false));`;
    const { status, found } = runFiles({ skips: file(skips, 'once'), goes: file(goes, 'once') });
    expect(listFiles(found, 'failed')).toEqual(['goes', 'skips']);
    expect(status).toBe(1);
  });

  test('a vitest that a test starts does not write the report', () => {
    const body = `test('starts', () => expect(process.env.TEST_REPORT).toBeUndefined());`;
    expect(runFiles({ nested: file(body, 'always') }).status).toBe(0);
  });

  test('no test at all', () => {
    const { status, found } = runFiles({});
    expect(found).toContain('Failed: the step');
    expect(status).toBe(1);
  });

  test('tests that are all skipped', () => {
    const { status, printed } = runFiles({ good: file(`test.skip('a', () => {});`, 'once') });
    expect(printed).toContain('no test ran, or all are skipped');
    expect(status).toBe(1);
  });
});

test('files that pass: counted, and nothing else', () => {
  const { status, found } = runFiles({ good: file(`${PASSES} test.skip('a', () => {});`, 'once') });
  expect(found).toMatch(/^-- the step: \d+ s\n\n1 skipped\n1 passed, 0 failed\n$/);
  expect(status).toBe(0);
});
