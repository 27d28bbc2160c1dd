/** `check --run --workload`: what the application sends must plan after the last migration, and the one that broke it is named. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { majors } from '../support/database';
import { trueup } from './trueup';

const scratch = mkdtempSync(join(tmpdir(), 'trueup-test-'));
afterAll(() => rmSync(scratch, { recursive: true }));

const WORKLOAD = `-- role app; calls 12; search_path public
INSERT INTO customers (email) VALUES ($1) ON CONFLICT (email) DO NOTHING;
-- role app; calls 3; search_path public
SELECT id, note FROM customers WHERE email = $1;
-- role app; calls 1; search_path public
SELECT id FROM never;
`;

const check = async (major: number, workload: string, ...ups: string[]) => {
  const folder = mkdtempSync(join(scratch, 'f-'));
  const migrations = join(folder, 'migrations');
  mkdirSync(migrations);
  ups.forEach((up, i) => {
    writeFileSync(
      join(migrations, `000${i + 1}_step.sql`),
      `-- migrate:consent destroys x\n-- migrate:consent rewrites x\n-- migrate:no-verify x\n-- migrate:up\n${up}\n`,
    );
  });
  const file = join(folder, 'shop.sql');
  writeFileSync(file, workload);
  return trueup(['check', '--run', '--json', '--major', String(major), '--workload', file, migrations]);
};

describe.each(majors())('PostgreSQL %i', (major) => {
  test('what does not plan at the end fails, with the migration that broke it', async () => {
    const { code, stdout } = await check(
      major,
      WORKLOAD,
      'CREATE TABLE customers (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, email text, note text);\nCREATE UNIQUE INDEX customers_email ON customers (email);',
      'ALTER TABLE customers RENAME COLUMN note TO remark;',
      'DROP INDEX CONCURRENTLY customers_email;',
      'CREATE TABLE other (id int);',
    );
    const { run } = JSON.parse(stdout);
    const seen = run.workloadCheck.broken.map(
      ({ verdict, brokenBy }: { verdict: { sqlstate: string }; brokenBy?: string }) => [
        verdict.sqlstate,
        brokenBy,
      ],
    );
    expect(seen).toEqual([
      ['42P10', '0003_step'],
      ['42703', '0002_step'],
      ['42P01', undefined],
    ]);
    expect(code).toBe(1);
  });

  test('what is taken away and put back on the way is not judged by its middle', async () => {
    const { code, stdout } = await check(
      major,
      'SELECT id, note FROM customers WHERE email = $1;',
      'CREATE TABLE customers (id int PRIMARY KEY, email text, note text);',
      'ALTER TABLE customers DROP COLUMN note;',
      'ALTER TABLE customers ADD COLUMN note text;',
    );
    expect([code, JSON.parse(stdout).run.workloadCheck]).toMatchObject([0, { plan: 1, broken: [] }]);
  });
});
