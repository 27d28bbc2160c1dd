/** `check --run --workload --since`: a pull request is stopped by what the running application sends. */
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { newestMajor } from '../support/database';
import { type Files, git, repository, scratch, write } from '../support/repository';
import { trueup } from './trueup';

const up = (sql: string, directives = ''): string =>
  `-- migrate:no-verify a test\n${directives}-- migrate:up\n${sql}\n`;
const BASE: Files = {
  'db/migrations/0001_old.sql': up('CREATE TABLE gone (id int);'),
  // On the way to the base a table comes and goes: the middle is not judged.
  'db/migrations/0002_customers.sql': up(
    'DROP TABLE gone;\nCREATE TABLE customers (id int PRIMARY KEY, note text);',
    '-- migrate:consent destroys a test\n',
  ),
  'db/shop.sql': '-- role app; calls 7\nSELECT note FROM customers WHERE id = $1;\n',
};
const RENAMED: Files = {
  'db/migrations/0003_remark.sql': up('ALTER TABLE customers RENAME COLUMN note TO remark;'),
  'db/shop.sql': '-- role app; calls 7\nSELECT remark FROM customers WHERE id = $1;\n',
};
const check = (folder: string, since: string, ...options: string[]) =>
  trueup(['check', '--run', '--workload', 'db/shop.sql', '--since', since, ...options, 'db/migrations'], {
    cwd: folder,
  });

// The guard itself is tested on all of them.
describe.each([newestMajor()])('PostgreSQL %i', (major) => {
  const on = ['--major', String(major)];

  test('a rename with its query and its workload in one commit is refused, and passes in two', async () => {
    const { code, stderr } = await check(repository(BASE, RENAMED), 'base', ...on);
    expect(code).toBe(1);
    expect(stderr.replace(/\s+/g, ' ')).toContain(
      '0003_remark: 1 statement that the running application sends would no longer work [SQLSTATE 42703] ' +
        '- SELECT note FROM customers WHERE id = $1 (role app, 7 calls seen)',
    );
    const expand = repository(BASE, {
      ...RENAMED,
      'db/migrations/0003_remark.sql': up('ALTER TABLE customers ADD COLUMN remark text;'),
    });
    const first = await check(expand, 'base', ...on);
    expect([first.code, first.stdout]).toEqual([
      0,
      expect.stringContaining('Since base: 1 migration, guarded by 2 statements of the running application.'),
    ]);
    git(expand, 'add', '.');
    git(expand, 'commit', '-qm', 'expand');
    write(expand, {
      'db/migrations/0004_no_note.sql': up(
        'ALTER TABLE customers DROP COLUMN note;',
        '-- migrate:consent destroys copied to remark\n',
      ),
    });
    expect((await check(expand, 'HEAD', ...on)).code).toBe(0);
  });

  test('what was broken with consent is listed', async () => {
    const consenting = repository(BASE, {
      ...RENAMED,
      'db/migrations/0003_remark.sql': up(
        'ALTER TABLE customers RENAME COLUMN note TO remark;',
        '-- migrate:consent breaks nobody reads notes\n',
      ),
    });
    const { code, stderr } = await check(consenting, 'base', ...on);
    expect([code, stderr.replace(/\s+/g, ' ')]).toEqual([
      0,
      expect.stringContaining('0003_remark: a statement was broken with consent: SELECT note FROM customers'),
    ]);
    // Where only the end is judged, the file that still holds it is listed too, and fails nothing.
    write(consenting, { 'db/shop.sql': BASE['db/shop.sql']! });
    const end = await trueup(
      ['check', '--run', ...on, '--workload', 'db/shop.sql', '--max-undecided', '100', 'db/migrations'],
      { cwd: consenting },
    );
    expect([end.code, end.stdout]).toEqual([
      0,
      expect.stringContaining('0003_remark has consent for this: nobody reads notes'),
    ]);
  });
});

test('a folder that is not there at the commit: everything is new', async () => {
  const folder = repository({ 'README.md': 'shop\n' }, { ...BASE, ...RENAMED });
  const { code, stderr } = await check(folder, 'base');
  expect([code, stderr]).toEqual([
    0,
    expect.stringContaining('db/migrations has no migrations at base: all are new'),
  ]);
});

