import { beforeAll, describe, expect, test } from 'vitest';
import { loadParser } from '../../lib/compiler/read/parser';
import { normalizeWorkloadStatement, StatementExcluded } from '../../lib/workload/normalize';

beforeAll(loadParser);

describe('constants become parameters', () => {
  test.each([
    ["SELECT a FROM t WHERE b = 'x' AND c = 5", 'SELECT a FROM t WHERE b = $1 AND c = $2'],
    ['SELECT f($2, $1, 5, $2)', 'SELECT f($1, $2, $3, $1)'],
    ['SELECT -5, - 5, a-5, -2.5e3 FROM t', 'SELECT $1, $2, a-$3, $4 FROM t'],
    [
      "SELECT E'a\\n', B'101', X'1F', $$d$$, $t$d$t$, 'a'\n'b' FROM t",
      'SELECT $1, $2, $3, $4, $5, $6 FROM t',
    ],
    ["SELECT U&'d\\0061', U&'d!0061' UESCAPE '!', 1 FROM t", 'SELECT $1, $2, $3 FROM t'],
    ['SELECT "naïve", \'é\' FROM "t😀" WHERE x = \'😀\'', 'SELECT "naïve", $1 FROM "t😀" WHERE x = $2'],
    [
      "INSERT INTO t VALUES (1, DEFAULT, 'x') ON CONFLICT (a) DO UPDATE SET b = 'y' RETURNING *",
      'INSERT INTO t VALUES ($1, DEFAULT, $2) ON CONFLICT (a) DO UPDATE SET b = $3 RETURNING *',
    ],
    ['SELECT a FROM t LIMIT 5 OFFSET 10', 'SELECT a FROM t LIMIT $1 OFFSET $2'],
    [
      "SELECT ARRAY[1,2], ROW(3,'a'), '{1}'::int[] FROM t",
      'SELECT ARRAY[$1, $2], ROW($3, $4), $5::int[] FROM t',
    ],
    // What names no sequence, or hides in its place.
    [
      "SELECT nextval('a b; c'), nextval(concat('x', a)), setval('s', 'y'), lower('z')",
      "SELECT nextval($1), nextval(concat($2, a)), setval('s', $3), lower($4)",
    ],
  ])('%s', (sql, text) => {
    expect(normalizeWorkloadStatement(sql).text).toBe(text);
  });
});

describe('what a plan depends on stays', () => {
  test.each([
    ['a position', 'SELECT a FROM t GROUP BY 1, ROLLUP(2) ORDER BY 1 DESC'],
    ['the length of a long type', 'SELECT a::varchar(4000), b::bit(83886080) FROM t'],
    ['the length of a type', 'SELECT CAST($1 AS numeric(5, 2)), $2::varchar(10) FROM t'],
    ['true, false and NULL', 'SELECT a FROM t WHERE active = true AND b IS NULL AND NOT c = false'],
    ['the field of EXTRACT', 'SELECT extract(epoch from a) FROM t'],
    [
      'the name of a sequence',
      `SELECT nextval('orders_id_seq'), currval('shop."Odd"'::regclass), setval('s', $1) FROM t`,
    ],
  ])('%s', (_what, sql) => {
    expect(normalizeWorkloadStatement(sql).text).toBe(sql);
  });
});

describe('a type in front of a constant, which a parameter cannot have, goes behind it', () => {
  test.each([
    ["SELECT interval '1 day' FROM t", 'SELECT $1::interval FROM t'],
    ['SELECT now() - interval $1 FROM t', 'SELECT now() - $1::interval FROM t'],
    ["SELECT interval '1' day, 2 FROM t", 'SELECT $1::interval day, $2 FROM t'],
    [
      "SELECT interval '1 2' day to second (3), 'x' FROM t",
      'SELECT $1::interval day to second (3), $2 FROM t',
    ],
    ["SELECT interval(3) '1 day' FROM t", 'SELECT $1::interval(3) FROM t'],
    ["SELECT date '2020-01-01' FROM t", 'SELECT $1::date FROM t'],
    ["SELECT timestamp with time zone '2020-01-01' FROM t", 'SELECT $1::timestamp with time zone FROM t'],
    ["SELECT pg_catalog.int4 '1', N'x' FROM t", 'SELECT $1::pg_catalog.int4, $2::bpchar FROM t'],
  ])('%s', (sql, text) => {
    expect(normalizeWorkloadStatement(sql).text).toBe(text);
  });
});

