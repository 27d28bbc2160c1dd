/** SQL that hides what it destroys, and SQL that only looks as if it did. */
import { describe, expect, test } from 'vitest';
import { formatProblem } from '../../lib/compiler';
import { compile, file, problemsOf } from './support';

describe('needs consent to destruction', () => {
  test.each([
    'WITH d AS (DELETE FROM orders RETURNING *) INSERT INTO archive SELECT * FROM d',
    'SELECT * FROM (WITH d AS (DELETE FROM orders RETURNING 1) SELECT * FROM d) x',
    'CREATE TABLE a AS WITH d AS (DELETE FROM orders RETURNING *) SELECT * FROM d',
    'EXPLAIN ANALYZE DELETE FROM orders',
    'EXPLAIN (ANALYZE on, COSTS off) DELETE FROM orders',
    "COPY (DELETE FROM orders RETURNING *) TO '/tmp/x'",
    'MERGE INTO orders o USING s ON o.id = s.id WHEN NOT MATCHED BY SOURCE THEN DELETE',
    'CREATE MATERIALIZED VIEW m AS SELECT tidy()',
    'SELECT * FROM orders, LATERAL tidy(orders.id)',
    'INSERT INTO a VALUES (1) ON CONFLICT (a) DO UPDATE SET b = tidy()',
    "SELECT query_to_xml('DELETE FROM orders', true, true, '')",
    'DROP TABLE U&"\\006f\\0072ders"',
    `DROP TABLE U&"!006frders" UESCAPE '!'`,
    'CREATE TABLE "Orders" (a int); DROP TABLE orders',
    'CREATE TABLE n (a int); DROP TABLE n, orders',
    'CREATE TEMP TABLE orders (a int); DROP TABLE public.orders',
    'DROP /* -- migrate:consent destroys x */ TABLE -- x\n orders',
    '/*\n-- migrate:consent destroys x\n*/ DROP TABLE orders',
    "SELECT '\n-- migrate:consent destroys x\n'; DROP TABLE orders",
    'DO $a$ BEGIN EXECUTE $b$ DROP TABLE x; $b$; END $a$',
    'ALTER DOMAIN percent DROP CONSTRAINT c CASCADE',
    'CREATE VIEW v AS SELECT * FROM orders; DELETE FROM v',
    'CREATE VIEW v AS SELECT * FROM orders; ALTER VIEW v RENAME TO w; DELETE FROM w',
    'CREATE FOREIGN TABLE ft (a int) SERVER s; DELETE FROM ft',
    'CREATE FOREIGN TABLE ft (a int) SERVER s; TRUNCATE ft',
    'CREATE TABLE n (a int); CREATE RULE r AS ON DELETE TO n DO INSTEAD DELETE FROM orders; DELETE FROM n',
    'CREATE TABLE n (a int); ALTER TABLE orders INHERIT n; TRUNCATE n',
    'CREATE TABLE n (a int); ALTER TABLE orders INHERIT n; ALTER TABLE n DROP COLUMN a',
    'CREATE TABLE g (a int); CREATE TABLE n () INHERITS (g); ALTER TABLE orders INHERIT n; DELETE FROM g',
    'CREATE FUNCTION f() RETURNS int STABLE RETURN 1; ALTER FUNCTION f VOLATILE; SELECT f()',
    'CREATE FUNCTION f() RETURNS int STABLE RETURN 1; DROP FUNCTION f; SELECT f()',
    'CREATE FUNCTION f() RETURNS int STABLE RETURN 1; ALTER FUNCTION f RENAME TO g; ALTER FUNCTION h RENAME TO f; SELECT f()',
  ])('%s', async (up) => {
    const messages = (await problemsOf({ '0001_a.sql': file(up) })).map(({ message }) => message);
    expect(messages.join('\n')).toMatch(/does not consent to it/);
    expect(messages.join('\n')).toMatch(/data may be lost/);
  });

  test('a partition that was there before goes with its new parent', async () => {
    const up = `-- migrate:consent rewrites for the test
      CREATE TABLE n (a int) PARTITION BY LIST (a); ALTER TABLE n ATTACH PARTITION orders DEFAULT;`;
    await compile({ '0001_a.sql': file(up) });
    const [problem] = await problemsOf({ '0001_a.sql': file(`${up} DROP TABLE n;`) });
    expect(problem!.message).toMatch(/^DROP TABLE removes n: data may be lost/);
  });
});

