/** What a statement makes and takes away, as data; and that real servers agree. */
import { describe, expect, test } from 'vitest';
import type { Effect } from '../../../lambda/contract/effects';
import { connect, createDatabase, majors } from '../../support/database';
import { Played } from '../played-effects';
import { CONSENT, compile, compileUp, file } from '../support';

const effectsOf = async (sql: string): Promise<Effect[]> =>
  (await compileUp(sql)).statements.flatMap(({ effects }) => effects);

/** The fields that a test is about. */
const brief = async (sql: string) => (await effectsOf(sql)).map((effect) => JSON.stringify(effect));

const orders = { schema: null, name: 'orders' };

describe('columns', () => {
  test('a dropped default is no default', async () => {
    expect(await effectsOf('ALTER TABLE orders ALTER COLUMN id DROP DEFAULT')).toEqual([
      { kind: 'drop default', table: orders, column: 'id' },
    ]);
    // Which comes to the same.
    expect(await effectsOf('ALTER TABLE orders ALTER id SET DEFAULT NULL::uuid')).toEqual([
      { kind: 'drop default', table: orders, column: 'id' },
    ]);
  });

  test.each([
    ['gen_random_uuid()', 'gen_random_uuid()'],
    ['(1 + 2)::int', '(1 + 2)::int'],
    ['((1 + 2))', '1 + 2'],
    ["-1 -- below zero\n + interval '1 day'", "-1 + interval '1 day'"],
    ["'a,b)' || /* c */ 'é'", "'a,b)' || 'é'"],
    ['ARRAY[1, (2), f(3, 4)]', 'ARRAY[1, (2), f(3, 4)]'],
    ["coalesce(NULL, 'x')", "coalesce(NULL, 'x')"],
    ['CASE WHEN true THEN 1 END', 'CASE WHEN true THEN 1 END'],
    ['CURRENT_TIMESTAMP', 'CURRENT_TIMESTAMP'],
    ["$$ it's $$", "$$ it's $$"],
    ['true', 'true'],
  ])('the default %s', async (written, printed) => {
    const expression = async (sql: string) =>
      (await effectsOf(sql)).flatMap((effect) => (effect.kind === 'default' ? effect.expression : []));
    expect(await expression(`ALTER TABLE t ALTER a SET DEFAULT ${written}, ALTER b DROP NOT NULL`)).toEqual([
      printed,
    ]);
    expect(await expression(`SELECT 'ä'; CREATE TABLE t (b int, a int DEFAULT ${written})`)).toEqual([
      printed,
    ]);
    const followed = `ALTER TABLE t ADD a text DEFAULT ${written} COLLATE "C" CONSTRAINT n NOT NULL CHECK (a > 'a'), ADD b int`;
    expect(await expression(followed)).toEqual([printed]);
    expect(await expression(followed.replace(' COLLATE "C" CONSTRAINT n', ''))).toEqual([printed]);
    expect(await expression(followed.replace(/COLLATE.*CHECK/, 'CHECK'))).toEqual([printed]);
  });

  test('what a new column brings', async () => {
    expect(await effectsOf('ALTER TABLE orders ADD id bigserial PRIMARY KEY')).toEqual([
      { kind: 'column type', table: orders, column: 'id', type: 'bigint' },
      { kind: 'default', table: orders, column: 'id', expression: null },
      { kind: 'set not null', table: orders, column: 'id' },
      { kind: 'set not null', table: orders, column: 'id' },
      {
        kind: 'index',
        table: orders,
        name: null,
        keys: [{ column: 'id' }],
        unique: true,
        primary: true,
        predicate: null,
        deferrable: false,
      },
    ]);
  });

  test('only where it is not there already', async () => {
    const conditional = await effectsOf(
      'ALTER TABLE orders ADD COLUMN IF NOT EXISTS a int; CREATE TABLE IF NOT EXISTS a (b int); CREATE INDEX IF NOT EXISTS i ON a (b)',
    );
    expect(conditional.map(({ unlessExists }) => unlessExists)).toEqual([true, true, true, true]);
  });
});