describe('the form does not matter', () => {
  test.each([
    ['SELECT a -- x\n  FROM t /* y */ WHERE b = $1;', 'SELECT a FROM t WHERE b = $1'],
    // PostgreSQL 18 writes lists like this.
    ['SELECT a FROM t WHERE b IN ($1 /*, ... */)', 'SELECT a FROM t WHERE b IN ($1)'],
    ['SELECT a FROM t LIMIT $2 OFFSET $1', 'SELECT a FROM t LIMIT $1 OFFSET $2'],
    ['SELECT a,b FROM t WHERE c IN ($1,$2)', 'SELECT a, b FROM t WHERE c IN ($1, $2)'],
  ])('%s', (sql, text) => {
    expect(normalizeWorkloadStatement(sql).text).toBe(text);
    expect(normalizeWorkloadStatement(text).text).toBe(text);
  });
});

describe('what is no statement to plan, or cannot be freed of its values, is left out', () => {
  test.each([
    ["ALTER ROLE app PASSWORD 'secret'", 'a command that PostgreSQL does not plan'],
    ['DO $$ secret $$', 'a command that PostgreSQL does not plan'],
    ["PREPARE p AS SELECT 'secret'", 'a command that PostgreSQL does not plan'],
    ["DECLARE c CURSOR FOR SELECT 'secret'", 'a command that PostgreSQL does not plan'],
    ["EXPLAIN SELECT 'secret'", 'a command that PostgreSQL does not plan'],
    ["CREATE TABLE t AS SELECT 'secret'", 'a command that PostgreSQL does not plan'],
    ["SELECT 'secret' INTO t", 'a command that PostgreSQL does not plan'],
    ['COPY t FROM STDIN', 'a command that PostgreSQL does not plan'],
    ['SELECT 1; SELECT 2', 'several statements in one text'],
    ['SELEC secret', 'does not parse'],
    ['-- secret', 'no statement'],
    ['', 'no statement'],
    ["SELECT * FROM pg_class WHERE relname = 'secret'", 'reads only the catalog'],
    ['SELECT * FROM information_schema.tables t, tools.pg_stat_statements', 'reads only the catalog'],
    ["SELECT pg_catalog.set_config('secret', $1, false)", 'reads only the catalog'],
    ["SELECT 'secret'", 'uses no table and calls no function'],
    ['SELECT * FROM trueup.migrations', "one of Trueup's own statements"],
    ["SELECT trueup.has_column('t', 'a')", "one of Trueup's own statements"],
    [`SELECT f('${'x'.repeat(1024 * 1024)}')`, 'longer than 1 MiB'],
    [`SELECT f(${Array.from({ length: 1001 }, (_, i) => i).join()})`, 'more than 1,000 parameters'],
    ['SELECT x::int[3] FROM t', 'has a constant that cannot be replaced by a parameter'],
  ])('%.40s', (sql, reason) => {
    expect(() => normalizeWorkloadStatement(sql)).toThrow(new StatementExcluded(reason));
  });
});

test("in the target of ON CONFLICT '' and 0 stay, since it has to match an index", () => {
  const text = (target: string, rest: string) =>
    `INSERT INTO t (a) VALUES ($1) ON CONFLICT ${target} ${rest}`;
  for (const target of ["(COALESCE(a, ''::text))", "((a || ''), b) WHERE b <> 0"])
    expect(normalizeWorkloadStatement(text(target, "DO UPDATE SET a = ''")).text).toBe(
      text(target, 'DO UPDATE SET a = $2'),
    );
  expect(normalizeWorkloadStatement(text("(COALESCE(a, text ''))", 'DO NOTHING')).text).toContain(
    "(COALESCE(a, text ''))",
  );
  expect(
    normalizeWorkloadStatement(text("(COALESCE(a, 'none'), COALESCE(b, -1))", 'DO NOTHING')).text,
  ).toContain('(COALESCE(a, $2), COALESCE(b, $3))');
});

