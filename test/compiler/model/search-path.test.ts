/** Which relations names mean behind a file's own search_path. */
import { describe, expect, test } from 'vitest';
import { compile, compileUp, file, problemsOf } from '../support';

const ALTER = 'ALTER TABLE orders ADD COLUMN a int';
const ORDERS = 'ACCESS EXCLUSIVE on orders';
const SALES = 'ACCESS EXCLUSIVE on sales.orders';
const UNKNOWN = 'ACCESS EXCLUSIVE on "*"';
const inWords = ({ locks }: { locks: readonly { mode: string; relation: string; created: boolean }[] }) =>
  locks.map(({ mode, relation, created }) => `${mode} on ${relation}${created ? ', created' : ''}`);
const lastLocks = async (up: string) => inWords((await compileUp(up)).statements.at(-1)!);

describe('what is locked behind it', () => {
  test.each([
    [ALTER, ORDERS],
    [`SET LOCAL search_path = sales; ${ALTER}`, SALES],
    [`SET LOCAL "Search_Path" TO 'sales'; ${ALTER}`, SALES],
    [`SET LOCAL SCHEMA 'sales'; ${ALTER}`, SALES],
    [`SET LOCAL search_path = "Odd one"; ${ALTER}`, 'ACCESS EXCLUSIVE on "Odd one".orders'],
    [`SET LOCAL search_path = sales; ALTER TABLE "a.b" ADD c int`, 'ACCESS EXCLUSIVE on sales."a.b"'],
    [`SET LOCAL search_path = sales; ALTER TABLE shop.orders ADD c int`, 'ACCESS EXCLUSIVE on shop.orders'],
    [`SET LOCAL search_path = sales; DROP TABLE orders`, SALES],
    [`SET LOCAL search_path = sales; DROP TRIGGER t ON orders`, SALES],
    [`SET LOCAL search_path = sales; LOCK TABLE orders`, SALES],
    [
      'SET LOCAL search_path = sales; WITH orders AS (SELECT 1) DELETE FROM items USING orders',
      'ROW EXCLUSIVE on sales.items',
    ],
    ['SET LOCAL search_path = sales; SELECT FROM pg_class', 'ACCESS SHARE on pg_class'],
    [`SET LOCAL search_path = sales; SET LOCAL search_path TO DEFAULT; ${ALTER}`, ORDERS],
    [
      `SET LOCAL search_path = sales; SET LOCAL search_path = shop; DROP TABLE t`,
      'ACCESS EXCLUSIVE on shop.t',
    ],
    [`SET LOCAL work_mem = '8MB'; ${ALTER}`, ORDERS],
    [`SET LOCAL search_path = sales, public; ${ALTER}`, UNKNOWN],
    [`SET LOCAL search_path = "$user"; ${ALTER}`, UNKNOWN],
    [`SET LOCAL search_path = ''; ${ALTER}`, UNKNOWN],
    [`SET LOCAL search_path = pg_temp; ${ALTER}`, UNKNOWN],
    [
      `SET LOCAL search_path = sales, public; ALTER TABLE shop.orders ADD a int`,
      'ACCESS EXCLUSIVE on shop.orders',
    ],
    [`SELECT set_config('search_path', 'Sales', true); ${ALTER}`, SALES],
    [`SELECT set_config('search_path', ' "sales" ', true); ${ALTER}`, SALES],
    [`SELECT set_config('search_path', 'sales, public', true); ${ALTER}`, UNKNOWN],
    [`SELECT set_config('search_path', current_user, true); ${ALTER}`, UNKNOWN],
    [`SELECT set_config('search_path', 'sales', true) WHERE false; ${ALTER}`, UNKNOWN],
    [`SELECT set_config('app.user', 'sales', true); ${ALTER}`, ORDERS],
    [`DO $$ BEGIN SET LOCAL search_path = sales; END $$; ${ALTER}`, UNKNOWN],
    [`DO $$ BEGIN END $$; ${ALTER}`, ORDERS],
  ])('%s: %s', async (up, locks) => {
    expect(await lastLocks(up)).toEqual([locks]);
  });

  test('in down as well, which does not begin where up ended', async () => {
    const { down } = await compileUp(
      `SET LOCAL search_path = sales; ${ALTER}`,
      '-- migrate:down\nDROP TABLE orders; SET LOCAL search_path = shop; DROP TABLE orders;',
    );
    expect(down.flatMap(inWords)).toEqual([ORDERS, 'ACCESS EXCLUSIVE on shop.orders']);
  });

  test('what earlier files said under another path keeps its meaning', async () => {
    const key = 'ADD CONSTRAINT f FOREIGN KEY (c) REFERENCES customers NOT VALID';
    const { migrations } = await compile({
      '0001_a.sql': file(`ALTER TABLE sales.orders ${key};`),
      '0002_b.sql': file(`SET LOCAL search_path = sales; ALTER TABLE items ${key};`),
      '0003_c.sql': file(`SET LOCAL search_path = sales;
        ALTER TABLE orders DROP CONSTRAINT f; ALTER TABLE items DROP CONSTRAINT f;`),
    });
    expect(migrations[2]!.statements.slice(1).map(inWords)).toEqual([
      [SALES, 'ACCESS EXCLUSIVE on customers'],
      ['ACCESS EXCLUSIVE on sales.items', 'ACCESS EXCLUSIVE on sales.customers'],
    ]);
  });
});

