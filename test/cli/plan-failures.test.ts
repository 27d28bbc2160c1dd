/** `plan --format markdown` prints a document for every failure: a step summary, or a comment that replaces an older one. */
import { randomBytes } from 'node:crypto';
import { beforeAll, describe, expect, test } from 'vitest';
import { connect, createDatabase, urlOf } from '../support/database';
import { repository } from '../support/repository';
import { type Ran, trueup } from './trueup';

const SECRET = 'c4n4ry-p4ssw0rd';
const MIGRATION = `-- migrate:up
CREATE TABLE t (id int PRIMARY KEY, note text);

-- migrate:verify
SELECT trueup.has_column('t', 'id');
`;

const plan = (args: readonly string[], cwd: string, env: NodeJS.ProcessEnv = {}): Promise<Ran> =>
  trueup(['plan', '--format', 'markdown', ...args], { cwd, env });

/** Returns the exit code, and what follows the heading. */
function readReason({ code, stdout, stderr }: Ran): { readonly code: number; readonly reason: string } {
  const [, reason] =
    /^<!-- trueup plan (?:nowhere\/)?db -->\n## Trueup: no plan could be made for `db`\n\n(- \*\*Error\*\* .*)\n$/s.exec(
      stdout,
    ) ?? [];
  expect(reason, stdout + stderr).toBeDefined();
  expect(stderr).toBe('');
  expect(stdout).not.toContain(SECRET);
  return { code, reason: reason! };
}

describe('nothing was tried', () => {
  let folder: string;
  beforeAll(() => {
    folder = repository({ 'db/0001_t.sql': MIGRATION });
  });

  test.each([
    [['nowhere/db', '--since', 'base'], 2, 'there is no folder nowhere/db'],
    [['db'], 2, 'no database was given'],
    [['db', '--since', 'base', '--workload', 'none.sql'], 2, 'there is no file none.sql'],
    [['db', '--since', 'nowhere'], 2, 'this repository has no commit nowhere'],
    [['db', '--since', 'base', '--major', '12'], 2, 'there is no embedded PostgreSQL 12'],
    [['db', '--database-url', `app:${SECRET}@host`], 2, 'the URL in --database-url does not begin with'],
    [['db', '--database-url', `postgres://app:${SECRET}@h:port/x`], 2, 'the URL in --database-url cannot'],
    [['db', '--database-url', `postgres://app:${SECRET}@127.0.0.1:1/x`], 5, 'nothing listens'],
    [['db', '--database-url', `postgres://app:12/${SECRET}@h:1/x`], 2, 'in the name of the database'],
    [['db', '--database-url', `postgres:///app:${SECRET}@h/x`], 2, 'in the name of the database'],
    [['db', '--database-url', `postgres://localhost/app:${SECRET}@h`], 2, 'in the name of the database'],
    [['db', '--stack', 'Shop'], 2, 'the stack Shop cannot be read'],
  ] as const)('%j: %i, %s', async (args, code, words) => {
    const env = {
      AWS_ENDPOINT_URL: 'http://127.0.0.1:1',
      AWS_REGION: 'us-east-1',
      AWS_ACCESS_KEY_ID: 'test',
      AWS_SECRET_ACCESS_KEY: SECRET,
    };
    expect(readReason(await plan(args, folder, env))).toEqual({
      code,
      reason: expect.stringContaining(words),
    });
  });

  test('options that cannot be combined are a usage error on standard error', async () => {
    const { code, stdout, stderr } = await plan(['--since', 'base', '--stack', 'Shop', 'db'], folder);
    expect([code, stdout, stderr]).toEqual([2, '', expect.stringContaining('--since cannot be combined')]);
  });
});

describe('a database', () => {
  let url: string;
  let folder: string;
  beforeAll(async () => {
    url = await createDatabase();
    folder = repository({ 'db/0001_t.sql': MIGRATION });
    const { code, stderr } = await trueup(['up', '--database-url', url, 'db'], { cwd: folder });
    expect(code, stderr).toBe(0);
  });
  const planOn = async (at: string, cwd = folder) =>
    readReason(await plan(['--database-url', at, 'db'], cwd));

  test('a plan has the same first line', async () => {
    const { code, stdout } = await plan(['--database-url', url, 'db'], folder);
    expect([code, stdout]).toEqual([
      0,
      expect.stringMatching(/^<!-- trueup plan (?:nowhere\/)?db -->\n## Trueup: nothing to do in `db`\n/),
    ]);
  });

  test('the server rejects the login', async () => {
    expect(await planOn(urlOf(url, { password: SECRET }))).toEqual({
      code: 5,
      reason: expect.stringContaining('the database refused the password (SQLSTATE 28P01)'),
    });
  });

  test('the login may not read the ledger', async () => {
    const client = await connect(url);
    const user = `stranger_${randomBytes(4).toString('hex')}`;
    await client.query(`CREATE ROLE ${user} LOGIN PASSWORD '${SECRET}'`);
    try {
      expect(await planOn(urlOf(url, { user, password: SECRET }))).toEqual({
        code: 1,
        reason: expect.stringMatching(/may not read Trueup's ledger .*\(SQLSTATE 42501\)/),
      });
    } finally {
      await client.query(`DROP ROLE ${user}`);
    }
  });

  test('the ledger refuses a file that was edited', async () => {
    const edited = repository({ 'db/0001_t.sql': MIGRATION.replace('note text', 'note varchar') });
    expect(await planOn(url, edited)).toEqual({
      code: 1,
      reason: expect.stringMatching(/^- \*\*Error\*\* `0001_t`, .* was edited after it was applied/),
    });
  });

  test('files that do not compile', async () => {
    const broken = repository({ 'db/0001_t.sql': MIGRATION, 'db/0002_x.sql': '-- migrate:up\nSELEC 1;\n' });
    expect(await planOn(url, broken)).toEqual({
      code: 1,
      reason: expect.stringMatching(
        /^- \*\*Error\*\* \d problems? in db\n.*\n\n- `0002_x\.sql:2:1`: syntax error at or near "SELEC"/s,
      ),
    });
  });

  test('the server raises an error', async () => {
    const other = await createDatabase();
    await trueup(['up', '--database-url', other, 'db'], { cwd: folder });
    await (await connect(other)).query(`
      ALTER TABLE trueup.migrations RENAME TO hidden;
      CREATE VIEW trueup.migrations AS SELECT * FROM trueup.hidden WHERE 1 / (length(name) - length(name)) = 1;`);
    expect(await planOn(other)).toEqual({ code: 1, reason: expect.stringContaining('(SQLSTATE 22012)') });
  });
});

test('the mark distinguishes folders, and no name can end it', async () => {
  const { stdout } = await plan(['--namespace', 'a --> <b>'], repository({ 'w.sql': '' }));
  expect(stdout.split('\n')[0]).toBe('<!-- trueup plan a%20--%3E%20%3Cb%3E -->');
});
