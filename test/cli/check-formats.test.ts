/** `check --since` without a workload, and `check --format`: what a pull request shows. */
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { validSarif } from '../report/sarif';
import { git, repository, scratch, write } from '../support/repository';
import { trueup } from './trueup';

const up = (sql: string): string => `-- migrate:no-verify a test\n-- migrate:up\n${sql}\n`;
const FINE = { 'db/0001_t.sql': up('CREATE TABLE t (id int PRIMARY KEY, note text);') };
const OLD = { ...FINE, 'db/0002_old.sql': up('ALTER TABLE t DROP COLUMN note;') };
const NEW = { 'db/0003_new.sql': up('SELEC 1;\nDROP TABLE t;') };

const check = (folder: string, ...options: string[]) => trueup(['check', ...options, 'db'], { cwd: folder });
const problemsOf = (stdout: string): string[] =>
  (JSON.parse(stdout) as { problems: { file: string }[] }).problems.map(({ file }) => file);

test('only what came with the change is shown, and the folder is compiled whole', async () => {
  const folder = repository(OLD, NEW);
  expect(problemsOf((await check(folder, '--json')).stdout)).toEqual([
    '0002_old.sql',
    '0003_new.sql',
    '0003_new.sql',
  ]);
  const shown = await check(folder, '--json', '--since', 'base');
  expect([shown.code, problemsOf(shown.stdout)]).toEqual([1, ['0003_new.sql', '0003_new.sql']]);

  const unchanged = await check(repository(OLD), '--since', 'base');
  expect([unchanged.code, unchanged.stdout]).toEqual([
    0,
    'db does not compile, but this change is not the cause. Not shown: 1 problem that base already has.\n',
  ]);
  const fine = await check(
    repository(FINE, { 'db/0002_b.sql': up('CREATE TABLE b (id int);') }),
    '--since',
    'base',
  );
  expect([fine.code, fine.stdout]).toEqual([0, expect.stringContaining('1 file changed since base.')]);
});

test('an old file that a new one breaks is shown', async () => {
  // Of two files with one number the later name is refused.
  const folder = repository(FINE, { 'db/0001_a.sql': up('CREATE TABLE a (id int);') });
  const { code, stdout } = await check(folder, '--json', '--since', 'base');
  expect([code, problemsOf(stdout)]).toEqual([1, ['0001_t.sql']]);
});

test('what others did meanwhile on the branch is not part of the change', async () => {
  const folder = repository(OLD);
  const main = git(folder, 'branch', '--show-current').trim();
  git(folder, 'switch', '-qc', 'change');
  git(folder, 'switch', '-q', main);
  write(folder, { 'db/0002_old.sql': up('CREATE TABLE mended (id int);') });
  git(folder, 'commit', '-qam', 'mended');
  git(folder, 'switch', '-q', 'change');
  const { code, stdout } = await check(folder, '--since', main);
  expect([code, stdout]).toEqual([0, expect.stringContaining('but this change is not the cause')]);
});

test('what does not compile cannot be run, whoever wrote it', async () => {
  const { code, stderr } = await check(repository(OLD), '--since', 'base', '--run');
  expect([code, stderr]).toEqual([1, expect.stringContaining('db/0002_old.sql:3:')]);
});

test('a clone that does not reach back to the common commit', async () => {
  const folder = repository(FINE);
  const main = git(folder, 'branch', '--show-current').trim();
  git(folder, 'switch', '-qc', 'change');
  git(folder, 'commit', '-q', '--allow-empty', '-m', 'change');
  git(folder, 'switch', '-q', main);
  git(folder, 'commit', '-q', '--allow-empty', '-m', 'main');
  const clone = mkdtempSync(join(scratch(), 'c-'));
  git(
    scratch(),
    'clone',
    '-q',
    '--depth',
    '1',
    '--no-single-branch',
    '-b',
    'change',
    `file://${folder}`,
    clone,
  );
  const { code, stderr, stdout } = await check(clone, '--since', `origin/${main}`, '--format', 'github');
  expect([code, stderr]).toEqual([
    2,
    expect.stringMatching(
      /have no commit in common in this shallow clone\n +This is a shallow clone\. Fetch/,
    ),
  ]);
  expect(stdout).toMatch(/^::error title=trueup::--since: origin.*fetch-depth: 0/);
});

