/** `up --workload`: what the application sends is guarded from the first deployment that succeeds on. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { createDatabase, majors } from '../support/database';
import { trueup } from './trueup';

const scratch = mkdtempSync(join(tmpdir(), 'trueup-test-'));
afterAll(() => rmSync(scratch, { recursive: true }));

/** A folder of migrations, and a way to run `up` with this workload. */
function project(url: string) {
  const folder = mkdtempSync(join(scratch, 'p-'));
  mkdirSync(join(folder, 'migrations'));
  const withWorkload =
    (command: 'plan' | 'up') =>
    (workload: string, ...options: string[]) => {
      const file = join(folder, 'shop.sql');
      writeFileSync(file, workload);
      return trueup([
        command,
        '--database-url',
        url,
        '--workload',
        file,
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

const FIRST = `-- migrate:unproved a test
-- migrate:up
CREATE TABLE customers (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, email text NOT NULL, note text);
`;
const RENAME = `-- migrate:unproved a test
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
        'Nothing of it was kept. Make it two deployments',
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
  migration('0003_other', '-- migrate:unproved a test\n-- migrate:up\nCREATE TABLE other (id int);\n');
  migration(
    '0004_code',
    `-- migrate:consent destroys a test\n-- migrate:consent rewrites a test\n-- migrate:unproved a test
-- migrate:up\nDO $$ BEGIN PERFORM 1; END $$;\n`,
  );
  const workload = `${OLD}-- role shop; calls 2\nSELECT fax FROM customers;\nSELECT $1 + $2, count(*) FROM customers;\n`;
  // Which operator + is meant nobody can tell, so what that statement touches is not known.
  const { stdout, code } = await plan(workload);
  expect(code).toBe(0);
  expect(stdout).toContain('workload: 3 statements, 1 plans, 1 fails now, 1 undecided.');
  expect(stdout).toContain('fails now [SQLSTATE 42703]: SELECT fax FROM customers');
  expect(stdout).toContain(`0002_remark touches 1 of them.
  - SELECT id, note FROM customers WHERE email = $1 (role shop, 88 calls)`);
  expect(stdout).toContain('0003_other touches none of them.');
  expect(stdout).toContain('0004_code touches none of them; it also holds code that cannot be seen through.');
  const json = JSON.parse((await plan(workload, '--json')).stdout);
  expect(json.workload.touched.map(({ statements }: { statements: unknown[] }) => statements.length)).toEqual(
    [1, 0, 0],
  );
  expect(await plan(workload, '--stack', 'Shop')).toMatchObject({ code: 2 });
});

test('a workload that cannot be used is said before anything is run', async () => {
  const { migration, up } = project('postgres://nobody@127.0.0.1:1/nowhere');
  migration('0001_customers', FIRST);
  const { code, stderr } = await up('SELECT id FROM customers;\nDROP TABLE customers;\n');
  expect([code, stderr]).toEqual([2, expect.stringMatching(/shop\.sql:2: a command that is not planned/)]);
});