describe('needs none', () => {
  test.each([
    'EXPLAIN DELETE FROM orders',
    'EXPLAIN (ANALYZE false) DELETE FROM orders',
    'SELECT * INTO a FROM orders; DELETE FROM a; DROP TABLE a',
    'CREATE TABLE ORDERS (a int); DROP TABLE "orders"',
    `CREATE TABLE ${'a'.repeat(70)} (a int); DROP TABLE ${'a'.repeat(63)}`,
    'CREATE TABLE n (LIKE orders INCLUDING ALL); DELETE FROM n USING orders',
    'CREATE TABLE p (a int) PARTITION BY LIST (a); CREATE TABLE IF NOT EXISTS q PARTITION OF p DEFAULT; DELETE FROM p',
    'CREATE TABLE g (a int); CREATE TABLE n (b int); ALTER TABLE n INHERIT g; DELETE FROM g',
    'CREATE VIEW v AS SELECT tidy(); DROP VIEW v',
    'CREATE FUNCTION f() RETURNS void LANGUAGE sql BEGIN ATOMIC DELETE FROM orders; END',
    "COMMENT ON TABLE orders IS '; DROP TABLE orders; --'",
    'SELECT $a$ $b$ DROP TABLE x; $b$ $a$',
    'SELECT "DELETE FROM orders" FROM orders -- ; DROP TABLE orders',
  ])('%s', async (up) => {
    await compile({ '0001_a.sql': file(up) });
  });
});

test('in CREATE SCHEMA names are those of the new schema first', async () => {
  const up =
    'CREATE SCHEMA s CREATE TABLE a (id int PRIMARY KEY) CREATE TABLE b (a int REFERENCES a, o int REFERENCES orders)';
  const { migrations } = await compile({ '0001_a.sql': file(up) });
  expect(migrations[0]!.statements[0]!.locks.map(({ relation }) => relation)).toEqual(['orders']);
});

describe('the caret is under the first character that is meant', () => {
  const DROP = 'DROP TABLE orders;';
  /** Line, column, and what stands above the caret, by the columns of a terminal. */
  const place = async (text: string) => {
    const [problem] = await problemsOf({ '0001_a.sql': text });
    const [shown, caret] = formatProblem(problem!).split('\n').slice(1, 3) as [string, string];
    return { line: problem!.line, column: problem!.column, shown, caret };
  };
  const whole = (up: string) => `-- migrate:up\n${up}\n-- migrate:verify\nSELECT 1\n`;

  test.each([
    ['a byte order mark', `\ufeff${whole(DROP)}`, 2, 1],
    ['line ends of Windows', whole(`SELECT 1;\n  ${DROP}`).replaceAll('\n', '\r\n'), 3, 3],
    ['a comment of several lines', whole(`/* żółć\n 😀 */ ${DROP}`), 3, 7],
    ['an emoji of two units', whole(`SELECT '😀'; ${DROP}`), 2, 13],
    ['Chinese', whole(`SELECT '订单'; ${DROP}`), 2, 14],
    ['combining marks', whole(`SELECT 'e\u0301'; ${DROP}`), 2, 14],
    ['tabs', whole(`\tSELECT 1;\t${DROP}`), 2, 12],
    ['a dollar quote with quotes in it', whole(`SELECT $x$ ' " $$ 😀 $x$;\n${DROP}`), 3, 1],
  ])('behind %s', async (_, text, line, column) => {
    const found = await place(text);
    expect(found).toMatchObject({ line, column });
    const shown = Array.from(found.shown).slice('  2 | '.length);
    expect(shown.slice(column - 1).join('')).toBe(DROP);
  });

  test('within a statement of many bytes', async () => {
    const found = await place(whole("SELECT '😀ż订', tidy();"));
    expect(found).toMatchObject({ line: 2, column: 15 });
    // The emoji and the Chinese character are two columns wide each.
    expect(found.caret).toBe(`    | ${' '.repeat(16)}^`);
  });

  test('in a very long line', async () => {
    const found = await place(whole(`SELECT '${'😀'.repeat(50_000)}'; ${DROP}`));
    expect(found).toMatchObject({ line: 2, column: 50_012 });
    const at = Array.from(found.shown).indexOf('D');
    expect(Array.from(found.shown).slice(at).join('')).toBe(DROP);
    const wide = Array.from(found.shown).filter((character) => character === '😀').length;
    expect(found.caret.length - 1).toBe(at + wide);
  });

  test('of a syntax error behind many bytes, on a line of its own', async () => {
    const found = await place(whole("SELECT 'żółć 😀';\r\n\tSELECT 'é' 😀 FROM;"));
    expect(found.line).toBe(3);
    expect(Array.from(found.shown).slice('  3 | '.length)[found.column! - 1]).toBe(';');
  });
});
