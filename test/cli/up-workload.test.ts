/** `up --workload`: what the application sends is guarded from the first deployment that succeeds on. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { connect, createDatabase, majors } from '../support/database';
import { trueup } from './trueup';

const scratch = mkdtempSync(join(tmpdir(), 'trueup-test-'));
afterAll(() => rmSync(scratch, { recursive: true }));

/** A folder of migrations, and a way to run `up` with this workload. */
function project(url: string) {
  const folder = mkdtempSync(join(scratch, 'p-'));
  mkdirSync(join(folder, 'migrations'));
  const withWorkload =
    (command: 'plan' | 'up') =>
    (workload: string | null, ...options: string[]) => {
      const file = join(folder, 'shop.sql');
      writeFileSync(file, workload ?? '');
      return trueup([
        command,
        '--database-url',
        url,
        ...(workload === null ? [] : ['--workload', file]),
        ...options,
        join(folder, 'migrations'),
      ]);
    };
  return {
    migration: (name: string, text: string) => writeFileSync(join(folder, 'migrations', `${name}.sql`), text),
    plan: withWorkload('plan'),
    up: withWorkload('up'),
  };
}

const FIRST = `-- migrate:no-verify a test
-- migrate:up
CREATE TABLE customers (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, email text NOT NULL, note text);
`;
const RENAME = `-- migrate:no-verify a test
-- migrate:up
ALTER TABLE customers RENAME COLUMN note TO remark;
`;
const OLD = '-- role shop; calls 88\nSELECT id, note FROM customers WHERE email = $1;\n';
const NEW = '-- role shop; calls 88\nSELECT id, remark FROM customers WHERE email = $1;\n';

describe.each(majors())('PostgreSQL %i', (major) => {
  test('a rename with its query and its workload in one step is refused, and passes with consent', async () => {
    const { migration, up } = project(await createDatabase(major));
    migration('0001_customers', FIRST);
    const first = await up(OLD);
    expect([first.code, first.stdout]).toEqual([
      0,
      expect.stringMatching(
        /1 migration applied, .*; at 0001_customers; 1 of 1 statement of the workload plans\.\n$/,
      ),
    ]);
    migration('0002_remark', RENAME);
    const refused = await up(NEW);
    expect(refused.code).toBe(1);
    expect(refused.stderr.replace(/\s+/g, ' ')).toContain(
      'error: 0002_remark: 1 statement that the running application sends would no longer work [SQLSTATE 42703] ' +
        '- SELECT id, note FROM customers WHERE email = $1 (role shop, 88 calls seen): a column that it names does not exist [SQLSTATE 42703] ' +
        'Nothing of this migration was applied. Make it two deployments',
    );
    migration('0002_remark', `-- migrate:consent breaks nobody reads notes\n${RENAME}`);
    const passed = await up(NEW, '--json');
    expect([passed.code, JSON.parse(passed.stdout).report.workload]).toMatchObject([
      0,
      {
        running: 1,
        deployed: { statements: 1, plan: 1 },
        broken: [{ as: 'consent', migration: '0002_remark', sqlstate: '42703', calls: 88, role: 'shop' }],
      },
    ]);
    const again = await up(NEW);
    expect([again.code, again.stdout]).toEqual([0, expect.stringContaining('nothing to do; at 0002_remark')]);
  });
});

test('plan says what each migration touches, what fails now, and what is not known', async () => {
  const { migration, up, plan } = project(await createDatabase());
  migration('0001_customers', FIRST);
  await up(OLD);
  migration('0002_remark', RENAME);
  migration('0003_other', '-- migrate:no-verify a test\n-- migrate:up\nCREATE TABLE other (id int);\n');
  migration(
    '0004_code',
    `-- migrate:consent destroys a test\n-- migrate:consent rewrites a test\n-- migrate:no-verify a test
-- migrate:up\nDO $$ BEGIN PERFORM 1; END $$;\n`,
  );
  const workload = `${OLD}-- role shop; calls 2\nSELECT fax FROM customers;\nSELECT $1 + $2, count(*) FROM customers;\n`;
  // Which operator + is meant nobody can tell, so what that statement touches is not known.
  const { stdout, code } = await plan(workload);
  expect(code).toBe(0);
  expect(stdout).toContain('workload: 3 statements, 1 plans, 1 fails now, 1 undecided.');
  expect(stdout).toContain('fails now [SQLSTATE 42703]: SELECT fax FROM customers');
  expect(stdout).toContain(`0002_remark affects 1 of them.
  - SELECT id, note FROM customers WHERE email = $1 (role shop, 88 calls)`);
  expect(stdout).toContain('0003_other affects none of them.');
  expect(stdout).toContain('0004_code affects none of them; it also contains code that cannot be analyzed.');
  const json = JSON.parse((await plan(workload, '--json')).stdout);
  expect(json.workload.touched.map(({ statements }: { statements: unknown[] }) => statements.length)).toEqual(
    [1, 0, 0],
  );
  expect(await plan(workload, '--stack', 'Shop')).toMatchObject({ code: 2 });
});

test('a promise goes with --remove-workload, and never for want of a file', async () => {
  const url = await createDatabase();
  const { migration, up } = project(url);
  migration('0001_customers', FIRST);
  await up(OLD);
  const promise = async () =>
    (await (await connect(url)).query('SELECT workload IS NULL AS gone FROM trueup.namespaces')).rows[0].gone;
  expect(await up('-- nothing\n')).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('has no statements'),
  });
  expect(await up(OLD, '--remove-workload')).toMatchObject({ code: 2 });
  expect(await promise()).toBe(false);
  const bare = await up(null, '--remove-workload');
  expect([bare.code, await promise()]).toEqual([0, true]);
});

test('what is undecided is said with its reason, and more than --max-undecided of it fails', async () => {
  const { migration, up } = project(await createDatabase());
  migration('0001_customers', FIRST);
  const workload = `${OLD}SELECT $1 + $2, count(*) FROM customers;\n`;
  const first = await up(workload);
  expect(first.code).toBe(1);
  expect(first.stdout).toContain('1 of 2 statements of the workload plans, 1 undecided.');
  expect(first.stderr.replace(/\s+/g, ' ')).toContain(
    '1 of 2 statements of the workload is undecided (1: several functions or operators match',
  );
  expect(first.stderr).toContain('Too much is undecided: 50 %, and --max-undecided is 30 %.');
  migration('0002_phone', `${FIRST.split('CREATE')[0]}ALTER TABLE customers ADD COLUMN phone text;\n`);
  const second = await up(workload, '--max-undecided', '50', '--guard-time', '1m');
  expect([second.code, second.stderr.replace(/\s+/g, ' ')]).toEqual([
    0,
    expect.stringContaining(
      'a statement that a pending file touches was already undecided before this deployment',
    ),
  ]);
});

test('a workload that cannot be used is said before anything is run', async () => {
  const { migration, up } = project('postgres://nobody@127.0.0.1:1/nowhere');
  migration('0001_customers', FIRST);
  const { code, stderr } = await up('SELECT id FROM customers;\nDROP TABLE customers;\n');
  expect([code, stderr]).toEqual([
    2,
    expect.stringMatching(/shop\.sql:2: a command that PostgreSQL does not plan/),
  ]);
});
