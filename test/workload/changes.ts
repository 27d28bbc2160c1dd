/** Realistic changes of a schema: does the statement of the running application still plan, and what does running it do? */
import { expect, test } from 'vitest';
import { brief, shop, truth } from './support';

interface Change {
  readonly what: string;
  readonly before: string;
  readonly after: string;
  readonly text: string;
  readonly values: readonly unknown[];
  /** By planning; the types that it answers differ where `types` says so. */
  readonly verdict: string;
  readonly types?: true;
  /** Running it afterwards. */
  readonly runs: string;
}

const T = 'CREATE TABLE t (id int PRIMARY KEY, email text, status text)';
const change = (
  what: string,
  [before, after]: readonly [string, string],
  [text, values]: readonly [string, readonly unknown[]],
  verdict: string,
  runs: string,
  types?: true,
): Change => ({ what, before, after, text, values, verdict, runs, ...(types ? { types } : {}) });

const INSERT = ['INSERT INTO t (id, email) VALUES ($1, $2)', [1, 'a']] as const;
const UPSERT = [
  'INSERT INTO t (id, email) VALUES ($1, $2) ON CONFLICT (email) DO NOTHING',
  [1, 'a'],
] as const;
const UNIQUE = `${T}; CREATE UNIQUE INDEX by_email ON t (email)`;
const PLUS =
  'CREATE FUNCTION plus(a int, b int DEFAULT 1) RETURNS int LANGUAGE plpgsql AS $$ BEGIN RETURN a + b; END $$';
const ENUM = "CREATE TYPE mood AS ENUM ('glad', 'sad'); CREATE TABLE t (id int PRIMARY KEY, mood mood)";
const SWAP = 'ALTER TABLE t RENAME TO old; CREATE TABLE t (LIKE old INCLUDING DEFAULTS)';

