/** Every shape of INSERT, with the verdict that is due and what running it does. */
import { expect, test } from 'vitest';
import { brief, shop, truth } from './support';

const SCHEMA = `
  CREATE DOMAIN must AS text NOT NULL;
  CREATE DOMAIN must_default AS text NOT NULL DEFAULT 'd';
  CREATE DOMAIN must_twice AS must CHECK (VALUE <> '');
  CREATE TABLE t (id int GENERATED ALWAYS AS IDENTITY, gone int, a text NOT NULL, b text NOT NULL DEFAULT 'b', c text,
    twice text GENERATED ALWAYS AS (a || a) STORED NOT NULL);
  ALTER TABLE t DROP COLUMN gone;
  ALTER TABLE t ADD COLUMN late int NOT NULL DEFAULT 1;
  CREATE TABLE empty (a text);
  CREATE VIEW v AS SELECT a, b FROM t;
  CREATE VIEW narrow AS SELECT b, c FROM t;
  CREATE TABLE domains (m must, d must_default, x int);
  CREATE TABLE twice (m must_twice, x int);
  CREATE TABLE null_default (a text NOT NULL DEFAULT NULL, x int);
  CREATE TABLE triggered (a text NOT NULL, x int);
  CREATE FUNCTION fill() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.a := 'filled'; RETURN NEW; END $$;
  CREATE TRIGGER fills BEFORE INSERT ON triggered FOR EACH ROW EXECUTE FUNCTION fill();
  CREATE TABLE disabled (a text NOT NULL, x int);
  CREATE TRIGGER fills BEFORE INSERT ON disabled FOR EACH ROW EXECUTE FUNCTION fill();
  ALTER TABLE disabled DISABLE TRIGGER fills;
  CREATE TABLE after_trigger (a text NOT NULL, x int);
  CREATE TRIGGER fills AFTER INSERT ON after_trigger FOR EACH ROW EXECUTE FUNCTION fill();
  CREATE TABLE parts (k int NOT NULL, a text NOT NULL) PARTITION BY RANGE (k);
  CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM (0) TO (10);
  CREATE TABLE filled_parts (k int NOT NULL, a text NOT NULL) PARTITION BY RANGE (k);
  CREATE TABLE filled_parts_1 PARTITION OF filled_parts FOR VALUES FROM (0) TO (10);
  CREATE TRIGGER fills BEFORE INSERT ON filled_parts_1 FOR EACH ROW EXECUTE FUNCTION fill();
  CREATE VIEW instead AS SELECT a, x FROM triggered;
  CREATE FUNCTION do_it() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;
  CREATE TRIGGER instead INSTEAD OF INSERT ON instead FOR EACH ROW EXECUTE FUNCTION do_it();
  CREATE TABLE audited (x int); CREATE TABLE audit (x int, who text NOT NULL);
  CREATE RULE also AS ON INSERT TO audited DO ALSO INSERT INTO audit (x) VALUES (NEW.x);
  CREATE TABLE maybe_audited (x int);
  CREATE RULE also AS ON INSERT TO maybe_audited WHERE NEW.x > 5 DO ALSO INSERT INTO audit (x) VALUES (NEW.x);
  CREATE TABLE late_unique (k int UNIQUE DEFERRABLE, other int UNIQUE);
  CREATE TABLE fine_unique (k int UNIQUE, x int);
  CREATE TABLE quoted ("A b" text NOT NULL, x int);
  CREATE TABLE parent (id int PRIMARY KEY, x int); CREATE TABLE child (parent int, a text NOT NULL);`;

const NO_A = 'would fail 23502 a';
const ROW = 'undecided: it fails as soon as its query returns a row';
const FILLED = 'undecided: a column that must have a value gets none, unless a trigger of the table sets it';
const AMONG = 'undecided: one of several rows may have no value for a column that must have one';

