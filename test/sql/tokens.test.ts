import { describe, expect, it } from 'vitest';
import { normalizeStatement, tokenizeSql } from '../../lambda/sql/tokens';
import { fc, runs } from '../support/property';

describe('statements without their values', () => {
  it.each([
    ["INSERT INTO t (a, b) VALUES ('x', 1)", 'INSERT INTO t (a, b) VALUES (?, ?)'],
    ["SELECT E'it\\'s', 'it''s', U&'\\0061', B'101', X'1F', N'x'", 'SELECT ?, ?, ?, ?, ?, ?'],
    ['SELECT $$a $b$ $$, $tag$ $$ x $tag$, $1', 'SELECT ?, ?, $1'],
    ['SELECT 1.5e+10, .5, 0x1F, 1_000, 12ab, -3', 'SELECT ?, ?, ?, ?, ?, -?'],
    ['SELECT a1, t1.b2, a$1 FROM "Order" o', 'SELECT a1, t1.b2, a$1 FROM "Order" o'],
    ['SELECT a -- b = 12\nFROM t /* x /* nested */ y */ WHERE a=1', 'SELECT a FROM t WHERE a=?'],
    ['SELECT a -- b = 12\rFROM t WHERE a=1', 'SELECT a FROM t WHERE a=?'],
    ['SELECT * FROM t WHERE email = "jane@example.com"', 'SELECT * FROM t WHERE email = "?"'],
    // Names of people's own: another script, a dot, a colon.
    [
      'INSERT INTO "größen" ("имя", "a.b", "日本:x") VALUES (1)',
      'INSERT INTO "größen" ("имя", "a.b", "日本:x") VALUES (?)',
    ],
    ['SELECT "1600 Amphitheatre Pkwy", "+48 600", "x/y", "a\u202eb"', 'SELECT "?", "?", "?", "?"'],
    ["INSERT INTO t VALUES (1, 'a'), (2, 'b'), (3, NULL)", 'INSERT INTO t VALUES (?, ?), (?, NULL), …'],
    [
      'INSERT INTO t VALUES (DEFAULT, $1), (DEFAULT, $2), ($3, NULL), (NULL, NULL), (NULL, 1), (1, DEFAULT)',
      'INSERT INTO t VALUES (DEFAULT, $1), ($3, NULL), (NULL, NULL), (NULL, ?), …',
    ],
    [
      'INSERT INTO t VALUES ($1, $2), ($3, $4) ON CONFLICT DO NOTHING',
      'INSERT INTO t VALUES ($1, $2), … ON CONFLICT DO NOTHING',
    ],
    // Cut in the middle of a literal, or of a comment.
    ["SELECT 'unfinished business", 'SELECT ? …'],
    ['SELECT $$unfinished', 'SELECT ?'],
    ['SELECT "unfinished', 'SELECT ?'],
    ['SELECT 1 /* unfinished', 'SELECT ?'],
    // Where the string ends depends on standard_conforming_strings: nothing after it is shown.
    ["SELECT 'a\\' secret ', x FROM t", 'SELECT ? …'],
    ["SELECT 'a\\\\', x FROM t", 'SELECT ?, x FROM t'],
    ["SELECT date'2026-01-01', interval '1 day'", 'SELECT date?, interval ?'],
    ['SELECT data ? key', 'SELECT data ? key'],
    ["UPDATE t SET a = '1'\n\tWHERE b = 2", 'UPDATE t SET a = ? WHERE b = ?'],
  ])('%s', (sql, expected) => {
    expect(normalizeStatement(sql)).toBe(expected);
  });

  it('a very long one loses its middle, never its end', () => {
    const many = [...Array(20_000)].map((_, i) => `column_${i}`).join(', ');
    const text = normalizeStatement(`INSERT INTO t (${many}) VALUES (1) ON CONFLICT (a) DO NOTHING`);
    expect(text.length).toBeLessThan(17_000);
    expect(text.endsWith('ON CONFLICT (a) DO NOTHING')).toBe(true);
  });

  /** Were it the square of the length, one of them alone would take longer than a test may. */
  it('takes time in proportion to the length', () => {
    const hostile = [
      `SELECT '${'\\'.repeat(400_000)}`,
      '/*'.repeat(200_000),
      "''".repeat(200_000),
      '"'.repeat(400_001),
      `(${'1, '.repeat(200_000)}`,
      '$a'.repeat(200_000),
      '$$'.repeat(200_001),
      '(?, ?), '.repeat(100_000),
    ];
    for (const sql of hostile) expect(normalizeStatement(sql).length).toBeLessThan(17_000);
  });
});

