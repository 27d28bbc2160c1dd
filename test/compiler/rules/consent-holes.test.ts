/** SQL that destroys rows of an older table by way of something that the same file made, and so needs consent. */
import { describe, expect, test } from 'vitest';
import { connect, createDatabase, majors } from '../../support/database';
import { compileUp, file, problemsOf } from '../support';

const destroys = async (up: string) => (await compileUp(up)).statements.at(-1)!.destroys !== null;

const VOLATILE = "CREATE FUNCTION boom() RETURNS int LANGUAGE sql AS 'DELETE FROM orders; SELECT 1'";
const made = (head: string, body = 'SELECT 1') =>
  `CREATE FUNCTION ${head} RETURNS int LANGUAGE sql STABLE AS '${body}'`;

describe('a name that means another relation by then', () => {
  const CASES: [string, boolean][] = [
    [
      "SELECT set_config('search_path', 'scratch', true); CREATE TABLE orders (i int); SELECT set_config('search_path', 'public', true); DROP TABLE orders",
      true,
    ],
    [
      'SET LOCAL search_path = scratch; CREATE TABLE orders (i int); SET LOCAL "SEARCH_PATH" = public; DROP TABLE orders',
      true,
    ],
    [
      'CREATE TEMP TABLE orders ON COMMIT DROP AS SELECT 1 AS id; CREATE INDEX CONCURRENTLY oi ON public.orders (id); DELETE FROM orders',
      true,
    ],
    ["CREATE TEMP TABLE orders (id int); ALTER TYPE mood ADD VALUE 'x'; DELETE FROM orders", true],
    ['CREATE TEMP TABLE orders (id int); SELECT 1; DELETE FROM orders', false],
    [
      'CREATE TABLE n (i int); ALTER TABLE public.n SET SCHEMA x; ALTER TABLE y.n SET SCHEMA public; DROP TABLE n',
      true,
    ],
    ['CREATE TABLE n (i int); DROP TABLE app.n; DROP TABLE n', true],
    ['CREATE TABLE a.n (i int); CREATE TABLE b.n (i int); DROP TABLE a.n; DROP TABLE b.n', false],
    [
      'CREATE TABLE n (i int); ALTER TABLE public.n RENAME TO m; ALTER TABLE orders RENAME TO n; DROP TABLE n',
      true,
    ],
    ['CREATE TABLE n (i int); ALTER TABLE n SET SCHEMA x; DROP TABLE x.n', false],
    ['CREATE TABLE n (i int); ALTER SCHEMA live RENAME TO app; DROP TABLE n', true],
    ['CREATE TABLE n (i int); ALTER TABLE app.orders RENAME TO n; DROP TABLE n', true],
    ['CREATE SCHEMA s CREATE SEQUENCE q; DROP SEQUENCE q', true],
    ['CREATE SCHEMA s CREATE SEQUENCE q; DROP SEQUENCE s.q', false],
    ['CREATE SCHEMA AUTHORIZATION app CREATE TABLE orders (i int); DROP TABLE orders', true],
  ];
  test.each(CASES)('%s: %s', async (up, expected) => {
    expect(await destroys(up)).toBe(expected);
  });

  test('a statement outside the transaction does not see its temporary tables', async () => {
    const { statements } = await compileUp('CREATE TEMP TABLE orders (id int); VACUUM orders');
    expect(statements[1]!.locks).toMatchObject([{ relation: 'orders', created: false }]);
  });

  test('a batch does not see the temporary tables of up', async () => {
    const text = file(
      'CREATE TEMP TABLE orders (id int);',
      '-- migrate:batch\nDELETE FROM orders WHERE id IN (SELECT id FROM orders LIMIT 9);',
    );
    expect((await problemsOf({ '0001_a.sql': text }))[0]!.message).toMatch(/^DELETE removes rows of orders/);
  });
});

