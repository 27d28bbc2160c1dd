/** What breaks and cannot be seen. */
import { type Change, change, GRANT, INSERT, PLUS, ROLE, T } from './change';

export const UNSEEN: readonly Change[] = [
  change('a CHECK added', [T, "ALTER TABLE t ADD CHECK (email <> 'a')"], INSERT, 'nothing', '23514'),
  change(
    'a foreign key added',
    [`${T}; CREATE TABLE u (id int PRIMARY KEY)`, 'ALTER TABLE t ADD FOREIGN KEY (id) REFERENCES u'],
    INSERT,
    'nothing',
    '23503',
  ),
  change(
    'a unique index added',
    [`${T}; INSERT INTO t VALUES (2, 'a')`, 'CREATE UNIQUE INDEX ON t (email)'],
    INSERT,
    'nothing',
    '23505',
  ),
  change(
    'NOT NULL added to a column that the statement writes',
    [T, 'ALTER TABLE t ALTER email SET NOT NULL'],
    ['INSERT INTO t (id, email) VALUES ($1, $2)', [1, null]],
    'nothing',
    '23502',
  ),
  change(
    'no partition for the row',
    [
      'CREATE TABLE t (id int, email text) PARTITION BY LIST (id); CREATE TABLE t1 PARTITION OF t FOR VALUES IN (1)',
      'DROP TABLE t1',
    ],
    INSERT,
    'nothing',
    '23514',
  ),
  change(
    "a function's body broken",
    [PLUS, PLUS.replace('CREATE', 'CREATE OR REPLACE').replace('a + b', 'a / 0')],
    ['SELECT plus($1)', [1]],
    'nothing',
    '22012',
  ),
  change(
    "a column renamed that a function's body names",
    [
      `${T}; CREATE FUNCTION first() RETURNS text LANGUAGE plpgsql AS $$ BEGIN RETURN (SELECT min(email) FROM t); END $$`,
      'ALTER TABLE t RENAME email TO mail',
    ],
    ['SELECT first()', []],
    'nothing',
    '42703',
  ),
  change(
    "a trigger's function broken",
    [
      `${T}; CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$; CREATE TRIGGER g BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION f()`,
      'CREATE OR REPLACE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.gone := 1; RETURN NEW; END $$',
    ],
    INSERT,
    'nothing',
    '42703',
  ),
  change(
    'a CHECK added to a domain',
    [
      'CREATE DOMAIN mail AS text; CREATE TABLE t (id int, email mail)',
      "ALTER DOMAIN mail ADD CHECK (VALUE <> 'a')",
    ],
    INSERT,
    'nothing',
    '23514',
  ),
  change(
    'a foreign key added to a table that refers to this one, under DELETE',
    [
      `${T}; INSERT INTO t VALUES (1); CREATE TABLE u (t int); INSERT INTO u VALUES (1)`,
      'ALTER TABLE u ADD FOREIGN KEY (t) REFERENCES t',
    ],
    ['DELETE FROM t WHERE id = $1', [1]],
    'nothing',
    '23503',
  ),
  change(
    'a view WITH CHECK OPTION in place of a table',
    [
      T,
      `ALTER TABLE t RENAME TO base; CREATE VIEW t AS SELECT * FROM base WHERE email <> 'a' WITH CHECK OPTION; ${GRANT}`,
    ],
    INSERT,
    'nothing',
    '44000',
  ),
  change(
    'a trigger added that refuses the row',
    [
      T,
      `CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'no'; END $$; CREATE TRIGGER g BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION f()`,
    ],
    INSERT,
    'nothing',
    'P0001',
  ),
  change(
    'a policy changed so that it refuses the row',
    [
      `${T}; ALTER TABLE t ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON t USING (true)`,
      'ALTER POLICY p ON t USING (id > 1)',
    ],
    INSERT,
    'nothing',
    '42501',
  ),
  change(
    'a default that reads a setting that the session does not have',
    [T, "ALTER TABLE t ALTER status SET DEFAULT current_setting('app.tenant')"],
    INSERT,
    'nothing',
    '42704',
  ),
  change(
    'a sequence that has reached its last number',
    [
      `CREATE TABLE t (id serial, email text); GRANT ALL ON t_id_seq TO ${ROLE}`,
      "ALTER SEQUENCE t_id_seq MAXVALUE 7; SELECT setval('t_id_seq', 7)",
    ],
    ['INSERT INTO t (email) VALUES ($1)', ['a']],
    'nothing',
    '2200H',
  ),
  change(
    'a sequence restarted below numbers that are taken',
    [
      `CREATE TABLE t (id serial PRIMARY KEY, email text); INSERT INTO t (email) VALUES ('b'), ('c'), ('d'); GRANT ALL ON t_id_seq TO ${ROLE}`,
      'ALTER SEQUENCE t_id_seq RESTART',
    ],
    ['INSERT INTO t (email) VALUES ($1)', ['a']],
    'nothing',
    '23505',
  ),
  ...[
    ['an operator', 'CREATE OPERATOR === (leftarg = int, rightarg = text, procedure = same)', 'id === email'],
    ['a cast', 'CREATE CAST (pair AS boolean) WITH FUNCTION same(pair)', 'CAST(ROW(1)::pair AS boolean)'],
  ].map(([what, sql, condition]) =>
    change(
      `EXECUTE revoked of the function of ${what}`,
      [
        `${T}; INSERT INTO t VALUES (1, 'a'); CREATE TYPE pair AS (x int);
         CREATE FUNCTION same(a int, b text) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN RETURN true; END $$;
         CREATE FUNCTION same(a pair) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN RETURN true; END $$; ${sql}`,
        'REVOKE EXECUTE ON FUNCTION same(int, text), same(pair) FROM PUBLIC',
      ],
      [`SELECT id FROM t WHERE ${condition}`, []],
      'nothing',
      '42501',
    ),
  ),
  change(
    'EXECUTE on a function that a view calls is revoked',
    [
      `${PLUS}; ${T}; INSERT INTO t VALUES (1); CREATE VIEW v AS SELECT plus(id) AS n FROM t`,
      'REVOKE EXECUTE ON FUNCTION plus FROM PUBLIC',
    ],
    ['SELECT n FROM v', []],
    'nothing',
    '42501',
  ),
  change(
    'the privilege on one of several columns revoked',
    [
      `CREATE SCHEMA shop; GRANT USAGE ON SCHEMA shop TO ${ROLE}; CREATE TABLE shop.c (id int, a int); GRANT SELECT (id, a) ON shop.c TO ${ROLE}`,
      `REVOKE SELECT (a) ON shop.c FROM ${ROLE}`,
    ],
    ['SELECT a FROM shop.c WHERE id = $1', [1]],
    'nothing',
    '42501',
  ),
  change(
    'a privilege that one of several writing parts of a WITH needs is revoked',
    [`${T}; CREATE TABLE u (id int)`, `REVOKE INSERT ON u FROM ${ROLE}`],
    ['WITH a AS (INSERT INTO u VALUES ($1)) UPDATE t SET email = $2', [1, 'a']],
    'nothing',
    '42501',
  ),
  change(
    '`ALTER ROLE … SET default_transaction_read_only`',
    [T, `ALTER ROLE ${ROLE} SET default_transaction_read_only = on`],
    INSERT,
    'nothing',
    '25006',
    { connects: true },
  ),
  change(
    'a nondeterministic collation of a column, under ILIKE',
    [
      T,
      `CREATE COLLATION loose (provider = icu, locale = 'und-u-ks-level2', deterministic = false); ALTER TABLE t ALTER email TYPE text COLLATE loose; INSERT INTO t VALUES (1, 'a')`,
    ],
    ['SELECT id FROM t WHERE email ILIKE $1', ['a']],
    'nothing',
    '0A000',
  ),
];