describe('a workload file that is not there at the commit', () => {
  const checkApp = (folder: string, ...more: string[]) =>
    trueup(['check', '--run', '--workload', 'db/app.sql', ...more, '--since', 'base', 'db/migrations'], {
      cwd: folder,
    });
  const BROKEN =
    /1 statement that the running application sends would no longer work.*SELECT note FROM customers/s;

  test('was renamed: what it held under its old name is what is running', async () => {
    const folder = repository(BASE, RENAMED);
    git(folder, 'mv', 'db/shop.sql', 'db/app.sql');
    const { code, stderr } = await checkApp(folder);
    expect([code, stderr]).toEqual([1, expect.stringMatching(BROKEN)]);
    expect(stderr).toContain('db/app.sql was db/shop.sql at base.');
  });

  test('and another one is gone: which is which is asked, and both may be given', async () => {
    const folder = repository(BASE, {
      ...RENAMED,
      'db/app.sql': `${'-- nothing of the other one stands here\n'.repeat(9)}SELECT id, remark, 1 FROM public.customers c ORDER BY remark;\n`,
    });
    git(folder, 'rm', '-qf', 'db/shop.sql');
    git(folder, 'add', '.');
    expect(await checkApp(folder)).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(
        /the workload db\/shop\.sql, which does, was removed since\n[\s\S]*--workload db\/shop\.sql/,
      ),
    });
    const { code, stderr } = await checkApp(folder, '--workload', 'db/shop.sql');
    expect([code, stderr]).toEqual([1, expect.stringMatching(BROKEN)]);
  });

  test('is new: what is in it now is guarded, which is said', async () => {
    const { 'db/shop.sql': _, ...base } = BASE;
    const folder = repository(base, {
      ...RENAMED,
      'db/app.sql': '-- role app\nSELECT id FROM customers;\n',
    });
    const { code, stderr } = await checkApp(folder);
    expect([code, stderr.replace(/\s+/g, ' ')]).toEqual([
      0,
      expect.stringContaining('db/app.sql does not exist at base: only'),
    ]);
    expect(await checkApp(folder, '--workload', 'db/none.sql')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('there is no file db/none.sql'),
    });
  });
});

test('what planned, and cannot be decided after a migration, is said with its name', async () => {
  const ambiguous = {
    'db/migrations/0004_plus.sql': up(
      "CREATE FUNCTION twice(a bigint, b int) RETURNS int LANGUAGE sql AS 'SELECT 1';",
    ),
  };
  const folder = repository(
    {
      ...BASE,
      'db/migrations/0003_twice.sql': up(
        "CREATE FUNCTION twice(a int, b bigint) RETURNS int LANGUAGE sql AS 'SELECT 1';",
      ),
      'db/shop.sql': '-- role app; calls 7\nSELECT twice($1, $2);\n',
    },
    ambiguous,
  );
  const since = await check(folder, 'base', '--max-undecided', '100');
  expect([since.code, since.stderr.replace(/\s+/g, ' ')]).toEqual([
    0,
    expect.stringContaining(
      '0004_plus: a statement planned before, and it is not known whether it still does: SELECT twice($1, $2) (role app, 7 calls seen): ' +
        'whether it works depends on how the application sends its values',
    ),
  ]);
  const end = await trueup(
    ['check', '--run', '--workload', 'db/shop.sql', '--max-undecided', '100', 'db/migrations'],
    { cwd: folder },
  );
  expect([end.code, end.stdout]).toEqual([
    0,
    expect.stringMatching(
      /warning {2}It planned until 0004_plus was applied, and it is undecided whether it still does:\n +SELECT twice/,
    ),
  ]);
});

test('what cannot be compared is said in a sentence', async () => {
  const folder = repository(BASE);
  expect(await check(folder, 'nowhere')).toMatchObject({
    code: 2,
    stderr: expect.stringMatching(/this repository has no commit nowhere\n +Give a branch, tag/),
  });
  git(folder, 'commit', '-q', '--allow-empty', '-m', 'second');
  const clone = mkdtempSync(join(scratch(), 'c-'));
  git(scratch(), 'clone', '-q', '--depth', '1', `file://${folder}`, clone);
  expect(await check(clone, 'base')).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('fetch-depth: 0'),
  });
  rmSync(join(clone, '.git'), { recursive: true });
  expect(await check(clone, 'base')).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('is not in a git repository'),
  });
  expect(await check(folder, '--output=x')).toMatchObject({ code: 2 });
  const broken = repository({ ...BASE, 'db/migrations/0003_x.sql': 'no section\n' });
  expect(await check(broken, 'base')).toMatchObject({ code: 1 });
  write(broken, { 'db/migrations/0003_x.sql': up('SELECT 1;') });
  expect(await check(broken, 'base')).toMatchObject({
    code: 2,
    stderr: expect.stringMatching(/the migrations at base do not compile: 0003_x\.sql:1: /),
  });
});