describe('a child or a foreign key of an older table', () => {
  const KEY = 'FOREIGN KEY (x) REFERENCES p';
  const CASES: [string, boolean][] = [
    ['CREATE TABLE p (id int); ALTER TABLE orders INHERIT p; ALTER TABLE p RENAME TO q; DELETE FROM q', true],
    [
      'CREATE TABLE p (i int); CREATE TABLE c () INHERITS (p); ALTER TABLE p RENAME TO q; ALTER TABLE orders INHERIT c; TRUNCATE q',
      true,
    ],
    [
      'CREATE TABLE p (i int) PARTITION BY LIST (i); CREATE FOREIGN TABLE f PARTITION OF p DEFAULT SERVER s; DELETE FROM p',
      true,
    ],
    [
      `CREATE TABLE p (id int PRIMARY KEY); ALTER TABLE orders ADD ${KEY} ON DELETE CASCADE; DELETE FROM p`,
      true,
    ],
    [`CREATE TABLE p (id int PRIMARY KEY); ALTER TABLE orders ADD ${KEY}; DELETE FROM p`, false],
    [
      `CREATE TABLE p (id int PRIMARY KEY); CREATE TABLE c (x int, ${KEY} ON DELETE CASCADE); DELETE FROM p`,
      false,
    ],
    [
      'CREATE TABLE p (id int PRIMARY KEY); CREATE TABLE c (id int PRIMARY KEY REFERENCES p ON DELETE CASCADE); ALTER TABLE orders ADD COLUMN c int REFERENCES c ON DELETE CASCADE; DELETE FROM p',
      true,
    ],
  ];
  test.each(CASES)('%s: %s', async (up, expected) => {
    expect(await destroys(up)).toBe(expected);
  });
});

describe('a function of the folder', () => {
  const CASES: [string, boolean][] = [
    [`${VOLATILE.replace('boom', 'digest')}; SELECT digest()`, true],
    [`${VOLATILE.replace('boom', 'shop.digest')}; SELECT shop.digest()`, true],
    [`${VOLATILE.replace('boom', 'trueup.boom')}; SELECT trueup.boom()`, true],
    [`${VOLATILE.replace('boom()', 'lower(i int)')}; SELECT lower(1)`, true],
    [`${VOLATILE.replace('boom()', 'f(t text)')}; ${made('f()')}; SELECT f('x'::text)`, true],
    [`${made('g()')}; SELECT g()`, false],
    [`${made('g()')}; ALTER FUNCTION g() VOLATILE; SELECT g()`, true],
    [`${made('g()')}; DROP FUNCTION g(); SELECT g()`, true],
    [`DROP FUNCTION g(int); ${made('g()')}; SELECT g()`, false],
    [`${made('g()')}; ALTER FUNCTION h() RENAME TO g; SELECT g()`, true],
    [`ALTER FUNCTION boom(int) RENAME TO lower; SELECT lower(1)`, true],
    [`ALTER FUNCTION shop.lower(int) SET SCHEMA public; SELECT lower(1)`, true],
    [`${made('s.g()')}; ALTER SCHEMA s RENAME TO t; ALTER SCHEMA u RENAME TO s; SELECT s.g()`, true],
    ['CREATE AGGREGATE lower(int) (SFUNC = boom, STYPE = int); SELECT lower(1)', true],
    [`${VOLATILE}; CREATE OR REPLACE FUNCTION boom() RETURNS int STABLE RETURN 1; SELECT boom()`, false],
    // What it calls counts, when it is called.
    [`${made('g()', 'SELECT boom()')}; SELECT g()`, true],
    [`${made('h()')}; ${made('g()', 'SELECT abs(h())')}; SELECT g()`, false],
    [`${made('h()')}; ${made('g()', 'SELECT h()')}; ALTER FUNCTION h() VOLATILE; SELECT g()`, true],
    ['CREATE FUNCTION g() RETURNS int STABLE RETURN boom(); SELECT g()', true],
    ['CREATE FUNCTION g(i int DEFAULT boom()) RETURNS int STABLE RETURN 1; SELECT g()', true],
    [`${made('g(n int)', 'SELECT g(n - 1)')}; SELECT g(3)`, false],
    [
      "CREATE FUNCTION g() RETURNS int LANGUAGE plpgsql STABLE AS 'BEGIN RETURN boom(); END'; SELECT g()",
      true,
    ],
  ];
  test.each(CASES)('%s: %s', async (up, expected) => {
    expect(await destroys(up)).toBe(expected);
  });

  test('of an older file too', async () => {
    const [problem] = await problemsOf({
      '0001_a.sql': file(`${VOLATILE.replace('boom', 'digest')};`),
      '0002_b.sql': file('SELECT digest();'),
    });
    expect(problem!.message).toMatch(/^what the function digest does cannot be seen/);
  });

  test('whose body is too much for the parser is refused, and what follows it is not lost', async () => {
    const body = `SELECT ${'('.repeat(20_000)}1${')'.repeat(20_000)}`;
    const files = { '0001_a.sql': file(`${made('g()', body)}; SELECT g();`) };
    expect(await problemsOf(files)).not.toEqual([]);
  });
});

