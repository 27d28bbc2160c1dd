/** Text as people write it: line ends, byte order marks, quotes, comments, characters of several bytes. */
import { loadModule, scanSync } from 'libpg-query';
import { beforeAll, describe, expect, test } from 'vitest';
import { parseOutline, trimToCode } from '../../../lib/compiler/read/outline';
import { createOffsetMapper } from '../../../lib/compiler/read/parser';
import { fc, runs } from '../../support/property';
import { compile, file, problemsOf } from '../support';

beforeAll(loadModule);

const BOM = Buffer.from([0xef, 0xbb, 0xbf]);

/** Pieces of SQL whose quoting is closed; each is a token or several, or white space. */
const PIECES = [
  ' ',
  '\n',
  'a',
  'e',
  'E',
  '1',
  'ż',
  '+',
  '-',
  '/',
  '*',
  ',',
  "''",
  "'--'",
  "'/* $$ '",
  "'it''s'",
  "'\\'",
  "'日本'",
  " E'\\''",
  " e'\\\\'",
  " E'''\\'--'",
  " E'a'\n'\\''",
  "'a'\n'\\'",
  '-- a\r',
  " U&'\\0041'",
  '"a--"',
  '"a""b"',
  "$$ -- ' $$",
  '$t$ $$ /* $t$',
  '$ż$ $ż$',
  'a$b$c',
  "-- it's\n",
  '-- /*\n',
  '--\n',
  '/* a */',
  "/* ' */",
  '/* /* -- */ */',
  '/**/',
  ';',
] as const;
const sql = fc.array(fc.constantFrom(...PIECES), { maxLength: 14 }).map((pieces) => pieces.join(''));

describe('comments', () => {
  test("are found where PostgreSQL's scanner finds them", () => {
    fc.assert(
      fc.property(sql, (text) => {
        let tokens: ReturnType<typeof scanSync>['tokens'];
        try {
          tokens = text.trim() === '' ? [] : scanSync(text).tokens;
        } catch {
          return; // pieces that do not fit, e.g. E before a string that ends with a backslash
        }
        const offset = createOffsetMapper(text);
        const comments = tokens
          .filter(({ tokenName }) => tokenName === 'SQL_COMMENT' || tokenName === 'C_COMMENT')
          .map(({ start, end }) => text.slice(offset(start), offset(end)));
        const outline = parseOutline(text);
        fc.pre(outline.metaCommands.length === 0); // a backslash in code takes the rest of its line
        const found = outline.comments.map(({ start, end }) => text.slice(start, end));
        expect(found).toEqual(comments);
      }),
      { numRuns: runs(10_000) },
    );
  });

  test('and white space around code are trimmed, and nothing else', () => {
    fc.assert(
      fc.property(sql, sql, (before, after) => {
        const trivia = (text: string) => (/^(\s|--.*\n|\/\*[^/]*\*\/)*$/.test(text) ? text : ' ');
        const text = `${trivia(before)}SELECT 1${trivia(after)}`;
        const [start, end] = trimToCode(text, parseOutline(text).comments, 0, text.length);
        expect(text.slice(start, end)).toBe('SELECT 1');
      }),
    );
  });
});