test('a repository that git does not read: of another user, or without one of its objects', async () => {
  const folder = repository(FINE, NEW);
  const options = { cwd: folder, env: { GIT_TEST_ASSUME_DIFFERENT_OWNER: '1' } };
  expect(await trueup(['check', '--since', 'base', 'db'], options)).toMatchObject({
    code: 2,
    stderr: expect.stringMatching(
      /belongs to another user, so git does not read it\n\s+If you trust it, run .*--global --add safe\.directory/,
    ),
  });
  const id = git(folder, 'rev-parse', 'base:db/0001_t.sql').trim();
  rmSync(join(folder, '.git/objects', id.slice(0, 2), id.slice(2)));
  expect(await check(folder, '--since', 'base')).toMatchObject({
    code: 2,
    stderr: expect.stringContaining(`lacks an object of that commit, ${id}`),
  });
});

test('annotations, with paths of the repository', async () => {
  const folder = repository({ 'README.md': '' }, { 'app/db/0001_%0A::add-mask::x.sql': '', ...NEW });
  const broken = await check(folder, '--format', 'github');
  expect([broken.code, broken.stderr, broken.stdout.split('\n')]).toEqual([
    1,
    '',
    [
      expect.stringMatching(
        /^::error file=db\/0003_new\.sql,line=4,col=1,title=trueup drop-relation::DROP TABLE/,
      ),
      expect.stringMatching(/^::error file=db\/0003_new\.sql,line=3,col=1,title=trueup syntax::syntax error/),
      '',
    ],
  ]);
  const hostile = await trueup(['check', '--format', 'github', 'db'], { cwd: join(folder, 'app') });
  expect(hostile.stdout).toMatch(
    /^::error file=app\/db\/0001_%250A%3A%3Aadd-mask%3A%3Ax\.sql,title=trueup refused::[^\n]*\n$/,
  );
  const fine = await check(repository(FINE), '--format', 'github');
  expect([fine.code, fine.stdout]).toEqual([
    0,
    'db: 1 migration, 1 statement, nothing wrong. 1 without a verify section.\n',
  ]);
});

test('SARIF, of a folder that is broken and of one that is fine', async () => {
  const { code, stdout } = await check(
    repository({ 'README.md': '' }, NEW),
    ...['--format', 'sarif', '--docs-url', 'https://example.com/docs'],
  );
  const log = validSarif(JSON.parse(stdout));
  expect([code, log.runs[0]!.results!.map(({ ruleId }) => ruleId)]).toEqual([1, ['drop-relation', 'syntax']]);
  expect(log.runs[0]!.tool.driver.rules![0]!.helpUri).toBe(
    'https://example.com/docs/rules-destroys.md#drop-relation',
  );
  const fine = await check(repository(FINE), '--format', 'sarif');
  expect([fine.code, validSarif(JSON.parse(fine.stdout)).runs[0]!.results]).toEqual([0, []]);
});

test('what a run on an empty server says', async () => {
  const folder = repository({
    'db/0001_t.sql':
      "-- migrate:up\nCREATE TABLE t (id int PRIMARY KEY);\n\n-- migrate:verify\nSELECT trueup.has_column('t', 'note');\n",
  });
  const { code, stdout } = await check(folder, '--run', '--format', 'github');
  expect([code, stdout]).toEqual([
    1,
    expect.stringMatching(
      /^::error file=db\/0001_t\.sql,line=5,title=trueup apply-fails::[^\n]*t has no column note/,
    ),
  ]);
});

test('formats that do not go together', async () => {
  const folder = repository(FINE);
  for (const options of [
    ['--json', '--format', 'sarif'],
    ['--format', 'html'],
    ['--docs-url', 'https://example.com'],
    ['--format', 'sarif', '--docs-url', 'javascript:x'],
  ])
    expect((await check(folder, ...options)).code).toBe(2);
});