describe('what runs with a later statement', () => {
  const RULE = 'CREATE RULE r AS ON INSERT TO t DO ALSO DELETE FROM orders';
  const TRIGGER = 'CREATE TRIGGER g BEFORE UPDATE ON t FOR EACH ROW EXECUTE FUNCTION boom()';
  const CASES: [string, boolean][] = [
    ['ALTER TABLE q ADD COLUMN z int DEFAULT h()', true],
    ['ALTER TABLE q ADD CHECK (h(a) > 0)', true],
    ['ALTER TABLE q ADD COLUMN z int GENERATED ALWAYS AS (h(a)) STORED', true],
    ['ALTER TABLE q ALTER a TYPE int USING h(a)', true],
    ['CREATE TABLE t (a int); CREATE INDEX ON t (h(a))', true],
    ['CREATE TABLE t (a int); CREATE INDEX ON t (a) WHERE h(a) > 0', true],
    ['CREATE TABLE c PARTITION OF p FOR VALUES IN (h())', true],
    ['ALTER DOMAIN percent ADD CHECK (h(VALUE))', true],
    ["COPY q FROM '/tmp/x' WHERE h(a)", true],
    ['ALTER TABLE q ALTER a SET DEFAULT h()', false],
    ['ALTER TABLE q ALTER a SET DEFAULT h(); INSERT INTO q VALUES (1)', true],
    ['CREATE TABLE t (a int DEFAULT h())', false],
    ['CREATE TABLE t (a int DEFAULT h()); INSERT INTO t DEFAULT VALUES', true],
    ['CREATE TABLE t (a int CHECK (h(a) > 0)); ALTER TABLE t RENAME TO u; INSERT INTO u VALUES (1)', true],
    ["CREATE TABLE t (a int DEFAULT length('x')); INSERT INTO t DEFAULT VALUES", false],
    [RULE, false],
    [`${RULE}; INSERT INTO t VALUES (1)`, true],
    [`${RULE}; UPDATE t SET a = 1`, false],
    ['CREATE RULE r AS ON INSERT TO t DO INSTEAD NOTHING; INSERT INTO t VALUES (1)', false],
    [TRIGGER, false],
    [`${TRIGGER}; INSERT INTO t VALUES (1)`, false],
    [`${TRIGGER}; UPDATE t SET a = 1`, true],
    [`${TRIGGER}; INSERT INTO t VALUES (1) ON CONFLICT (a) DO UPDATE SET a = 2`, true],
    [`${TRIGGER}; MERGE INTO t USING s ON t.a = s.a WHEN MATCHED THEN UPDATE SET a = 2`, true],
    [`CREATE VIEW v AS SELECT * FROM t; ${TRIGGER}; UPDATE v SET a = 1`, true],
    [
      `CREATE TABLE t (a int); ${TRIGGER.replace('UPDATE', 'TRUNCATE').replace('ROW', 'STATEMENT')}; TRUNCATE t`,
      true,
    ],
    [`${TRIGGER.replace('UPDATE', 'INSERT')}; COPY t FROM '/tmp/x'`, true],
    ['CREATE VIEW v AS SELECT h() AS a', false],
    ['CREATE VIEW v AS SELECT h() AS a; SELECT * FROM v', true],
    [
      'CREATE VIEW v AS SELECT h() AS a; CREATE VIEW w AS SELECT * FROM v; CREATE TABLE x AS SELECT * FROM w',
      true,
    ],
    ['CREATE VIEW v AS SELECT 1 AS a; SELECT * FROM v', false],
  ];
  test.each(CASES)('%s: %s', async (up, expected) => {
    expect(await destroys(up)).toBe(expected);
  });
});