export const CHANGES: readonly Change[] = [
  change('a column renamed', [T, 'ALTER TABLE t RENAME email TO mail'], INSERT, '42703', '42703'),
  change('a table dropped', [T, 'DROP TABLE t'], INSERT, '42P01', '42P01'),
  change(
    'NOT NULL added to a column that the statement leaves out',
    [T, 'ALTER TABLE t ALTER status SET NOT NULL'],
    INSERT,
    'would fail 23502 status',
    '23502',
  ),
  change(
    'the only unique index of an ON CONFLICT dropped',
    [UNIQUE, 'DROP INDEX by_email'],
    UPSERT,
    '42P10',
    '42P10',
  ),
  change(
    'a unique index of other columns in its place',
    [UNIQUE, 'CREATE UNIQUE INDEX narrow ON t (email, status); DROP INDEX by_email'],
    UPSERT,
    '42P10',
    '42P10',
  ),
  change(
    'the same index built anew, the old one dropped',
    [UNIQUE, 'CREATE UNIQUE INDEX fresh ON t (email); DROP INDEX by_email'],
    UPSERT,
    'plans',
    'ok',
  ),
  change(
    'identity lost when the table was copied with LIKE',
    ['CREATE TABLE t (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, email text)', SWAP],
    ['INSERT INTO t (email) VALUES ($1)', ['a']],
    'would fail 23502 id',
    '23502',
  ),
  change(
    'a column generated from now on',
    [T, 'ALTER TABLE t DROP status; ALTER TABLE t ADD status text GENERATED ALWAYS AS (email) STORED'],
    ['UPDATE t SET status = $1', ['a']],
    '428C9',
    '428C9',
  ),
  change(
    'the primary key of a GROUP BY lost',
    [T, 'ALTER TABLE t DROP CONSTRAINT t_pkey'],
    ['SELECT id, email FROM t GROUP BY id', []],
    '42803',
    '42803',
  ),
  change(
    "an argument's default removed",
    [PLUS, `DROP FUNCTION plus; ${PLUS.replace(' DEFAULT 1', '')}`],
    ['SELECT plus($1)', [1]],
    '42883',
    '42883',
  ),
  change(
    'a constraint of ON CONFLICT ON CONSTRAINT renamed',
    ['CREATE TABLE t (id int CONSTRAINT one UNIQUE)', 'ALTER TABLE t RENAME CONSTRAINT one TO two'],
    ['INSERT INTO t VALUES ($1) ON CONFLICT ON CONSTRAINT one DO NOTHING', [1]],
    '42704',
    '42704',
  ),
  change(
    'a constraint made deferrable',
    [
      'CREATE TABLE t (id int, email text CONSTRAINT one UNIQUE)',
      'ALTER TABLE t DROP CONSTRAINT one; ALTER TABLE t ADD CONSTRAINT one UNIQUE (email) DEFERRABLE',
    ],
    UPSERT,
    'would fail 55000 public.one',
    '55000',
  ),
  change(
    'a view in place of the table, as it was',
    [T, 'ALTER TABLE t RENAME TO base; CREATE VIEW t AS SELECT id, email, status FROM base'],
    INSERT,
    'plans',
    'ok',
  ),
  change(
    'a default dropped from a column that may be empty',
    [`${T}; ALTER TABLE t ALTER status SET DEFAULT 'new'`, 'ALTER TABLE t ALTER status DROP DEFAULT'],
    INSERT,
    'plans',
    'ok',
  ),
  change(
    "a column's type changed",
    ['CREATE TABLE t (id int PRIMARY KEY)', 'ALTER TABLE t ALTER id TYPE text'],
    ['SELECT id FROM t WHERE id = $1', [1]],
    'plans',
    'ok',
    true,
  ),
  change(
    'a column added under SELECT *',
    [T, 'ALTER TABLE t ADD extra int'],
    ['SELECT * FROM t', []],
    'plans',
    'ok',
    true,
  ),
  change(
    'a shorter varchar',
    [T, 'ALTER TABLE t ALTER email TYPE varchar(3)'],
    ['INSERT INTO t (id, email) VALUES ($1, $2)', [1, 'long']],
    'plans',
    '22001',
  ),
  change('a CHECK added', [T, "ALTER TABLE t ADD CHECK (email <> 'a')"], INSERT, 'plans', '23514'),
  change(
    'a foreign key added',
    [`${T}; CREATE TABLE u (id int PRIMARY KEY)`, 'ALTER TABLE t ADD FOREIGN KEY (id) REFERENCES u'],
    INSERT,
    'plans',
    '23503',
  ),
  change(
    'a unique index added',
    [`${T}; INSERT INTO t VALUES (2, 'a')`, 'CREATE UNIQUE INDEX ON t (email)'],
    INSERT,
    'plans',
    '23505',
  ),
  change(
    'NOT NULL added to a column that the statement writes',
    [T, 'ALTER TABLE t ALTER email SET NOT NULL'],
    ['INSERT INTO t (id, email) VALUES ($1, $2)', [1, null]],
    'plans',
    '23502',
  ),
  change(
    'no partition for the row',
    [
      'CREATE TABLE t (id int, email text) PARTITION BY LIST (id); CREATE TABLE t1 PARTITION OF t FOR VALUES IN (1)',
      'DROP TABLE t1',
    ],
    INSERT,
    'plans',
    '23514',
  ),
  change(
    'a value of an enum renamed',
    [ENUM, "ALTER TYPE mood RENAME VALUE 'glad' TO 'happy'"],
    ['INSERT INTO t VALUES ($1, $2)', [1, 'glad']],
    'plans',
    '22P02',
  ),
  change(
    "a function's body broken",
    [PLUS, PLUS.replace('CREATE', 'CREATE OR REPLACE').replace('a + b', 'a / 0')],
    ['SELECT plus($1)', [1]],
    'plans',
    '22012',
  ),
  change(
    "a trigger's function broken",
    [
      `${T}; CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$; CREATE TRIGGER g BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION f()`,
      'CREATE OR REPLACE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.gone := 1; RETURN NEW; END $$',
    ],
    INSERT,
    'plans',
    '42703',
  ),
];

/** As docs/workload.md lists it. */
export function rowOf({ what, verdict, runs, types }: Change): string {
  const planned = verdict.replace(/^(would fail \d+).*/, '$1');
  const seen =
    verdict !== 'plans'
      ? `yes: ${planned}`
      : types
        ? 'no; the types in the answer differ'
        : runs === 'ok'
          ? 'nothing breaks, and it plans'
          : `no: ${runs} when it runs`;
  return `| ${what} | ${seen} |`;
}

export function changes(major: number): void {
  test.each(CHANGES.map((each) => [each.what, each] as const))('%s', async (_, each) => {
    const { client, plan } = await shop(major, each.before);
    const ask = { text: each.text, role: null, searchPath: 'public' };
    const [before] = await plan([ask]);
    expect(brief(before!)).toBe('plans');
    await client.query(each.after);
    const [after] = await plan([ask]);
    const runs = await truth(client, each.text, each.values);
    // PostgreSQL 13 has another SQLSTATE for it.
    const as = (code: string): string => (major === 13 && code === '428C9' ? '42601' : code);
    expect([brief(after!), runs]).toEqual([as(each.verdict), as(each.runs)]);
    const types = ({ parameterTypes, resultTypes }: typeof after & object) => [parameterTypes, resultTypes];
    // What it returns is known from PostgreSQL 16 on; what it takes everywhere.
    const seen = major >= 16 || after!.parameterTypes.length > 0;
    if (after!.outcome === 'plans' && each.types && seen) expect(types(after!)).not.toEqual(types(before!));
  });
}