describe('indexes', () => {
  const keys = async (list: string) =>
    (await effectsOf(`CREATE UNIQUE INDEX i ON orders ${list}`)).flatMap((effect) =>
      effect.kind === 'index' ? effect.keys : [],
    );
  const [a, b] = [{ column: 'a' }, { column: 'b' }];

  test.each([
    ['(a DESC, b)', [a, b]],
    ['(a text_pattern_ops, b)', [a, b]],
    ['(a COLLATE "C" DESC NULLS LAST, b)', [a, b]],
    ['(lower(email), tenant_id)', [{ expression: 'lower(email)' }, { column: 'tenant_id' }]],
    [
      "USING btree (a, (x || ',' || f(y, 1)) text_pattern_ops DESC, b)",
      [a, { expression: "x || ',' || f(y, 1)" }, b],
    ],
    ['((lower(a)), ((b)))', [{ expression: 'lower(a)' }, { expression: 'b' }]],
    ["(a, (b -> 'c')) INCLUDE (d) WHERE (e IN (1, 2))", [a, { expression: "b -> 'c'" }]],
    ['("É", "A b")', [{ column: 'É' }, { column: 'A b' }]],
  ])('%s', async (list, expected) => {
    expect(await keys(list)).toEqual(expected);
    expect(await keys(`/* ( ä */ ${list}`)).toEqual(expected);
  });

  test('their predicate, without outer brackets and comments', async () => {
    const [effect] = await effectsOf(
      "CREATE INDEX i ON orders (a) WHERE ((status = 'open') AND -- (not those)\n gone IS NULL)",
    );
    expect(effect).toMatchObject({ predicate: "(status = 'open') AND gone IS NULL", unique: false });
    expect((await effectsOf('CREATE INDEX i ON orders (a) WHERE (a) IS NULL'))[0]).toMatchObject({
      predicate: '(a) IS NULL',
    });
  });

  test('what constraints make, and what they take over', async () => {
    const made =
      await effectsOf(`CREATE TABLE orders (a int UNIQUE DEFERRABLE, b int, UNIQUE NULLS NOT DISTINCT (b, a));
      ALTER TABLE orders ADD CONSTRAINT k EXCLUDE USING gist ((lower(a)) WITH =, b WITH &&) WHERE (b > 0) DEFERRABLE,
        ADD CONSTRAINT p PRIMARY KEY USING INDEX i`);
    const index = { kind: 'index', table: orders, name: null, unique: true, primary: false, predicate: null };
    expect(made.filter(({ kind }) => kind.startsWith('index'))).toEqual([
      { ...index, keys: [a], deferrable: true },
      { ...index, keys: [b, a], deferrable: false },
      {
        ...index,
        name: 'k',
        keys: [{ expression: 'lower(a)' }, b],
        unique: false,
        predicate: 'b > 0',
        deferrable: true,
      },
      { kind: 'index as constraint', table: orders, index: 'i', name: 'p', primary: true, deferrable: false },
    ]);
  });
});

test('a comment makes nothing, whatever it says', async () => {
  expect(
    await effectsOf("COMMENT ON COLUMN orders.id IS 'ALTER TABLE orders ALTER id SET DEFAULT 1'"),
  ).toEqual([]);
  expect(
    await effectsOf("INSERT INTO orders VALUES ('CREATE INDEX i ON orders (a)'); DO $$ BEGIN END $$"),
  ).toEqual([]);
});

test('foreign keys are over their own columns', async () => {
  const [key, type] = await effectsOf(
    'ALTER TABLE orders ADD FOREIGN KEY (other_id) REFERENCES app.accounts NOT VALID, ADD COLUMN account_id int',
  );
  expect(key).toEqual({
    kind: 'foreign key',
    table: orders,
    name: null,
    columns: ['other_id'],
    references: { schema: 'app', name: 'accounts' },
    referenced: [],
    validated: false,
  });
  expect(type).toMatchObject({ kind: 'column type', column: 'account_id' });
});

test('names: the file’s own path, temporary tables, quotes', async () => {
  const table = async (sql: string) =>
    (await effectsOf(sql)).flatMap((effect) => ('table' in effect ? effect.table : []))[0];
  const create = 'CREATE TABLE "T" (); ';
  expect(await table(`SET LOCAL search_path = "Odd one"; ${create}`)).toEqual({
    schema: 'Odd one',
    name: 'T',
  });
  expect(await table(`SET LOCAL search_path = a, b; ${create}`)).toEqual({ schema: null, name: 'T' });
  expect(await table(`CREATE SCHEMA s ${create}`)).toEqual({ schema: 's', name: 'T' });
  expect(await table('CREATE TEMP TABLE t (a int); ALTER TABLE t ADD b int; DROP TABLE t')).toBeUndefined();
});

test('functions, extensions, privileges', async () => {
  expect(
    await brief(`CREATE FUNCTION app.f(a int, OUT b text, VARIADIC c numeric(3,1)[]) LANGUAGE sql AS ' SELECT 1 ';
      DROP FUNCTION f(int); DROP EXTENSION hstore; CREATE EXTENSION IF NOT EXISTS "uuid-ossp";
      GRANT SELECT, INSERT ON orders TO shop, PUBLIC; GRANT UPDATE (a) ON orders TO shop; REVOKE ALL ON SCHEMA app FROM shop;
      REVOKE GRANT OPTION FOR SELECT ON orders FROM shop`),
  ).toMatchInlineSnapshot(`
    [
      "{"kind":"rights unknown","object":"f","roles":null}",
      "{"kind":"function","function":{"schema":"app","name":"f"},"arguments":["integer","numeric[]"],"source":"0863a14afc860187314066b57bccf8c5f1c3047ada3d02df15e2abe6d6c39ed5"}",
      "{"kind":"drop function","function":{"schema":null,"name":"f"}}",
      "{"kind":"drop extension","name":"hstore"}",
      "{"kind":"extension","name":"uuid-ossp"}",
      "{"kind":"grant","on":"table","object":{"schema":null,"name":"orders"},"privileges":["select","insert"],"roles":["shop","public"]}",
      "{"kind":"revoke","on":"schema","object":{"schema":null,"name":"app"},"privileges":[],"roles":["shop"]}",
    ]
  `);
});

