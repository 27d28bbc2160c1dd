/** A change of one row, found by its primary key, is no reason to ask for consent behind a lock. */
import { expect, test } from 'vitest';
import { compile, file, problemsOf } from '../support';

const KEYED = 'CREATE TABLE counters (k text PRIMARY KEY, n int); CREATE TABLE orders (id int)';
const files = (change: string, tables = KEYED, between = 'SELECT 1') => ({
  '0001_tables.sql': file(tables),
  '0002_between.sql': `-- migrate:consent destroys a test\n-- migrate:consent breaks a test\n${file(between)}`,
  '0003_change.sql': file(`ALTER TABLE orders ADD COLUMN note text; ${change}`),
});
const TWO = 'CREATE TABLE counters (a int, b int, n int, PRIMARY KEY (b, a)); CREATE TABLE orders (id int)';

test.each<[change: string, tables?: string, between?: string]>([
  ["UPDATE counters SET n = 1 WHERE k = 'c2'"],
  ["UPDATE counters SET n = n + 1 WHERE 'c2'::text = counters.k"],
  ["UPDATE counters c SET n = 1 WHERE c.k = 'c2' AND c.n = 0"],
  ["UPDATE counters SET n = 1 WHERE k = 'c2' AND n > 3 AND (n < 9 OR n IS NULL)"],
  ['UPDATE counters SET n = 1 WHERE a = 1 AND b = 2', TWO],
  [
    "UPDATE counters SET n = 1 WHERE k = 'c2'",
    'CREATE TABLE counters (k text, n int); ALTER TABLE counters ADD CONSTRAINT ck PRIMARY KEY (k); CREATE TABLE orders (id int)',
  ],
])('passes: %s', async (change, tables) => {
  expect((await compile(files(change, tables))).migrations).toHaveLength(3);
});

test.each<[change: string, tables?: string, between?: string]>([
  ['UPDATE counters SET n = 1 WHERE n = 2'],
  ['UPDATE counters SET n = 1'],
  ["UPDATE counters SET n = 1 WHERE k = 'a' OR k = 'b'"],
  ["UPDATE counters SET n = 1 WHERE k > 'a'"],
  ["UPDATE counters SET n = 1 WHERE k IN ('a', 'b')"],
  ['UPDATE counters SET n = 1 WHERE k = k'],
  ["UPDATE counters SET n = (SELECT count(*) FROM orders) WHERE k = 'a'"],
  ["UPDATE counters SET n = o.id FROM orders o WHERE k = 'a'"],
  ["UPDATE counters SET n = 1 WHERE k = 'a' AND EXISTS (SELECT FROM orders)"],
  ["UPDATE counters SET n = 1 WHERE NOT (k = 'a' AND n = 1)"],
  ['UPDATE counters SET n = 1 WHERE a = 1', TWO],
  ['UPDATE counters SET n = 1 WHERE a = 1 AND (b = 2 OR b = 3)', TWO],
  [
    "UPDATE counters SET n = 1 WHERE k = 'a'",
    'CREATE TABLE counters (k text, n int); CREATE TABLE orders (id int)',
  ],
  [
    "UPDATE counters SET n = 1 WHERE k = 'a'",
    'CREATE TABLE IF NOT EXISTS counters (k text PRIMARY KEY, n int); CREATE TABLE orders (id int)',
  ],
  ["UPDATE counters SET n = 1 WHERE k = 'a'", `${KEYED}; CREATE TABLE more () INHERITS (counters)`],
  ["UPDATE counters SET n = 1 WHERE k = 'a'", KEYED, 'ALTER TABLE counters DROP CONSTRAINT counters_pkey'],
  [
    "UPDATE counters SET n = 1 WHERE k = 'a'",
    KEYED,
    'ALTER TABLE counters RENAME COLUMN k TO j; ALTER TABLE counters ADD COLUMN k text',
  ],
])('asks: %s %s %s', async (change, tables, between) => {
  const problems = await problemsOf(files(change, tables, between));
  expect(problems.map(({ message }) => message).join()).toContain('while nobody else can read orders');
});
