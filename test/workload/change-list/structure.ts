/** Seen by the plan, or nothing breaks. */
import { type Change, change, GRANT, INSERT, PLUS, READ, ROW, SWAP, T, UNIQUE, UPSERT, VIEW } from './change';

export const STRUCTURE: readonly Change[] = [
  change(
    'a column renamed',
    [T, 'ALTER TABLE t RENAME email TO mail'],
    INSERT,
    'refuses by plan: fails 42703',
    '42703',
  ),
  change('a table dropped', [T, 'DROP TABLE t'], INSERT, 'refuses by plan: fails 42P01', '42P01'),
  change(
    'NOT NULL added to a column that the statement leaves out',
    [T, 'ALTER TABLE t ALTER status SET NOT NULL'],
    INSERT,
    'refuses by plan: would-fail 23502',
    '23502',
  ),
  change(
    'the only unique index of an ON CONFLICT dropped',
    [UNIQUE, 'DROP INDEX by_email'],
    UPSERT,
    'refuses by plan: fails 42P10',
    '42P10',
  ),
  change(
    'a unique index of other columns in its place',
    [UNIQUE, 'CREATE UNIQUE INDEX narrow ON t (email, status); DROP INDEX by_email'],
    UPSERT,
    'refuses by plan: fails 42P10',
    '42P10',
  ),
  change(
    'the same, and the statement has no ON CONFLICT',
    [UNIQUE, 'CREATE UNIQUE INDEX narrow ON t (email, status); DROP INDEX by_email'],
    INSERT,
    'nothing',
    'ok',
  ),
  change(
    'the same index built anew, the old one dropped',
    [UNIQUE, 'CREATE UNIQUE INDEX fresh ON t (email); DROP INDEX by_email'],
    UPSERT,
    'nothing',
    'ok',
  ),
  change(
    'a partitioned table in its place, whose unique index has the partition key too',
    [
      UNIQUE,
      `ALTER TABLE t RENAME TO old; CREATE TABLE t (LIKE old) PARTITION BY LIST (id); CREATE UNIQUE INDEX ON t (email, id);
       CREATE TABLE t1 PARTITION OF t DEFAULT; ${GRANT}`,
    ],
    UPSERT,
    'refuses by plan: fails 42P10',
    '42P10',
  ),
  change(
    'a partitioned table in its place, as it was',
    [
      ROW,
      `ALTER TABLE t RENAME TO old; CREATE TABLE t (LIKE old, PRIMARY KEY (id)) PARTITION BY LIST (id);
       CREATE TABLE t1 PARTITION OF t DEFAULT; INSERT INTO t SELECT * FROM old; ${GRANT}`,
    ],
    READ,
    'nothing',
    'rows',
  ),
  change(
    'identity lost when the table was copied with LIKE',
    ['CREATE TABLE t (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, email text)', `${SWAP}; ${GRANT}`],
    ['INSERT INTO t (email) VALUES ($1)', ['a']],
    'refuses by plan: would-fail 23502',
    '23502',
  ),
  change(
    'a column generated from now on',
    [T, 'ALTER TABLE t DROP status; ALTER TABLE t ADD status text GENERATED ALWAYS AS (email) STORED'],
    ['UPDATE t SET status = $1', ['a']],
    'refuses by plan: fails 428C9',
    '428C9',
  ),
  change(
    'the primary key of a GROUP BY lost',
    [T, 'ALTER TABLE t DROP CONSTRAINT t_pkey'],
    ['SELECT id, email FROM t GROUP BY id', []],
    'refuses by plan: fails 42803',
    '42803',
  ),
  change(
    'the same by a view in place of the table',
    [T, `${VIEW}; ${GRANT}`],
    ['SELECT id, email FROM t GROUP BY id', []],
    'refuses by plan: fails 42803',
    '42803',
  ),
  change(
    'a constraint of ON CONFLICT ON CONSTRAINT renamed',
    ['CREATE TABLE t (id int CONSTRAINT one UNIQUE)', 'ALTER TABLE t RENAME CONSTRAINT one TO two'],
    ['INSERT INTO t VALUES ($1) ON CONFLICT ON CONSTRAINT one DO NOTHING', [1]],
    'refuses by plan: fails 42704',
    '42704',
  ),
  change(
    'a constraint made deferrable',
    [
      'CREATE TABLE t (id int, email text CONSTRAINT one UNIQUE)',
      'ALTER TABLE t DROP CONSTRAINT one; ALTER TABLE t ADD CONSTRAINT one UNIQUE (email) DEFERRABLE',
    ],
    UPSERT,
    'refuses by plan: would-fail 55000',
    '55000',
  ),
  change(
    'a view with the old names in place of the table, for ON CONFLICT',
    [UNIQUE, `${VIEW}; ${GRANT}`],
    UPSERT,
    'nothing',
    'ok',
  ),
  change(
    'a view with the old names in place of the table, for FOR UPDATE',
    [ROW, `${VIEW}; ${GRANT}`],
    ['SELECT email FROM t WHERE id = $1 FOR UPDATE', [1]],
    'nothing',
    'rows',
  ),
  change('a table dropped and made again', [T, `DROP TABLE t; ${T}; ${GRANT}`], INSERT, 'nothing', 'ok'),
  change(
    'a default dropped from a column that may be empty',
    [`${T}; ALTER TABLE t ALTER status SET DEFAULT 'new'`, 'ALTER TABLE t ALTER status DROP DEFAULT'],
    INSERT,
    'nothing',
    'ok',
  ),
  change(
    "an argument's default removed",
    [PLUS, `DROP FUNCTION plus; ${PLUS.replace(' DEFAULT 1', '')}`],
    ['SELECT plus($1)', [1]],
    'refuses by plan: fails 42883',
    '42883',
  ),
];