/** Text, values to run it with, verdict, what running it does. */
const SHAPES: readonly [string, readonly unknown[], string, string][] = [
  ['INSERT INTO t (a, b) VALUES ($1, $2)', ['a', 'b'], 'plans', 'ok'],
  ['INSERT INTO t (a) VALUES ($1)', ['a'], 'plans', 'ok'],
  ['INSERT INTO t (b) VALUES ($1)', ['b'], NO_A, '23502'],
  ['INSERT INTO t (c, b) VALUES ($1, $2) RETURNING id', ['c', 'b'], NO_A, '23502'],
  ['INSERT INTO t DEFAULT VALUES', [], NO_A, '23502'],
  ['INSERT INTO t (a) VALUES (DEFAULT)', [], NO_A, '23502'],
  ['INSERT INTO t (a) VALUES (NULL)', [], NO_A, '23502'],
  ['INSERT INTO t (a, late) VALUES ($1, NULL)', ['a'], 'would fail 23502 late', '23502'],
  ['INSERT INTO t (a) VALUES ($1), ($2)', ['a', 'b'], 'plans', 'ok'],
  ['INSERT INTO t (b) VALUES ($1), ($2)', ['a', 'b'], NO_A, '23502'],
  ['INSERT INTO t (b, a) VALUES ($1, DEFAULT), ($2, $3)', ['a', 'b', 'c'], AMONG, '23502'],
  ['INSERT INTO t (a, b) VALUES ($1, DEFAULT), ($2, $3)', ['a', 'b', 'c'], AMONG, 'ok'],
  ['INSERT INTO t (c, a) VALUES ($1, NULL), ($2, $3)', ['c', 'c', 'a'], AMONG, '23502'],
  ['INSERT INTO t (b) SELECT a FROM empty', [], ROW, 'ok'],
  ['INSERT INTO t (b) SELECT $1 WHERE $2 > 3', ['a', 1], ROW, 'ok'],
  ['INSERT INTO t (b) SELECT $1::text', ['a'], NO_A, '23502'],
  ['INSERT INTO t (b) SELECT n FROM (VALUES ($1), ($2)) AS v (n) WHERE n = $3', ['a', 'b', 'c'], ROW, 'ok'],
  ['INSERT INTO t (b) SELECT $1 FROM generate_series($2::int, $3::int)', ['a', 1, 0], ROW, 'ok'],
  ['INSERT INTO t (a) SELECT a FROM empty', [], 'plans', 'ok'],
  ['WITH x AS (INSERT INTO t (b) VALUES ($1) RETURNING id) SELECT id FROM x', ['b'], NO_A, '23502'],
  ['WITH x AS (SELECT $1::text AS b) INSERT INTO t (b) SELECT b FROM x', ['b'], NO_A, '23502'],
  [
    'WITH p AS (INSERT INTO parent VALUES ($1, $2) ON CONFLICT DO NOTHING RETURNING id) INSERT INTO child (parent) SELECT id FROM p',
    [1, 2],
    ROW,
    '23502',
  ],
  ['INSERT INTO v (a) VALUES ($1)', ['a'], 'plans', 'ok'],
  ['INSERT INTO v (b) VALUES ($1)', ['b'], NO_A, '23502'],
  ['INSERT INTO narrow (b, c) VALUES ($1, $2)', ['b', 'c'], NO_A, '23502'],
  ['INSERT INTO instead (x) VALUES ($1)', [1], 'plans', 'ok'],
  ['INSERT INTO domains (m, x) VALUES ($1, $2)', ['m', 1], 'plans', 'ok'],
  ['INSERT INTO domains (x) VALUES ($1)', [1], 'would fail 23502 m', '23502'],
  ['INSERT INTO domains (m, d) VALUES ($1, NULL)', ['m'], 'would fail 23502 d', '23502'],
  ['INSERT INTO twice (m, x) VALUES ($1, $2)', ['m', 1], 'plans', 'ok'],
  ['INSERT INTO twice (x) VALUES ($1)', [1], 'would fail 23502 m', '23502'],
  ['INSERT INTO null_default (x) VALUES ($1)', [1], NO_A, '23502'],
  ['INSERT INTO triggered (x) VALUES ($1)', [1], FILLED, 'ok'],
  ['INSERT INTO triggered (a, x) VALUES ($1, $2)', ['a', 1], 'plans', 'ok'],
  ['INSERT INTO disabled (x) VALUES ($1)', [1], NO_A, '23502'],
  ['INSERT INTO after_trigger (x) VALUES ($1)', [1], NO_A, '23502'],
  ['INSERT INTO parts (k, a) VALUES ($1, $2)', [1, 'a'], 'plans', 'ok'],
  ['INSERT INTO parts (k) VALUES ($1)', [1], NO_A, '23502'],
  ['INSERT INTO filled_parts (k) VALUES ($1)', [1], FILLED, 'ok'],
  ['INSERT INTO audited (x) VALUES ($1)', [1], 'would fail 23502 who', '23502'],
  ['INSERT INTO maybe_audited (x) VALUES ($1)', [1], ROW, 'ok'],
  ['INSERT INTO t (id, a) VALUES ($1, $2)', [1, 'a'], '428C9', '428C9'],
  ['INSERT INTO t (id, a) OVERRIDING SYSTEM VALUE VALUES ($1, $2)', [1, 'a'], 'plans', 'ok'],
  ['INSERT INTO t (id, a) OVERRIDING SYSTEM VALUE VALUES (NULL, $1)', ['a'], 'would fail 23502 id', '23502'],
  ['INSERT INTO t (a, b, c) VALUES ($1, $2)', ['a', 'b'], '42601', '42601'],
  ['INSERT INTO t (b) VALUES ($1) ON CONFLICT DO NOTHING', ['b'], NO_A, '23502'],
  [
    'INSERT INTO late_unique (k) VALUES ($1) ON CONFLICT (k) DO NOTHING',
    [1],
    'would fail 55000 public.late_unique_k_key',
    '55000',
  ],
  [
    'INSERT INTO late_unique (k) VALUES ($1) ON CONFLICT DO NOTHING',
    [1],
    'would fail 55000 public.late_unique_k_key',
    '55000',
  ],
  ['INSERT INTO late_unique (other) VALUES ($1) ON CONFLICT (other) DO NOTHING', [1], 'plans', 'ok'],
  ['INSERT INTO late_unique (k) SELECT k FROM late_unique ON CONFLICT (k) DO NOTHING', [], ROW, 'ok'],
  ['INSERT INTO fine_unique (k) VALUES ($1) ON CONFLICT (k) DO UPDATE SET x = $2', [1, 2], 'plans', 'ok'],
  ['INSERT INTO fine_unique (x) VALUES ($1) ON CONFLICT (x) DO NOTHING', [1], '42P10', '42P10'],
  ['INSERT INTO quoted (x) VALUES ($1)', [1], 'would fail 23502 A b', '23502'],
];

export function insertShapes(major: number): void {
  test('every shape of INSERT, and what running it does', async () => {
    const { client, plan } = await shop(major, SCHEMA);
    const verdicts = (await plan(SHAPES.map(([text]) => text))).map(brief);
    const truths: string[] = [];
    for (const [text, values] of SHAPES) truths.push(await truth(client, text, values));
    const seen = SHAPES.map(([text], i) => [text, verdicts[i], truths[i]]);
    expect(seen).toEqual(SHAPES.map(([text, , verdict, outcome]) => [text, verdict, outcome]));
  });
}