test('a `down` has effects too', async () => {
  const { down } = await compileUp('CREATE INDEX i ON orders (a)', '-- migrate:down\nDROP INDEX i;');
  expect(down[0]!.effects).toEqual([{ kind: 'drop index', index: { schema: null, name: 'i' } }]);
});

test('checks: the calls of our own functions, with their literals', async () => {
  const { migrations } = await compile({
    '0001_a.sql': `-- migrate:up
SELECT 1;
-- migrate:verify
SELECT trueup.col_has_default('orders', 'id');
SELECT * FROM trueup.fk_ok('orders', ARRAY['a', 'b']::text[], on_delete => 'c') UNION ALL SELECT trueup.x(NULL, 1.5, -2, now(), true);
SELECT 'trueup.col_has_default' WHERE other.col_has_default('a') IS NULL`,
  });
  expect(migrations[0]!.verify.map(({ checks }) => checks)).toEqual([
    [{ function: 'col_has_default', arguments: ['orders', 'id'] }],
    [
      { function: 'fk_ok', arguments: ['orders', ['a', 'b']], named: { on_delete: 'c' } },
      { function: 'x', arguments: [null, '1.5', '-2', null, 'true'] },
    ],
    [],
  ]);
});

const SCRIPT = `
CREATE TABLE a (id serial PRIMARY KEY, code varchar(20) NOT NULL UNIQUE, n numeric(10,2)[] DEFAULT '{}', at timestamptz(3) DEFAULT now(),
  kind "char", c char(3), d char, i interval, f float, g float(3), h double precision, b bit(3), v bit varying, t time, u time with time zone,
  y smallint, x bigint, o boolean, j jsonb, w text COLLATE "C" DEFAULT 'x' || 'y', l int[][] , r int4range, q text NULL);
CREATE TABLE b (a_id int REFERENCES a, other int, "Odd Name" text, CONSTRAINT pair UNIQUE (a_id, other), CHECK (other > 0),
  FOREIGN KEY (other) REFERENCES a (id) ON DELETE CASCADE, EXCLUDE USING btree (other WITH =));
CREATE TABLE c (k int GENERATED ALWAYS AS IDENTITY, z int DEFAULT NULL, s int GENERATED ALWAYS AS (1) STORED);
ALTER TABLE c ADD PRIMARY KEY (k), ADD COLUMN m text DEFAULT 'm' NOT NULL, ADD COLUMN e int, ALTER z SET DEFAULT 3, DROP s;
ALTER TABLE c ALTER m DROP DEFAULT, ALTER m DROP NOT NULL, ALTER e SET NOT NULL, ALTER z TYPE bigint USING z + 1;
ALTER TABLE c ALTER e ADD GENERATED BY DEFAULT AS IDENTITY;
CREATE UNIQUE INDEX lower_code ON a (lower(w), id DESC) WHERE (n IS NOT NULL);
CREATE INDEX gone ON a (y); DROP INDEX gone; CREATE INDEX before ON a (x); ALTER INDEX before RENAME TO after;
CREATE UNIQUE INDEX as_key ON b (other, a_id); ALTER TABLE b ADD CONSTRAINT the_key UNIQUE USING INDEX as_key DEFERRABLE;
ALTER TABLE b ADD CONSTRAINT later FOREIGN KEY (other) REFERENCES a NOT VALID, DROP CONSTRAINT pair, ADD CONSTRAINT proved CHECK (other < 9) NOT VALID;
ALTER TABLE b VALIDATE CONSTRAINT later;
ALTER TABLE b RENAME CONSTRAINT later TO sooner; ALTER TABLE b RENAME COLUMN "Odd Name" TO plain; ALTER TABLE b RENAME TO "B";
CREATE TABLE d AS SELECT 1 AS one; CREATE TABLE e (); DROP TABLE e; CREATE TEMP TABLE f (a int PRIMARY KEY);
CREATE SCHEMA other CREATE TABLE g (a int); ALTER TABLE d SET SCHEMA other; SET LOCAL search_path = other; CREATE TABLE h (a uuid);
`;

describe.each(majors())('PostgreSQL %i', (major) => {
  test('has what the effects say, and nothing else', async () => {
    const { migrations } = await compile({ '0001_a.sql': CONSENT + file(SCRIPT) });
    const client = await connect(await createDatabase(major));
    await client.query(`BEGIN; ${SCRIPT}`);
    const played = new Played();
    for (const { effects } of migrations[0]!.statements) effects.forEach(played.play);
    expect(played.tables()).toEqual(await played.read(client));
  });
});
