/** `plan --since`: what a pull request would do, tried on a server of its own; as markdown and as JSON. */
import { describe, expect, test } from 'vitest';
import { majors } from '../support/database';
import { git, repository, write } from '../support/repository';
import { trueup } from './trueup';

const BASE = {
  'db/0001_t.sql':
    "-- migrate:up\nCREATE TABLE t (id int PRIMARY KEY, note text);\n\n-- migrate:verify\nSELECT trueup.has_column('t', 'id');\n",
  'w.sql': '-- role app; calls 3\nSELECT id, note FROM t WHERE id = $1;\n',
};
const ADD =
  "-- migrate:up\nALTER TABLE t ADD COLUMN age int;\n\n-- migrate:verify\nSELECT trueup.has_column('t', 'age');\n";

const plan = (folder: string, ...options: string[]) => trueup(['plan', ...options, 'db'], { cwd: folder });

describe.each(majors())('PostgreSQL %i', (major) => {
  const since = ['--since', 'base', '--major', String(major)];

  test('a change that is fine', async () => {
    const folder = repository(BASE, { 'db/0002_age.sql': ADD });
    const markdown = await plan(folder, ...since, '--workload', 'w.sql', '--format', 'markdown');
    expect([markdown.code, markdown.stderr]).toEqual([0, '']);
    expect(markdown.stdout).toMatch(/^<!-- trueup plan db -->\n## Trueup: 1 step in `db`\n/);
    expect(markdown.stdout).toMatch(
      /All steps were applied to an empty PostgreSQL \d+\S*, and every verify section passes\./,
    );
    expect(markdown.stdout).toContain('**Workload after the last step**: 1 statement, 1 plans, none fails');
    expect(markdown.stdout).toContain('### `0002_age`: apply');
    expect(markdown.stdout).toContain('- line 2 `ALTER TABLE`: `ACCESS EXCLUSIVE on t`');
    expect(markdown.stdout).toContain("SELECT trueup.has_column('t', 'age')");
    expect(markdown.stdout).toContain('Cannot be undone: it has no down section.');
  });

  test('a change that breaks a statement of the running application', async () => {
    const folder = repository(BASE, {
      'db/0002_gone.sql':
        '-- migrate:consent drop-column nobody reads it\n-- migrate:no-verify it is gone\n-- migrate:up\nALTER TABLE t DROP COLUMN note;\n',
    });
    const { code, stdout } = await plan(folder, ...since, '--workload', 'w.sql', '--json');
    const { steps, trial, workload, sections } = JSON.parse(stdout);
    expect([code, steps.length, trial.error.code, trial.error.sqlstate]).toEqual([1, 1, 'workload', '42703']);
    expect(workload).toMatchObject({ statements: 1, plan: 1, failing: [] });
    expect(sections).toEqual([
      { migration: '0002_gone', verify: [], withoutVerify: 'it is gone', undo: 'none', down: [] },
    ]);
  });
});

test('all is well: nothing changed', async () => {
  const { code, stdout } = await plan(repository(BASE), '--since', 'base', '--format', 'markdown');
  expect([code, stdout]).toEqual([0, expect.stringContaining('## Trueup: nothing to do in `db`')]);
});

test('files that do not compile, and an edited one', async () => {
  const folder = repository(BASE, { 'db/0002_x.sql': '-- migrate:up\nSELEC @everyone;\n' });
  const broken = await plan(folder, '--since', 'base', '--format', 'markdown');
  expect([broken.code, broken.stdout]).toEqual([
    1,
    expect.stringMatching(
      /## Trueup: no plan could be made for `db`\n\n- \*\*Error\*\* \d problems? in db\n/,
    ),
  ]);
  const edited = repository(BASE);
  write(edited, { 'db/0001_t.sql': BASE['db/0001_t.sql'].replace('note text', 'note varchar') });
  const { code, stdout } = await plan(edited, '--since', 'base', '--format', 'markdown');
  expect([code, stdout]).toEqual([1, expect.stringContaining('was edited after it was applied')]);
});

test('what does not go together, in a sentence', async () => {
  const folder = repository(BASE);
  const url = 'postgres://app@127.0.0.1:1/x';
  for (const [options, words] of [
    [['--since', 'base', '--database-url', url], '--since cannot be combined with --database-url'],
    [['--since', 'base', '--stack', 'Shop'], '--since cannot be combined with --stack'],
    [['--major', '18'], '--major requires --since'],
    [['--since', 'nowhere'], 'has no commit nowhere'],
  ] as const)
    expect(await plan(folder, ...options)).toMatchObject({ code: 2, stderr: expect.stringContaining(words) });
  expect(await plan(folder, '--json', '--format', 'markdown')).toMatchObject({
    code: 2,
    stdout: expect.stringContaining('--json cannot be combined with --format markdown'),
  });
  git(folder, 'checkout', '-q', '--orphan', 'alone');
  git(folder, 'commit', '-qm', 'alone');
  expect(await plan(folder, '--since', 'base')).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('base and HEAD have no commit in common\n'),
  });
});