describe('what is new behind it', () => {
  const consented = async (up: string) => (await compileUp(up)).statements.every(({ destroys }) => !destroys);
  test.each([
    ['SET LOCAL search_path = sales; CREATE TABLE t (a int); DROP TABLE sales.t', true],
    ['CREATE TABLE sales.t (a int); SET LOCAL search_path = sales; DROP TABLE t', true],
    ['SET LOCAL search_path = sales, shop; CREATE TABLE t (a int); DROP TABLE t', true],
    [
      'SET LOCAL search_path = sales; CREATE TABLE t (a int); SET LOCAL search_path = shop; DROP TABLE t',
      false,
    ],
    [
      'SET LOCAL search_path = a, b; CREATE TABLE t (a int); SET LOCAL search_path = b, a; DROP TABLE t',
      false,
    ],
    ['CREATE TEMP TABLE t (a int); SET LOCAL search_path = sales; DROP TABLE t', true],
    ['SET LOCAL search_path = sales; CREATE TEMP TABLE t (a int); DROP TABLE sales.t', false],
    ['CREATE TEMP TABLE t (a int); DROP TABLE t; DROP TABLE t', false],
    ['CREATE TABLE t (a int); ALTER TABLE t SET SCHEMA old; DROP TABLE old.t', true],
    ['CREATE TABLE t (a int); ALTER TABLE t SET SCHEMA old; DROP TABLE t', false],
    [
      'CREATE TABLE s.t (a int); ALTER SCHEMA s RENAME TO r; ALTER SCHEMA live RENAME TO s; DROP TABLE s.t',
      false,
    ],
    ['CREATE FUNCTION f() RETURNS int STABLE RETURN 1; SELECT f()', true],
    ['CREATE FUNCTION f() RETURNS int STABLE RETURN 1; SET LOCAL search_path = sales; SELECT f()', false],
  ])('%s: %s', async (up, isNew) => {
    expect(await consented(up)).toBe(isNew);
  });

  const undo = async (up: string, down: string) => (await compileUp(up, `-- migrate:down\n${down}`)).undo;
  test.each([
    ['SET LOCAL search_path = sales; CREATE INDEX i ON orders (a)', 'DROP INDEX i', 'by-name'],
    ['SET LOCAL search_path = sales; CREATE INDEX i ON orders (a)', 'DROP INDEX sales.i', 'automatic'],
    [
      'SET LOCAL search_path = sales; ALTER TABLE t ADD CONSTRAINT c CHECK (a > 0)',
      'ALTER TABLE t DROP CONSTRAINT c',
      'by-name',
    ],
    [
      'SET LOCAL search_path = sales; ALTER TABLE t ADD CONSTRAINT c CHECK (a > 0)',
      'ALTER TABLE sales.t DROP CONSTRAINT c',
      'automatic',
    ],
    ['CREATE TEMP TABLE t (a int); CREATE INDEX i ON t (a)', 'DROP INDEX i', 'by-name'],
  ] as const)('%s / %s: %s', async (up, down, expected) => {
    expect(await undo(up, down)).toBe(expected);
  });
});

test('a setting is known in whatever case it is written', async () => {
  for (const set of ['SET LOCAL "ROLE" = a', 'SET LOCAL "Lock_Timeout" = 0'])
    expect((await problemsOf({ '0001_a.sql': file(set) }))[0]!.message).toMatch(/is reserved for Trueup$/);
});
