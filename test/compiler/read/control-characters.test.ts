/** No text ends in "This is a bug in Trueup": every control character, wherever SQL has room for one. */
import { beforeAll, expect, test } from 'vitest';
import { CompileError } from '../../../lib/compiler';
import { loadParser, parseSql, scanTokens } from '../../../lib/compiler/read/parser';
import { readWorkload, WorkloadProblem } from '../../../lib/workload/file';
import { compile } from '../support';

beforeAll(loadParser);

const CHARACTERS = [
  ...Array.from({ length: 32 }, (_, i) => String.fromCharCode(i + 1)),
  '\x7f',
  '\x80',
  '\u2028',
  '\ufffe',
  '😀',
];
/** In the form in which a migration has it. */
const PLACES: Readonly<Record<string, (c: string) => string>> = {
  literal: (c) => `CREATE TABLE t (a text DEFAULT 'x${c}y')`,
  'escape string': (c) => `CREATE TABLE t (a text DEFAULT E'x\\${c}y')`,
  identifier: (c) => `CREATE TABLE "t${c}x" (a int)`,
  role: (c) => `CREATE TABLE t (a int); GRANT SELECT ON t TO "u${c}r"`,
  expression: (c) => `CREATE TABLE t (a text); CREATE INDEX i ON t ((a || 'x${c}'))`,
  check: (c) => `CREATE TABLE t (a text CHECK (a <> $$${c}$$))`,
  body: (c) => `CREATE FUNCTION f() RETURNS text LANGUAGE sql AS $$SELECT 'x${c}y'$$`,
  'body of plpgsql': (c) =>
    `CREATE FUNCTION f() RETURNS text LANGUAGE plpgsql AS $$BEGIN RETURN 'x${c}y'; END$$`,
  'code block': (c) => `DO $$BEGIN PERFORM 'x${c}y'; END$$`,
  comment: (c) => `CREATE TABLE t (a int /* x${c}y */)`,
  'outside of quotes': (c) => `CREATE TABLE t ${c}(a int)`,
};

test.each(Object.entries(PLACES))('a migration: %s', async (_, place) => {
  for (const character of CHARACTERS) {
    const text = `-- migrate:no-verify a test\n-- migrate:consent destroys a test\n-- migrate:consent opaque-code a test\n-- migrate:up\n${place(character)};\n`;
    try {
      await compile({ '0001_test.sql': text });
    } catch (error) {
      if (!(error instanceof CompileError)) throw error;
      for (const { file, line, remedy } of error.problems)
        expect({ file, line: typeof line, remedy: remedy.length > 0 }).toEqual({
          file: '0001_test.sql',
          line: 'number',
          remedy: true,
        });
    }
  }
});

test.each([
  ['literal', (c: string) => `SELECT id FROM t WHERE a = 'x${c}y';`],
  ['dollar quotes', (c: string) => `SELECT id FROM t WHERE a = $$x${c}y$$;`],
  ['identifier', (c: string) => `SELECT id FROM "t${c}" WHERE a = $1;`],
  ['comment', (c: string) => `-- role app${c}\nSELECT id FROM t WHERE a = $1;`],
  ['outside of quotes', (c: string) => `SELECT id ${c}FROM t;`],
])('a workload: %s', (_, place) => {
  for (const character of CHARACTERS) {
    try {
      expect(readWorkload(place(character)).entries).toHaveLength(1);
    } catch (error) {
      if (!(error instanceof WorkloadProblem)) throw error;
      expect(error.line).toBeGreaterThan(0);
    }
  }
});

test('tokens keep their text and their place', () => {
  for (const character of CHARACTERS) {
    const text = `SELECT 'x${character}y', "a${character}b" /* ${character} */ FROM t`;
    expect(parseSql(text).statements).toHaveLength(1);
    for (const token of scanTokens(text)) expect(text.slice(token.start, token.end)).toBe(token.text);
    expect(scanTokens(text).map((token) => token.text)).toContain(`'x${character}y'`);
  }
});