describe('settings', () => {
  const refusal = async (up: string) => (await problemsOf({ '0001_a.sql': file(up) }))[0]!.message;
  test.each([
    ['SET LOCAL "LOCK_TIMEOUT" = 0', /is reserved for Trueup$/],
    ["SELECT set_config('Role', 'a', true)", /is reserved for Trueup$/],
    ["SELECT set_config('ro' || 'le', 'a', true)", /^set_config does not say which setting/],
    [
      "SELECT set_config(setting_name => 'role', new_value => 'a', is_local => true)",
      /^set_config does not say/,
    ],
    ["UPDATE pg_settings SET setting = 'a' WHERE name = 'search_path'", /^UPDATE of pg_settings outlives/],
    [
      "SELECT set_config('work_mem', '9MB', true); CREATE INDEX CONCURRENTLY i ON orders (id)",
      /^set_config of line 2 has no effect on this statement/,
    ],
  ])('%s', async (up, message) => {
    expect(await refusal(`${up};`)).toMatch(message);
  });
});

describe('what was refused without a reason', () => {
  test('SET NOT NULL behind a NOT NULL with a name that was validated', async () => {
    const key = 'ALTER TABLE orders ADD CONSTRAINT n NOT NULL note NOT VALID';
    const last = async (...statements: string[]) =>
      (await compileUp([key, ...statements].join(';\n'))).statements.at(-1)!.rewrites;
    const validate = 'ALTER TABLE orders VALIDATE CONSTRAINT n';
    const set = 'ALTER TABLE orders ALTER note SET NOT NULL';
    expect(await last(validate, set)).toBeNull();
    expect(await last(set)).not.toBeNull();
    expect(await last(validate, 'ALTER TABLE orders ALTER note DROP NOT NULL', set)).not.toBeNull();
  });

  test.each([
    ['varchar(200)', /may rewrite/],
    ['text', /may rewrite/],
    ['bigint', / rewrites the table/],
    ['text USING upper(note)', / rewrites the table/],
  ])('the type %s', async (type, words) => {
    const { statements } = await compileUp(`ALTER TABLE orders ALTER COLUMN note TYPE ${type}`);
    expect(statements[0]!.rewrites).toMatch(words);
  });
});

describe('undo', () => {
  const undo = async (up: string, down: string) => (await compileUp(up, `-- migrate:down\n${down}`)).undo;
  const ADD = 'ALTER TABLE t ADD CONSTRAINT c CHECK (a > 0)';
  test.each([
    [ADD, 'automatic'],
    [`${ADD}; ALTER TABLE t RENAME CONSTRAINT c TO d; ALTER TABLE t RENAME CONSTRAINT old TO c`, 'by-name'],
    [`${ADD}; ALTER TABLE t RENAME TO u; ALTER TABLE old RENAME TO t`, 'by-name'],
  ])('%s: %s', async (up, expected) => {
    expect(await undo(up, 'ALTER TABLE t DROP CONSTRAINT c')).toBe(expected);
  });
});

