/** What a user gets: packed with `npm pack`, installed in an empty folder elsewhere. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Database } from 'node-sqlite3-wasm';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { SIGNATURES } from '../../lambda/defects/signatures';
import { ENTRIES } from '../../lib/build/program';
import { EXIT } from '../../lib/cli/exit-codes';
import { HANDLERS } from '../../lib/constructs/functions/bundle';
import { cleanEnvironment } from '../cli/trueup';
import { copyCheckout, ROOT, run } from '../support/checkout';
import { createDatabase } from '../support/database';

const scratch = mkdtempSync(join(tmpdir(), 'trueup-package-'));
const checkout = join(scratch, 'checkout');
const project = join(scratch, 'project');
let files: string[] = [];
let tarball = '';

const peers = (): Record<string, string> =>
  JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')).peerDependencies;

beforeAll(() => {
  // A copy: packing builds dist/, and the checkout may be in use.
  copyCheckout(checkout);
  const [packed] = JSON.parse(run('npm', ['pack', '--json', '--pack-destination', scratch], checkout)) as [
    { filename: string; files: { path: string }[] },
  ];
  files = packed.files.map(({ path }) => path);
  tarball = packed.filename;
  mkdirSync(project);
  run('npm', ['init', '--yes'], project);
  // With the oldest CDK that package.json allows.
  const oldest = Object.entries(peers()).map(([name, range]) => `${name}@${range.replace('^', '')}`);
  run('npm', ['install', join(scratch, packed.filename), ...oldest], project);
});

afterAll(() => rmSync(scratch, { recursive: true, force: true }));

test('the package holds the program and the migrations, and no tests or sources', () => {
  expect(files).toContain('dist/bin/trueup.js');
  expect(files).toContain('dist/lib/index.js');
  expect(files).toContain('dist/THIRD_PARTY_NOTICES.txt');
  // Processes of their own, which nothing imports.
  expect(files.filter((path) => path.endsWith('-child.js')).sort()).toEqual([
    'dist/lib/compiler/sync-child.js',
    'dist/lib/constructs/fleet/judge-query-child.js',
    'dist/lib/workload/sync-child.js',
  ]);
  // Bundles: no module of ours or of another package lies beside them.
  expect(files.filter((path) => /^dist\/.*\.js$/.test(path)).sort()).toEqual(
    [
      ...HANDLERS.map((handler) => `dist/lambda/${handler}/bundled/index.js`),
      ...ENTRIES.map((entry) => `dist/${entry}.js`),
    ].sort(),
  );
  expect(files).toContain('migrations/courses/0001_as_found.sql');
  expect(files).toContain('README.md');
  expect(files.filter((path) => /^(test|bench|demo|lib|lambda|bin)\//.test(path))).toEqual([
    'bin/trueup.cjs',
  ]);
});

test('one PostgreSQL comes along, not those of the tests', () => {
  const lock = JSON.parse(readFileSync(join(project, 'package-lock.json'), 'utf8')) as {
    packages: Record<string, unknown>;
  };
  const servers = Object.keys(lock.packages).filter((name) => /^node_modules\/pg\d\d-/.test(name));
  expect(servers.length).toBeGreaterThan(0);
  expect(servers.filter((name) => !name.startsWith('node_modules/pg18-'))).toEqual([]);
});

test('installed elsewhere, it runs', () => {
  expect(run('npx', ['trueup', '--help'], project)).toMatch(/^Usage: trueup/);
  expect(run('npx', ['trueup', 'new', 'first'], project)).toMatch(/migrations\/0001_first\.sql/);
  const shipped = 'node_modules/trueup/migrations/courses';
  expect(run('npx', ['trueup', 'check', shipped], project)).toMatch(/nothing wrong/);
  expect(run('npx', ['trueup', 'check', shipped, '--run'], project)).toMatch(/none drifted/);
});

test('without CDK and PostgreSQL it takes at most 15 MB, and runs', () => {
  const small = join(scratch, 'small');
  mkdirSync(small);
  run('npm', ['init', '--yes'], small);
  run('npm', ['install', join(scratch, tarball), '--omit', 'optional', '--omit', 'peer'], small);
  const kilobytes = Number(run('du', ['-sk', 'node_modules'], small).split('\t')[0]);
  expect(kilobytes * 1024).toBeLessThan(15_000_000);
  const shipped = 'node_modules/trueup/migrations/courses';
  expect(run('npx', ['trueup', 'check', shipped], small)).toMatch(/nothing wrong/);
});

test('it compares a database with an SQLite file, draws the page, and asks AWS for a stack', async () => {
  const source = new Database(join(project, 'old.db'));
  source.exec('CREATE TABLE shops (id INTEGER PRIMARY KEY, name TEXT NOT NULL)');
  source.close();
  const url = await createDatabase();
  const audit = trueupIn(['audit', '--from', 'old.db', '--database-url', url, '--html', 'page.html']);
  expect(audit).toMatchObject({ status: EXIT.found, stdout: expect.stringContaining('shops') });
  expect(readFileSync(join(project, 'page.html'), 'utf8')).toMatch(/^<!doctype html>[\s\S]*shops/i);
  expect(trueupIn(['status', '--stack', 'S'])).toMatchObject({
    status: 2,
    stderr: expect.stringContaining('the stack S cannot be read'),
  });
});

/** No AWS answers. */
const trueupIn = (args: readonly string[]) =>
  spawnSync('npx', ['trueup', ...args], {
    cwd: project,
    encoding: 'utf8',
    env: cleanEnvironment({
      AWS_ENDPOINT_URL: 'http://127.0.0.1:1',
      AWS_REGION: 'us-east-1',
      AWS_MAX_ATTEMPTS: '1',
      AWS_ACCESS_KEY_ID: 'test',
      AWS_SECRET_ACCESS_KEY: 'test',
    }),
  });

