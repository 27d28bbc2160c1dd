/** What real servers remember and log of an application, and nothing of its values. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type PostgresServer, startPostgres } from '../../lib/scratch-postgres/server';
import { trueup } from '../cli/trueup';
import { majors } from '../support/database';
import { RDS_PREFIX } from '../support/log-server';

const scratch = mkdtempSync(join(tmpdir(), 'trueup-workload-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

/** Everything that an application and its administrator send, each value marked. */
const SENT: readonly (readonly [sql: string, params?: readonly unknown[]])[] = [
  ["SELECT id, email FROM customers WHERE email = 'MARK1' -- MARK2"],
  ['SELECT id, email FROM customers WHERE email = $1', ['MARK3']],
  ["SELECT count(*) FROM customers GROUP BY 1 = 1, 'MARK4' || email"],
  ["SELECT id FROM customers WHERE created > now() - interval '77777 seconds'"],
  [
    "INSERT INTO customers (email) VALUES ('MARK5'), ('MARK6') ON CONFLICT (email) DO UPDATE SET email = 'MARK7'",
  ],
  ["UPDATE customers SET email = 'MARK8' WHERE id IN (77777, 77778)"],
  ["DELETE FROM customers WHERE email = E'MARK9' /* MARK10 */"],
  ["ALTER ROLE reporter PASSWORD 'MARK11'"],
  ["COMMENT ON TABLE customers IS 'MARK12'"],
  ["DO $$ BEGIN PERFORM 'MARK13'; END $$"],
  ["SET application_name = 'MARK14'"],
  ["CREATE TEMPORARY TABLE t AS SELECT 'MARK15'::text"],
  ["PREPARE p AS SELECT id FROM customers WHERE email = 'MARK16'"],
  ['EXECUTE p'],
  ["DECLARE c CURSOR WITH HOLD FOR SELECT id FROM customers WHERE email = 'MARK17'"],
  ["CALL remember('MARK18')"],
  ["BEGIN; UPDATE customers SET email = 'MARK19' WHERE id = 77777; COMMIT"],
];

const EXPECTED = [
  'DELETE FROM customers WHERE email = $1',
  'SELECT id, email FROM customers WHERE email = $1',
  'SELECT id FROM customers WHERE created > now() - $1::interval',
  'UPDATE customers SET email = $1 WHERE id = $2',
];

