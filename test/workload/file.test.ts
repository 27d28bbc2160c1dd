import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { loadParser } from '../../lib/compiler/read/parser';
import { readWorkloadOnce } from '../../lib/constructs/migrations/compile';
import { collectWorkload, mergeWorkloads, type SentStatement } from '../../lib/workload/collect-workload';
import { readWorkload, WorkloadProblem, writeWorkload } from '../../lib/workload/file';
import { readWorkloadFile, WorkloadFileError } from '../../lib/workload/guaranteed-workload';
import { fc } from '../support/property';

beforeAll(loadParser);

const sent = (sql: string, change: Partial<SentStatement> = {}): SentStatement => ({
  sql,
  role: null,
  searchPath: null,
  calls: null,
  ...change,
});

test('a person can read it', () => {
  const workload = collectWorkload([
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
  expect(workload.leftOut).toEqual(new Map([['a command that PostgreSQL does not plan', 2]]));
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
      const merged = mergeWorkloads([collectWorkload(first), collectWorkload(second)]);
      const text = writeWorkload(merged);
      expect(readWorkload(text).entries).toEqual(merged.entries);
      expect(writeWorkload(readWorkload(text))).toBe(text);
      expect(writeWorkload(mergeWorkloads([collectWorkload(second), collectWorkload(first)]))).toBe(text);
      expect(writeWorkload(mergeWorkloads([merged, merged]))).toBe(text);
      expect(writeWorkload(collectWorkload([...first].reverse()))).toBe(
        writeWorkload(collectWorkload(first)),
      );
    }),
    { numRuns: 200 },
  );
});

test('a log tells the role, statistics its search path: it is one sender', () => {
  const sent = { sql: 'SELECT a FROM t', role: 'app', calls: 5 };
  const log = collectWorkload([{ ...sent, searchPath: null, calls: 70 }]);
  const one = collectWorkload([{ ...sent, searchPath: 'shop' }]);
  const two = collectWorkload([{ ...sent, searchPath: 'other' }]);
  const senders = (...workloads: Parameters<typeof mergeWorkloads>[0]) =>
    mergeWorkloads(workloads).entries[0]!.senders;
  expect(senders(log, one)).toEqual([{ role: 'app', searchPath: 'shop', calls: 70 }]);
  expect(senders(log, one, two)).toEqual([
    { role: 'app', searchPath: 'other', calls: 5 },
    { role: 'app', searchPath: 'shop', calls: 5 },
  ]);
  const other = collectWorkload([{ ...sent, role: 'reporter', searchPath: 'shop' }]);
  expect(senders(log, other)).toHaveLength(2);
});

test.each(['\n', '\r', '\r\n', '\u2028'])(
  'a name with a line break (%j) begins no line of the file',
  (end) => {
    const name = `a${end}DELETE FROM t; --`;
    const sql = 'SELECT a FROM t';
    const workload = collectWorkload([
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
    [
      "SELECT f();\n-- role app\nALTER ROLE app PASSWORD 'secret';",
      'a command that PostgreSQL does not plan',
      3,
    ],
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

describe('a file that cannot be one is refused in one sentence', () => {
  const folder = mkdtempSync(join(tmpdir(), 'trueup-test-'));
  afterAll(() => rmSync(folder, { recursive: true }));
  const at = (name: string, content?: string | Buffer): string => {
    const file = join(folder, name);
    if (content !== undefined) writeFileSync(file, content);
    return file;
  };
  test.each([
    ['nothing', () => at('empty.sql', ''), 'has no statements'],
    ['comments alone', () => at('comments.sql', '-- role app; calls 3\n/* x */\n'), 'has no statements'],
    ['a zero byte', () => at('zero.sql', 'SELECT 1;\n\0\nSELECT 2;'), ':2: it has a zero byte'],
    ['bytes', () => at('bytes.sql', Buffer.from([0x00, 0xff, 0x01, 0x02, 0x00])), 'is not UTF-8'],
    ['Latin-1', () => at('latin.sql', Buffer.from("SELECT 'caf\xe9'", 'latin1')), 'is not UTF-8'],
    ['UTF-16', () => at('wide.sql', Buffer.from('\uFEFFSELECT 1', 'utf16le')), 'is not UTF-8'],
    ['a folder', () => folder, 'is a folder, not a file'],
    ['no file', () => at('none.sql'), 'there is no file'],
    [
      'links in a loop',
      () => {
        symlinkSync(at('b.sql'), at('a.sql'));
        symlinkSync(at('a.sql'), at('b.sql'));
        return at('a.sql');
      },
      'its symbolic links form a loop',
    ],
  ])('%s', (_, file, message) => {
    const name = file();
    expect(() => readWorkloadFile(name)).toThrow(WorkloadFileError);
    expect(() => readWorkloadFile(name)).toThrow(message);
    // At synth, in a process of its own, the same.
    expect(() => readWorkloadOnce([name])).toThrow(message);
  });

  test('60 MB are refused before they are read', () => {
    const file = at('long.sql', Buffer.alloc(60 * 1024 * 1024, 'SELECT 1;\n'));
    const began = Date.now();
    for (const read of [readWorkloadFile, (name: string) => readWorkloadOnce([name])])
      expect(() => read(file)).toThrow('has 62,914,560 bytes; a workload file may have at most 16,777,216');
    expect(Date.now() - began).toBeLessThan(500);
  });
});