test('its types are all there', () => {
  writeFileSync(
    join(project, 'app.ts'),
    "import { DatabaseStack, SchemaDatabase, SchemaMigrations, WatchStack } from 'trueup';\n" +
      'export const all = [DatabaseStack, SchemaDatabase, SchemaMigrations, WatchStack];',
  );
  const compiler = join(ROOT, 'node_modules/typescript/bin/tsc');
  const options = ['--noEmit', '--strict', '--target', 'es2022', '--module', 'commonjs', '--types', ''];
  // Without --skipLibCheck our declarations are read as well, and so are those of the CDK, which lack some of their own.
  const { stdout } = spawnSync(process.execPath, [compiler, ...options, 'app.ts'], {
    cwd: project,
    encoding: 'utf8',
  });
  expect(stdout.split('\n').filter((line) => /^(app\.ts|node_modules\/trueup\/)/.test(line))).toEqual([]);
});

test('a query of a fleet is judged', () => {
  writeFileSync(
    join(project, 'fleet.js'),
    `const { App, Stack } = require('aws-cdk-lib');
     const { DatabaseStack, FleetTenants, SchemaFleet } = require('trueup');
     const app = new App({ outdir: 'fleet.out' });
     const server = new DatabaseStack(app, 'Server');
     const make = (id, sql) => {
       try {
         new SchemaFleet(new Stack(app, id), 'Fleet', {
           servers: { main: server.database() },
           tenants: [FleetTenants.query({ database: 'control', sql })],
           folder: 'node_modules/trueup/migrations/courses',
         });
         return 'good';
       } catch (error) {
         return error.message;
       }
     };
     console.log(JSON.stringify([make('Good', 'SELECT name FROM tenants'), make('Bad', 'DELETE FROM tenants')]));`,
  );
  expect(JSON.parse(run('node', ['fleet.js'], project))).toEqual([
    'good',
    expect.stringMatching(/is no query/),
  ]);
});

/** What older ones lack was dropped without a word, or failed at synth: acknowledgements, the rest of a new alarm. */
test('every stack is made with the oldest CDK that is allowed', () => {
  writeFileSync(
    join(project, 'app.js'),
    `const { App } = require('aws-cdk-lib');
     const { DatabaseStack, SchemaStack, WatchStack } = require('trueup');
     const app = new App({ outdir: 'out' });
     const server = new DatabaseStack(app, 'Server');
     const folder = 'node_modules/trueup/migrations/courses';
     const database = server.database({ databaseName: 'courses', createDatabase: true });
     const { schema } = new SchemaStack(app, 'Courses', { schema: { database, folder } });
     new WatchStack(app, 'Watch', { databaseLogGroupName: server.logGroupName, schemas: [schema] })
       .addStackDependency(server);
     const { template } = app.synth().getStackByName('Watch');
     const alarms = Object.values(template.Resources).filter(({ Type }) => Type === 'AWS::CloudWatch::Alarm');
     console.log(JSON.stringify(alarms.map(({ Properties }) => Properties)));`,
  );
  const { version } = JSON.parse(
    readFileSync(join(project, 'node_modules/aws-cdk-lib/package.json'), 'utf8'),
  ) as { version: string };
  expect(`^${version}`).toBe(peers()['aws-cdk-lib']);
  const alarms = JSON.parse(run('node', ['app.js'], project)) as Record<string, unknown>[];
  expect(alarms).toHaveLength(SIGNATURES.length + 3 + 7);
  expect(alarms.filter((alarm) => alarm.WarmUpConfiguration !== undefined)).toHaveLength(2);
});
