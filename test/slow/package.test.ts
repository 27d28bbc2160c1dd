/** What a user gets: packed with `npm pack`, installed in an empty folder elsewhere. */
import { execFileSync, spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { SIGNATURES } from '../../lambda/defects/signatures';
import { cleanEnvironment } from '../cli/trueup';

const ROOT = join(__dirname, '../..');
const scratch = mkdtempSync(join(tmpdir(), 'trueup-package-'));
const checkout = join(scratch, 'checkout');
const project = join(scratch, 'project');
let files: string[] = [];

const run = (command: string, args: readonly string[], cwd: string): string =>
  execFileSync(command, args, {
    cwd,
    encoding: 'utf8',
    env: cleanEnvironment(),
    stdio: ['ignore', 'pipe', 'pipe'],
  });

const peers = (): Record<string, string> =>
  JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')).peerDependencies;

beforeAll(() => {
  // A copy: packing builds dist/, and the checkout may be in use.
  const listed = run('git', ['ls-files', '--cached', '--others', '--exclude-standard'], ROOT)
    .trim()
    .split('\n');
  for (const file of listed.filter((each) => existsSync(join(ROOT, each)))) {
    mkdirSync(dirname(join(checkout, file)), { recursive: true });
    cpSync(join(ROOT, file), join(checkout, file));
  }
  symlinkSync(join(ROOT, 'node_modules'), join(checkout, 'node_modules'));
  const [packed] = JSON.parse(run('npm', ['pack', '--json', '--pack-destination', scratch], checkout)) as [
    { filename: string; files: { path: string }[] },
  ];
  files = packed.files.map(({ path }) => path);
  mkdirSync(project);
  run('npm', ['init', '--yes'], project);
  // With the oldest CDK that package.json allows.
  const oldest = Object.entries(peers()).map(([name, range]) => `${name}@${range.replace('^', '')}`);
  run('npm', ['install', join(scratch, packed.filename), ...oldest], project);
}, 500_000);

afterAll(() => rmSync(scratch, { recursive: true, force: true }));

test('the package holds the program and the migrations, and no tests or sources', () => {
  expect(files).toContain('dist/bin/trueup.js');
  expect(files).toContain('dist/lib/index.js');
  expect(files).toContain('migrations/courses/0001_as_found.sql');
  expect(files).toContain('README.md');
  expect(files.filter((path) => /^(test|bench|lib|lambda|bin)\//.test(path))).toEqual([]);
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
  expect(JSON.parse(run('npx', ['trueup', 'demo', '--json'], project))).toMatchObject({
    acts: expect.any(Array),
  });
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