describe('one file in any dress', () => {
  const statement = fc.constantFrom(
    "SELECT 'żółć', E'it''s \\'' /* a\n/* b */ */",
    "SELECT $body$\n-- migrate:down\n'$body$, 'x\ny'",
    'SELECT "ü"."日本" FROM "ü" -- tail',
    'SELECT 1\n-- a comment; with a semicolon\n, 2',
    "SELECT '-- migrate:verify'",
  );

  test('LF, CRLF and a byte order mark give one manifest', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(statement, { minLength: 1, maxLength: 4 }),
        fc.boolean(),
        async (statements, bom) => {
          const text = `-- What it is for: żółć.\n-- migrate:preflight\nSELECT 'p' WHERE false\n${file(
            statements.join('\n;\n'),
            '-- migrate:down\nSELECT 1;\n',
          )}`;
          const crlf = Buffer.from(text.replaceAll('\n', '\r\n'));
          const plain = await compile({ '0001_a.sql': text });
          const dressed = await compile({ '0001_a.sql': bom ? Buffer.concat([BOM, crlf]) : crlf });
          expect(dressed).toEqual(plain);
          expect(plain.migrations[0]!.statements).toHaveLength(statements.length);
          const withoutTail = statements.map((one) => one.replace(' -- tail', ''));
          expect(plain.migrations[0]!.statements.map((one) => one.sql.replace(/ \/\* a\n.*$/, ''))).toEqual(
            withoutTail.map((one) => one.replace(/ \/\* a\n.*$/, '')),
          );
        },
      ),
    );
  });

  test('a statement ends before its comments, so that nothing appended to it is swallowed', async () => {
    const { migrations } = await compile({
      '0001_a.sql': file('/* before */ SELECT 1 -- one\n; -- between\nSELECT 2 /* two */ -- last'),
    });
    expect(migrations[0]!.statements.map(({ sql, line }) => [sql, line])).toEqual([
      ['SELECT 1', 2],
      ['SELECT 2', 4],
    ]);
  });

  test('every change of a section changes its checksum, and of another one does not', async () => {
    const base = (up: string, verify: string, down: string, preflight = "SELECT 'x' WHERE false") =>
      compile({
        '0001_a.sql': `-- migrate:preflight\n${preflight}\n-- migrate:up\n${up}\n-- migrate:verify\n${verify}\n-- migrate:down\n${down}`,
      }).then(({ migrations }) => migrations[0]!.checksums);
    const one = await base('SELECT 1', 'SELECT 2', 'SELECT 3');
    expect(await base('\n\n SELECT 1\n', 'SELECT 2 ', 'SELECT 3\n')).toEqual(one);
    expect(await base('SELECT 11', 'SELECT 2', 'SELECT 3')).toEqual({
      ...one,
      up: expect.not.stringMatching(one.up),
      plain: expect.not.stringMatching(one.plain!),
    });
    const commented = await base('SELECT/* x */ 1 -- one', 'SELECT 2', 'SELECT 3');
    expect(commented).toEqual({ ...one, up: expect.not.stringMatching(one.up) });
    expect(await base('SELECT 1', 'SELECT 22', 'SELECT 3')).toEqual({
      ...one,
      verify: expect.not.stringMatching(one.verify!),
    });
    expect(await base('SELECT 1', 'SELECT 2', 'SELECT 33')).toEqual({
      ...one,
      down: expect.not.stringMatching(one.down!),
    });
    expect(await base('SELECT 1', 'SELECT 2', 'SELECT 3', 'SELECT 4')).toEqual({
      ...one,
      preflight: expect.not.stringMatching(one.preflight!),
    });
  });
});

describe('places', () => {
  const broken = (line: string) =>
    problemsOf({ '0001_a.sql': `-- migrate:up\n${line}\n-- migrate:verify\nSELECT 1` });

  test.each([
    ["SELECT 'a' FROM , x;", 17],
    ["SELECT 'żółć' FROM , x;", 20],
    ["SELECT '日本語' FROM , x;", 19],
    ["SELECT '😀👩‍👩‍👧' FROM , x;", 22],
    ["\t\tSELECT 'e\u0301' FROM , x;", 20],
  ])('%s', async (line, column) => {
    const [problem] = await broken(line);
    expect(problem).toMatchObject({ line: 2, column, message: 'syntax error at or near ","' });
    expect(Array.from(line)[column - 1]).toBe(',');
  });

  test('the caret stands under its character, as a terminal shows it', async () => {
    const snippets = await Promise.all(
      [
        "SELECT 'a' FROM , x;",
        "SELECT '日本語' FROM , x;",
        "\tSELECT 'ź' FROM , x;",
        "SELECT 'e\u0301' FROM , x;",
      ].map(async (line) => (await broken(line))[0]!.snippet),
    );
    expect(snippets).toEqual([
      "2 | SELECT 'a' FROM , x;\n  |                 ^",
      "2 | SELECT '日本語' FROM , x;\n  |                      ^",
      "2 | \tSELECT 'ź' FROM , x;\n  | \t                ^",
      "2 | SELECT 'e\u0301' FROM , x;\n  |                 ^",
    ]);
  });

  test('positions of the syntax tree, which are bytes, are right after such characters too', async () => {
    const line = "SELECT '😀ż' AS a; UPDATE orders SET note = '日本', total = mine(1);";
    const [problem] = await broken(line);
    expect(problem).toMatchObject({ line: 2, column: Array.from(line.split('mine')[0]!).length + 1 });
    expect(problem!.message).toContain('function mine');
  });

  test('a long line is cut around the caret', async () => {
    const [problem] = await broken(`SELECT ${'a, '.repeat(500)}a FROM , x${', y'.repeat(500)};`);
    const [line, caret] = problem!.snippet.split('\n');
    expect(line!.length).toBeLessThan(120);
    expect(line![caret!.indexOf('^')]).toBe(',');
  });
});