/** The mark is part of a value, in every way in which SQL can write a value. */
const MARK = 'CANARY7';
const around = fc.string({
  unit: fc.constantFrom(
    'a',
    ' ',
    '\n',
    '1',
    '.',
    ',',
    '(',
    '$',
    '"',
    '-',
    '*',
    '/',
    '\\',
    ';',
    '@',
    'é',
    "'",
  ),
});
const value = fc.tuple(around, around, fc.integer({ min: 0, max: 6 })).map(([before, after, form]) => {
  const text = `${before}${MARK}${after}`;
  const single = text.replaceAll("'", "''");
  if (form === 0) return `'${single}'`;
  if (form === 1) return `E'${single.replaceAll('\\', '\\\\')}'`;
  if (form === 2) return text.includes('$') ? `$q$${text.replaceAll('$', '')}$q$` : `$$${text}$$`;
  if (form === 3) return `U&'${single}'`;
  if (form === 4) return `/* ${text.replaceAll('*', '').replaceAll('/', '')} */ 1`;
  if (form === 5) return `-- ${text.replaceAll('\n', ' ')}\n 1`;
  return `N'${single}'`;
});
const statement = fc
  .array(
    fc.oneof(value, fc.constantFrom('a', ', ', 'b = ', ' (', ') ', 'VALUES ', '$1', '1.5', ' "C" ', ' t.')),
    { minLength: 1, maxLength: 12 },
  )
  .map((parts) => `INSERT INTO t ${parts.join(' ')}`);

describe('a canary', () => {
  it('never comes out', () => {
    fc.assert(
      fc.property(statement, (sql) => !normalizeStatement(sql).includes(MARK)),
      { numRuns: runs(5_000) },
    );
  });
  it('nor when the statement is cut anywhere', () => {
    fc.assert(
      fc.property(statement, fc.double({ min: 0, max: 1, noNaN: true }), (sql, part) => {
        const cut = sql.slice(0, Math.floor(sql.length * part));
        return !normalizeStatement(cut).includes(MARK);
      }),
      { numRuns: runs(5_000) },
    );
  });
  it('nor when standard_conforming_strings is off', () => {
    // There, a backslash escapes in '…' as well.
    fc.assert(
      fc.property(fc.array(around, { minLength: 1, maxLength: 5 }), (texts) => {
        const written = texts.map(
          (text) => `'${`${text}${MARK}`.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`,
        );
        return !normalizeStatement(`SELECT ${written.join(', ')}`).includes(MARK);
      }),
      { numRuns: runs(5_000) },
    );
    expect(normalizeStatement("SELECT 'it\\'s', 'CANARY7'")).not.toContain(MARK);
  });
  it('scanning again what was normalized changes nothing', () => {
    fc.assert(
      fc.property(statement, (sql) => {
        const once = normalizeStatement(sql);
        return normalizeStatement(once) === once;
      }),
      { numRuns: runs(2_000) },
    );
  });
});

it('every token is found again in the text', () => {
  expect([...tokenizeSql('SELECT a FROM t')].map((token) => token.text)).toEqual([
    'SELECT',
    'a',
    'FROM',
    't',
  ]);
});