describe.each(majors())('on PostgreSQL %i rows of before are lost, and consent is asked for', (major) => {
  const BEFORE = `CREATE TABLE orders (id int); INSERT INTO orders VALUES (1);
    CREATE SCHEMA x; CREATE SCHEMA y; CREATE TABLE y.n (id int); INSERT INTO y.n VALUES (1);
    CREATE TABLE q (a int); INSERT INTO q VALUES (1); CREATE SCHEMA trueup; CREATE SCHEMA scratch;`;
  const TIDY =
    'CREATE FUNCTION tidy() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN DELETE FROM orders; RETURN NEW; END $$';
  const IN_PLPGSQL = "RETURNS int LANGUAGE plpgsql STABLE AS 'BEGIN RETURN boom(); END'";

  test.each([
    'CREATE VIEW v AS SELECT * FROM orders; DELETE FROM v',
    'CREATE TABLE p (id int); ALTER TABLE orders INHERIT p; TRUNCATE p',
    'CREATE TABLE p (id int) PARTITION BY RANGE (id); ALTER TABLE p ATTACH PARTITION orders DEFAULT; DROP TABLE p',
    "SELECT set_config('search_path', 'scratch', true); CREATE TABLE orders (i int); SELECT set_config('search_path', 'public', true); DROP TABLE orders",
    'SET LOCAL search_path = scratch; CREATE TABLE orders (i int); SET LOCAL "SEARCH_PATH" = public; DROP TABLE orders',
    'CREATE TEMP TABLE orders ON COMMIT DROP AS SELECT 1 AS id; CREATE INDEX CONCURRENTLY oi ON public.orders (id); DELETE FROM orders',
    'CREATE TABLE n (i int); ALTER TABLE public.n SET SCHEMA x; ALTER TABLE y.n SET SCHEMA public; DROP TABLE n',
    'CREATE SCHEMA AUTHORIZATION CURRENT_USER CREATE TABLE orders (i int); SET LOCAL search_path = public; DROP TABLE orders',
    'CREATE TABLE p (id int PRIMARY KEY); INSERT INTO p VALUES (1); ALTER TABLE orders ADD FOREIGN KEY (id) REFERENCES p ON DELETE CASCADE; DELETE FROM p',
    `${VOLATILE.replace('boom', 'digest')}; SELECT digest()`,
    `${VOLATILE.replace('boom', 'trueup.boom')}; SELECT trueup.boom()`,
    `${VOLATILE.replace('boom()', 'lower(i int)')}; SELECT lower(1)`,
    `${VOLATILE.replace('boom()', 'f(t text)')}; ${made('f()')}; SELECT f('x'::text)`,
    `${made('g()', 'DELETE FROM orders; SELECT 1')}; ALTER FUNCTION g() VOLATILE; SELECT g()`,
    `${VOLATILE}; CREATE FUNCTION g() ${IN_PLPGSQL}; SELECT g()`,
    `${VOLATILE}; CREATE FUNCTION g() ${IN_PLPGSQL.replace('STABLE', 'IMMUTABLE')}; EXPLAIN SELECT g()`,
    'EXPLAIN (ANALYZE false, ANALYZE true) DELETE FROM orders',
    `${VOLATILE}; ALTER TABLE q ADD COLUMN z int DEFAULT boom()`,
    `${VOLATILE}; ALTER TABLE q ADD CHECK (boom() > 0)`,
    `${VOLATILE}; ALTER TABLE q ALTER a SET DEFAULT boom(); INSERT INTO q DEFAULT VALUES`,
    `${VOLATILE}; CREATE VIEW v AS SELECT boom(); SELECT * FROM v`,
    'CREATE RULE r AS ON INSERT TO q DO ALSO DELETE FROM orders; INSERT INTO q VALUES (1)',
    `${TIDY}; CREATE TRIGGER t BEFORE UPDATE ON q FOR EACH ROW EXECUTE FUNCTION tidy(); UPDATE q SET a = 2`,
  ])('%s', async (up) => {
    const problems = await problemsOf({ '0001_a.sql': `-- migrate:consent rewrites it\n${file(up)}` });
    expect(problems.map(({ message }) => message).join('\n')).toMatch(/data may be lost/);

    const client = await connect(await createDatabase(major));
    await client.query(BEFORE);
    const { rows } = await client.query(
      "SELECT 'orders'::regclass::oid AS orders, 'y.n'::regclass::oid AS n",
    );
    await client.query('BEGIN');
    for (const { sql, execution } of (await compileUp(up)).statements)
      if (execution === 'transaction') await client.query(sql);
      else for (const each of ['COMMIT', sql, 'BEGIN']) await client.query(each);
    await client.query('COMMIT');
    const left = await Promise.all(
      [rows[0].orders, rows[0].n].map(async (oid) => {
        const found = await client.query('SELECT oid::regclass AS name FROM pg_class WHERE oid = $1', [oid]);
        return found.rows[0] ? (await client.query(`SELECT FROM ${found.rows[0].name}`)).rowCount : 0;
      }),
    );
    expect(left).not.toEqual([1, 1]);
  });
});
