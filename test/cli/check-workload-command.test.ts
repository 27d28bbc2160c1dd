/** `trueup check-workload` against real servers, as a process. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { connect, createDatabase, majors } from '../support/database';
import { trueup } from './trueup';

const scratch = mkdtempSync(join(tmpdir(), 'trueup-test-'));
afterAll(() => rmSync(scratch, { recursive: true }));

const workload = (text: string): string => {
  const file = join(mkdtempSync(join(scratch, 'w-')), 'shop.sql');
  writeFileSync(file, text);
  return file;
};

const database = async (major: number, schema: string): Promise<string> => {
  const url = await createDatabase(major);
  await (await connect(url)).query(schema);
  return url;
};

const FINE = '-- role app; calls 5; search_path public\nSELECT id FROM customers WHERE email = $1;\n';
const CUSTOMERS = 'CREATE TABLE customers (id int PRIMARY KEY, email text, name text NOT NULL)';

describe.each(majors())('PostgreSQL %i', (major) => {
  test('what plans is counted, and what fails is said with calls, cause and repair', async () => {
    const url = await database(major, CUSTOMERS);
    const file = workload(
      `${FINE}
-- role app; calls 7; search_path public
INSERT INTO customers (id, email, name) VALUES ($1, $2, $3) ON CONFLICT (email) DO NOTHING;
-- role app; calls 90; search_path public
INSERT INTO customers (id, email) VALUES ($1, $2);
-- role app; calls 1; search_path public
SELECT age FROM customers;
`,
    );
    const { code, stdout } = await trueup(['check-workload', '--database-url', url, '--workload', file]);
    expect(stdout).toMatch(/^would fail {2}23502 {2}90 calls, sent by app\n/);
    expect(stdout).toContain('a column that must have a value gets none (public.customers: name)');
    expect(stdout).toMatch(/fails {2}42P10 {2}7 calls[\s\S]*email[\s\S]*CREATE UNIQUE INDEX/);
    expect(stdout).toContain('a column that it names does not exist');
    expect(stdout).toMatch(/: 4 statements, 1 plans, 3 broken, none undecided\.\n$/);
    expect(code).toBe(4);
    const json = JSON.parse(
      (await trueup(['check-workload', '--json', '--database-url', url, '--workload', file])).stdout,
    );
    expect(json).toMatchObject({ statements: 4, plan: 1, undecided: [], hidden: 0 });
    expect(json.broken.map(({ calls }: { calls: number }) => calls)).toEqual([90, 7, 1]);
  });

  test('nothing is wrong: 0; too much is undecided, or there is nothing: 1', async () => {
    const url = await database(major, CUSTOMERS);
    const run = (text: string, ...more: string[]) =>
      trueup(['check-workload', '--database-url', url, '--workload', workload(text), ...more]);
    expect(await run(FINE)).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('1 plans, none broken'),
    });
    const grouped = `${FINE}SELECT left(name, 1) FROM customers GROUP BY left(name, 2);\n`;
    expect(await run(grouped)).toMatchObject({
      code: 1,
      stdout: expect.stringContaining('Too much is undecided: 50 %'),
    });
    expect(await run(grouped, '--max-undecided', '50')).toMatchObject({ code: 0 });
    expect(await run('')).toMatchObject({ code: 2, stdout: '' });
    expect(await run(FINE, '--max-undecided', 'all')).toMatchObject({ code: 2 });
  });
});

test('a database that cannot be reached: 5', async () => {
  const { code } = await trueup([
    'check-workload',
    '--database-url',
    'postgres://app@127.0.0.1:1/shop',
    '--workload',
    workload(FINE),
  ]);
  expect(code).toBe(5);
});

test('without pg_stat_statements a file is asked for', async () => {
  const url = await createDatabase();
  const { code, stderr } = await trueup(['check-workload', '--database-url', url]);
  expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringContaining('pg_stat_statements') });
});