/** Whatever the parser takes, no marked value is left in what is kept. */
describe('no value survives', () => {
  const FORMS = [
    "'MARK'",
    "E'MARK'",
    "U&'MARK'",
    "B'1010'",
    '$$MARK$$',
    '$a$MARK$a$',
    "N'MARK'",
    '9876543',
    '98.76543',
    "'MARK'::text",
    "CAST('MARK' AS text)",
    "date 'MARK'",
    "interval 'MARK'",
    "interval 'MARK' day",
    "ARRAY['MARK']",
    "ROW('MARK')",
    "lower('MARK')",
    "f(a => 'MARK')",
    "'MARK' || $1",
    "CASE 'MARK' WHEN 'MARK' THEN 'MARK' ELSE 'MARK' END",
    "xmlelement(name x, 'MARK')",
    "extract('MARK' from a)",
    'a COLLATE "C" || \'MARK\'',
    "a AT TIME ZONE 'MARK'",
    "a LIKE 'MARK' ESCAPE 'M'",
    "(SELECT 'MARK')",
    "EXISTS (SELECT FROM t WHERE a = 'MARK')",
    "a IN ('MARK', 'MARK')",
    "a BETWEEN 'MARK' AND 'MARK'",
    "JSON_VALUE(a, '$.MARK' DEFAULT 'MARK' ON EMPTY)",
    "a -> 'MARK' ->> 'MARK'",
    "a['MARK']",
    "substring(a from 'MARK' for 'MARK')",
    "count(*) FILTER (WHERE a = 'MARK')",
    "string_agg(a, 'MARK' ORDER BY 'MARK')",
    'percentile_cont(0.9876) WITHIN GROUP (ORDER BY a)',
    "lag(a, 98765) OVER (PARTITION BY 'MARK' ORDER BY 'MARK' ROWS 98765 PRECEDING)",
    'make_interval(secs => 98.76543)',
  ];
  const STATEMENTS = [
    (v: string) => `SELECT ${v} FROM t /* MARK */`,
    (v: string) => `SELECT a FROM t WHERE ${v} = a -- MARK`,
    (v: string) => `SELECT a FROM t GROUP BY a, ${v}`,
    (v: string) => `SELECT a FROM t ORDER BY ${v} LIMIT ${v}`,
    (v: string) => `INSERT INTO t (a) VALUES (${v}) ON CONFLICT (a) WHERE a = ${v} DO UPDATE SET a = ${v}`,
    (v: string) => `UPDATE t SET a = ${v} WHERE a = ${v} RETURNING ${v}`,
    (v: string) => `DELETE FROM t USING (VALUES (${v})) AS v WHERE t.a = ${v}`,
    (v: string) => `WITH x AS (SELECT ${v} AS a) SELECT * FROM x, LATERAL (SELECT ${v}) AS y`,
    (v: string) => `MERGE INTO t USING s ON t.a = ${v} WHEN MATCHED AND ${v} = t.a THEN UPDATE SET a = ${v}`,
    (v: string) => `SELECT a FROM t TABLESAMPLE SYSTEM (${v}), generate_series(${v}, ${v})`,
  ];
  test.each(FORMS)('%s', (form) => {
    let kept = 0;
    for (const statement of STATEMENTS) {
      try {
        const { text } = normalizeWorkloadStatement(statement(form));
        kept++;
        expect(text).not.toMatch(/MARK|98\.?76|1010/);
        expect(normalizeWorkloadStatement(text).text).toBe(text);
      } catch (error) {
        if (!(error instanceof StatementExcluded)) throw error;
        expect(error.message).not.toMatch(/MARK/);
      }
    }
    expect(kept).toBeGreaterThan(0);
  });
});