describe.each(majors())('PostgreSQL %i', (major) => {
  let server: PostgresServer;
  let database: string;

  beforeAll(async () => {
    server = await startPostgres({
      major,
      settings: {
        shared_preload_libraries: 'pg_stat_statements',
        log_statement: 'all',
        log_line_prefix: RDS_PREFIX,
        logging_collector: 'on',
        log_destination: major >= 15 ? 'stderr,csvlog,jsonlog' : 'stderr,csvlog',
        log_directory: 'log',
        log_filename: 'postgresql.log',
      },
    });
    database = server.url('shop');
    await session(server.url(), [['CREATE DATABASE shop']]);
    await session(database, [
      [
        `CREATE EXTENSION pg_stat_statements;
         CREATE ROLE app LOGIN PASSWORD 'app' SUPERUSER; CREATE ROLE reporter LOGIN PASSWORD 'app';
         ALTER ROLE app IN DATABASE shop SET search_path = shop, public;
         CREATE TABLE customers (id bigserial PRIMARY KEY, email text UNIQUE, created timestamptz DEFAULT now());
         CREATE PROCEDURE remember(text) LANGUAGE sql AS 'SELECT 1'`,
      ],
      ['SELECT pg_stat_statements_reset()'],
    ]);
    await session(server.url('shop', 'app', 'app'), SENT);
  });
  afterAll(() => server.stop());

  async function session(url: string, statements: typeof SENT): Promise<void> {
    const client = new Client({ connectionString: url });
    await client.connect();
    for (const [sql, params] of statements) await client.query(sql, params as unknown[]);
    await client.end();
  }

  test('pg_stat_statements: statements with role, search path and calls, and no value', async () => {
    const { code, stdout, stderr } = await trueup(['workload', '--database-url', database]);
    expect({ code, stderr }).toEqual({
      code: 0,
      stderr: expect.stringMatching(/left out: \d+ × a command that PostgreSQL does not plan/),
    });
    expect(`${stdout}${stderr}`).not.toMatch(/MARK|7777/);
    for (const statement of EXPECTED) expect(stdout).toContain(statement);
    expect(stdout).toContain(
      '-- role app; calls 2; search_path shop, public\nSELECT id, email FROM customers WHERE email = $1;\n',
    );
    // The same input gives the same bytes, and a workload is its own input.
    const file = join(scratch, `${major}.sql`);
    writeFileSync(file, stdout);
    expect((await trueup(['workload', file])).stdout).toBe(stdout);
    const again = await trueup(['workload', file, '--database-url', database, '--output', file]);
    expect(again.stderr).toMatch(new RegExp(`^\\d+ statements in ${file}\\.`));
    for (const statement of EXPECTED) expect(readFileSync(file, 'utf8')).toContain(statement);
  });

  test('what other roles sent is hidden from a role without the right, and said', async () => {
    const url = server.url('shop', 'reporter', 'MARK11');
    const { code, stderr } = await trueup(['workload', '--database-url', url]);
    expect(code).toBe(0);
    expect(stderr).toMatch(
      /not checked: \d+ statements of other roles; GRANT pg_read_all_stats TO reporter; shows them/,
    );
    const { hidden, statements } = JSON.parse(
      (await trueup(['workload', '--json', '--database-url', url])).stdout,
    ) as { hidden: number; statements: unknown[] };
    expect(hidden).toBeGreaterThan(5);
    expect(statements).toEqual([]);
  });

  test('what it holds is rehearsed where it was sent, and the values stay out', async () => {
    const { code, stdout, stderr } = await trueup(['check-workload', '--json', '--database-url', database]);
    const { statements, broken } = JSON.parse(stdout) as { statements: number; broken: unknown[] };
    expect({ code, broken, stderr }).toEqual({ code: 0, broken: [], stderr: '' });
    expect(statements).toBeGreaterThan(5);
    expect(stdout).not.toMatch(/MARK|7777/);
  });

  test('logs of every form tell the same, and no value', async () => {
    const folder = join(server.dataDirectory, 'log');
    const logs = readdirSync(folder).filter((name) => /^postgresql\.(log|csv|json)$/.test(name));
    expect(logs).toHaveLength(major >= 15 ? 3 : 2);
    const written = await Promise.all(
      logs.map((name) => trueup(['workload', '--log', join(folder, name), '--log-database', 'shop'])),
    );
    for (const { code, stdout, stderr } of written) {
      expect(code).toBe(0);
      expect(`${stdout}${stderr}`).not.toMatch(/MARK|7777/);
      for (const statement of EXPECTED) expect(stdout).toContain(statement);
    }
    expect(new Set(written.map(({ stdout }) => stdout)).size).toBe(1);
  });

  test('a database without the extension is one clear sentence', async () => {
    const { code, stderr } = await trueup(['workload', '--database-url', server.url()]);
    expect(code).toBe(2);
    expect(stderr).toMatch(/no extension pg_stat_statements[\s\S]*shared_preload_libraries/);
  });
});

test.each([
  [['workload'], /no database was given/],
  [['workload', 'nosuch.sql'], /there is no file nosuch\.sql/],
  [['workload', 'docs'], /docs is a folder/],
  [['workload', '--log', 'package.json'], /no line of package\.json has the format of a PostgreSQL log/],
  [
    ['workload', 'migrations/courses/0001_as_found.sql'],
    /0001_as_found\.sql:\d+: one of Trueup's own statements/,
  ],
  [['workload', 'test/workload/sources.test.ts'], /sources\.test\.ts:2: syntax error/],
])('wrong use: %j', async (args, sentence) => {
  const { code, stdout, stderr } = await trueup(args);
  expect(stderr).toMatch(sentence);
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
});
