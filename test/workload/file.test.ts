import fc from 'fast-check';
import { beforeAll, describe, expect, test } from 'vitest';
import { loadParser } from '../../lib/compiler/read/parser';
import { readWorkload, WorkloadProblem, writeWorkload } from '../../lib/workload/file';
import { collect, merge, type Sent } from '../../lib/workload/workload';

beforeAll(loadParser);

const sent = (sql: string, change: Partial<Sent> = {}): Sent => ({
  sql,
  role: null,
  searchPath: null,
  calls: null,
  ...change,
});

test('a person can read it', () => {
  const workload = collect([
    sent("SELECT id, name FROM customers WHERE email = 'a@b.c'", { role: 'app', calls: 3 }),
    sent('SELECT id, name FROM customers WHERE email = $1', { role: 'app', calls: 4 }),
    sent('SELECT id, name FROM customers WHERE email = $1', {
      role: 'Report',
      searchPath: '"$user", public',
      calls: 1,
    }),
    sent(
      'INSERT INTO purchases (student_id, course_id, payment_id, amount_cents, paid_at) VALUES ($1, $2, $3, $4, now()) ON CONFLICT (student_id, course_id) WHERE is_active DO UPDATE SET paid_at = excluded.paid_at RETURNING id',
    ),
    sent('SET x = 1'),
    sent('ROLLBACK'),
  ]);
  expect(
    writeWorkload(workload),
  ).toBe(`-- Trueup workload, format 1: what the application sends, without values. \`trueup workload\` writes it.

-- role unknown
INSERT INTO purchases (student_id, course_id, payment_id, amount_cents, paid_at)
  VALUES ($1, $2, $3, $4, now())
  ON CONFLICT (student_id, course_id)
  WHERE is_active DO UPDATE SET paid_at = excluded.paid_at
  RETURNING id;

-- role "Report"; calls 1; search_path "$user", public
-- role app; calls 7
SELECT id, name FROM customers WHERE email = $1;
`);
  expect(workload.leftOut).toEqual(new Map([['a command that is not planned', 2]]));
});

const ROLES = [null, 'app', 'App', 'we"ird; calls 5', 'select', 'ü x'];
const STATEMENTS = [
  'SELECT f(1)',
  "SELECT a FROM t WHERE b = 'x' AND c IN (1, 2, 3) ORDER BY 1",
  "WITH x AS (SELECT a, b, c, d FROM a_table_with_a_long_name LEFT OUTER JOIN another_one USING (id) WHERE x = 'y' UNION ALL SELECT * FROM t) SELECT count(*) FROM x GROUP BY a HAVING count(*) > 5 LIMIT 10 FOR UPDATE",
  "UPDATE t SET a = $1, b = interval '1 day', c = (SELECT max(x) FROM a_table_with_a_long_name WHERE y = $2 AND z IS NOT DISTINCT FROM $3) WHERE id = $4 RETURNING a, b, c, d, e, f, g",
  'MERGE INTO a_table_with_a_long_name AS t USING another_table_with_a_long_name AS s ON t.a = s.a WHEN MATCHED THEN UPDATE SET b = s.b WHEN NOT MATCHED THEN INSERT (a) VALUES (1)',
  'SELECT "from", "where" AS "a\nb" FROM "select" -- comment',
];

test('written, read and written again it is the same, whatever the order of the sources', () => {
  const anything = fc.array(
    fc.record({
      sql: fc.constantFrom(...STATEMENTS),
      role: fc.constantFrom(...ROLES),
      searchPath: fc.constantFrom(null, 'public', '"$user", public', '"a, b", c'),
      calls: fc.option(fc.nat(), { nil: null }),
    }),
    { maxLength: 8 },
  );
  fc.assert(
    fc.property(anything, anything, (first, second) => {
      const merged = merge([collect(first), collect(second)]);
      const text = writeWorkload(merged);
      expect(readWorkload(text).entries).toEqual(merged.entries);
      expect(writeWorkload(readWorkload(text))).toBe(text);
      expect(writeWorkload(merge([collect(second), collect(first)]))).toBe(text);
      expect(writeWorkload(merge([merged, merged]))).toBe(text);
      expect(writeWorkload(collect([...first].reverse()))).toBe(writeWorkload(collect(first)));
    }),
    { numRuns: 200 },
  );
});

test('a log tells the role, statistics its search path: it is one sender', () => {
  const sent = { sql: 'SELECT a FROM t', role: 'app', calls: 5 };
  const log = collect([{ ...sent, searchPath: null, calls: 70 }]);
  const one = collect([{ ...sent, searchPath: 'shop' }]);
  const two = collect([{ ...sent, searchPath: 'other' }]);
  const senders = (...workloads: Parameters<typeof merge>[0]) => merge(workloads).entries[0]!.senders;
  expect(senders(log, one)).toEqual([{ role: 'app', searchPath: 'shop', calls: 70 }]);
  expect(senders(log, one, two)).toEqual([
    { role: 'app', searchPath: 'other', calls: 5 },
    { role: 'app', searchPath: 'shop', calls: 5 },
  ]);
  const other = collect([{ ...sent, role: 'reporter', searchPath: 'shop' }]);
  expect(senders(log, other)).toHaveLength(2);
});

test.each(['\n', '\r', '\r\n', '\u2028'])(
  'a name with a line break (%j) begins no line of the file',
  (end) => {
    const name = `a${end}DELETE FROM t; --`;
    const sql = 'SELECT a FROM t';
    const workload = collect([
      { sql, role: 'app', searchPath: `"${name}"`, calls: 1 },
      { sql, role: name, searchPath: 'public', calls: 1 },
    ]);
    const text = writeWorkload(workload);
    expect(text).not.toContain('DELETE');
    expect(readWorkload(text).entries).toEqual(workload.entries);
  },
);

describe('any file of statements is one', () => {
  test('values go, other comments too', () => {
    const { entries } = readWorkload(
      '-- name: GetUser :one\r\nSELECT * FROM users WHERE id = 7;\r\n/* x */ DELETE FROM t;\r\n',
    );
    expect(entries.map(({ text, senders }) => [text, senders])).toEqual([
      ['DELETE FROM t', [{ role: null, searchPath: null, calls: null }]],
      ['SELECT * FROM users WHERE id = $1', [{ role: null, searchPath: null, calls: null }]],
    ]);
  });

  test.each([
    ['SELECT f();\n\nSELEC 2;', 'syntax error at or near "SELEC"', 3],
    ["SELECT f();\n-- role app\nALTER ROLE app PASSWORD 'secret';", 'a command that is not planned', 3],
  ])('what is none is said with its line', (text, message, line) => {
    expect(() => readWorkload(text)).toThrow(WorkloadProblem);
    try {
      readWorkload(text);
    } catch (error) {
      expect(error).toMatchObject({ message, line });
      expect(String(error)).not.toContain('secret');
    }
  });

  test('an empty file is an empty workload', () => {
    expect(readWorkload('').entries).toEqual([]);
  });
});
