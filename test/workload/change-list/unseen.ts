/** What breaks and cannot be seen. */
import { type Change, change, ENUM, INSERT, PLUS, T } from './change';

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
    'a value of an enum renamed',
    [ENUM, "ALTER TYPE mood RENAME VALUE 'glad' TO 'happy'"],
    ['INSERT INTO t VALUES ($1, $2)', [1, 'glad']],
    'nothing',
    '22P02',
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
];
