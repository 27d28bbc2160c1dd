/** In a clone, after what `npm ci` runs, the commands of the README do as they are printed; an app can install the clone. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { cleanEnvironment, type Ran } from '../cli/trueup';
import { copyCheckout, ROOT, run } from '../support/checkout';
import { createDatabase } from '../support/database';

const scratch = mkdtempSync(join(tmpdir(), 'trueup-clone-'));
const clone = join(scratch, 'trueup');
const TIMES = 30;

/** npm keeps what it has linked for npx, so each run of the test has a cache of its own. */
const environment = (change: NodeJS.ProcessEnv = {}) => ({
  npm_config_cache: join(scratch, 'npm'),
  npm_config_update_notifier: 'false',
  ...change,
});

function inClone(line: string, change?: NodeJS.ProcessEnv): Ran {
  const { status, stdout, stderr } = spawnSync('sh', ['-c', line], {
    cwd: clone,
    encoding: 'utf8',
    env: cleanEnvironment(environment(change)),
  });
  return { code: status ?? -1, stdout, stderr };
}

/** The lines of the README's shell blocks that run our program, or the clone's own scripts. */
const COMMANDS = [...readFileSync(join(ROOT, 'README.md'), 'utf8').matchAll(/^```sh\n([\s\S]*?)^```/gm)]
  .flatMap(([, block]) => block!.trim().split('\n'))
  .map((line) => line.replace(/\s+#.*$/, ''));

beforeAll(() => copyCheckout(clone));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

test('npx trueup runs the sources while nothing is built, and the build afterwards', () => {
  expect(inClone('npx trueup --help')).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(/^Usage: trueup/),
  });
  const { scripts } = JSON.parse(readFileSync(join(clone, 'package.json'), 'utf8'));
  expect(scripts).toHaveProperty('prepare');
  // `npm ci` runs it at its end.
  run('npm', ['run', 'prepare'], clone, environment());
  expect(inClone('npx trueup --help')).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(/^Usage: trueup/),
  });

  const built = join(clone, 'dist/lib/cli/main.js');
  const text = readFileSync(built, 'utf8');
  writeFileSync(built, 'exports.main = () => console.log("the build");');
  expect(inClone('npx trueup --help').stdout).toBe('the build\n');
  const later = new Date(Date.now() + 60_000);
  const source = join(clone, 'lambda/engine/read-status.ts');
  utimesSync(source, later, later);
  expect(inClone('npx trueup --help').stdout).toMatch(/^Usage: trueup/);
  utimesSync(source, new Date(0), new Date(0));
  writeFileSync(built, text);
});

test('its start takes at most 1.3 times that of Node', () => {
  const times = { node: [] as number[], trueup: [] as number[] };
  for (let i = 0; i < TIMES; i++) {
    for (const [name, args] of Object.entries({
      node: ['-e', '0'],
      trueup: ['bin/trueup.cjs', '--version'],
    })) {
      const began = performance.now();
      spawnSync(process.execPath, args, { cwd: clone });
      times[name as keyof typeof times].push(performance.now() - began);
    }
  }
  // The shortest of many: what else the machine does only adds to it.
  expect(Math.min(...times.trueup) / Math.min(...times.node)).toBeLessThan(1.3);
});

test('every command of the README', async () => {
  const [old, moved, mine] = await Promise.all([createDatabase(), createDatabase(), createDatabase()]);
  const fleet = await createDatabase();
  writeFileSync(
    join(clone, 'tenants.jsonl'),
    `${JSON.stringify({ name: 'acme', database: new URL(fleet).pathname.slice(1) })}\n`,
  );
  const ran: string[] = [];
  const play = (start: string, change?: NodeJS.ProcessEnv, edit = (line: string) => line): Ran => {
    const line = COMMANDS.find((each) => each.startsWith(start));
    expect(line, start).toBeDefined();
    ran.push(line!);
    return inClone(edit(line!), { DATABASE_URL: mine, ...change });
  };
  expect(
    play('npx trueup audit', {}, (line) =>
      line.replace('postgres://…old…', old!).replace('postgres://…new…', moved!),
    ),
  ).toMatchObject({ code: 0, stdout: expect.stringContaining('nothing') });
  expect(play('npm ci && npm start', {}, (line) => line.replace('npm ci && ', ''))).toMatchObject({
    code: 0,
    stdout: expect.stringContaining('1. Five databases'),
  });
  expect(play('npx trueup new add_email').code).toBe(0);
  writeFileSync(
    join(clone, 'migrations/0001_add_email.sql'),
    "-- migrate:up\nCREATE TABLE people (email text);\n-- migrate:verify\nSELECT trueup.has_column('people', 'email');\n",
  );
  const answers: [string, RegExp][] = [
    ['npx trueup check --run', /1 migration verified, none drifted/],
    ['npx trueup plan', /0001_add_email/],
    ['npx trueup up', /applied +0001_add_email/],
    ['npx trueup verify', /1 migration verified, none drifted/],
    ['npx trueup up --fleet', /1 tenant: 1 up to date/],
  ];
  for (const [line, answer] of answers) {
    const { code, stdout, stderr } = play(line);
    expect({ line, code, stderr }).toMatchObject({ code: 0 });
    expect(stdout + stderr).toMatch(answer);
  }
  const nowhere = { AWS_ENDPOINT_URL: 'http://127.0.0.1:1', AWS_REGION: 'us-east-1', AWS_MAX_ATTEMPTS: '1' };
  expect(
    play('npx trueup status --stack', {
      ...nowhere,
      AWS_ACCESS_KEY_ID: 'test',
      AWS_SECRET_ACCESS_KEY: 'test',
    }),
  ).toMatchObject({ code: 2, stderr: expect.stringContaining('the stack S cannot be read') });
  const left = COMMANDS.filter((line) => !ran.includes(line));
  // The tests themselves, and what docs/index.md does in a folder of its own (test/e2e/start.test.ts).
  expect(left).toEqual(['npm i ../trueup', 'npx cdk deploy', 'npm ci && npm test']);
});

test('an app beside the clone installs it, and finds constructs and program', () => {
  const app = join(scratch, 'app');
  mkdirSync(app);
  writeFileSync(join(app, 'package.json'), '{ "name": "app", "private": true }');
  run('npm', ['install', '../trueup', '--ignore-scripts', '--omit', 'peer'], app, environment());
  expect(existsSync(join(app, 'node_modules/.bin/trueup'))).toBe(true);
  expect(run('npx', ['trueup', 'new', 'first'], app, environment())).toContain('migrations/0001_first.sql');
  const loaded = run('node', ['-e', "console.log(typeof require('trueup').SchemaMigrations)"], app);
  expect(loaded.trim()).toBe('function');
});
