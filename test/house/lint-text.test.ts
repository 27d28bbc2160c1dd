/** What the linter of texts takes for text, and what it reports. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';

const ROOT = join(__dirname, '../..');
const read = (path: string) => readFileSync(join(ROOT, path), 'utf8');

interface Hit {
  readonly path: string;
  readonly line: number;
  readonly column: number;
  readonly rule: string;
  readonly text: string;
  readonly advice: string;
}

interface Linter {
  extractTexts(path: string, source: string): { masked: string; texts: { start: number; end: number }[] };
  isSql(text: string): boolean;
  parseGlossary(text: string): { term: string; words: string[]; names: string[] }[];
  lintTexts(
    files: readonly { path: string; text: string }[],
    glossary: string,
    constructions: string,
  ): Promise<Hit[]>;
}

let linter: Linter;
beforeAll(async () => {
  linter = await import(join(__dirname, 'lint-text.mjs'));
});

const lint = (path: string, text: string): Promise<Hit[]> =>
  linter.lintTexts([{ path, text }], read('docs/glossary.md'), read('test/house/constructions.yml'));

/** The texts of a source, each with its line, in one line; `§` is what is masked. */
const extract = (source: string): string[] => {
  const { masked, texts } = linter.extractTexts('a.ts', source);
  expect(masked).toHaveLength(source.length);
  expect(masked.split('\n').map((line) => line.length)).toEqual(
    source.split('\n').map((line) => line.length),
  );
  return texts
    .sort((a, b) => a.start - b.start)
    .map(({ start, end }) => {
      const text = masked.slice(start, end);
      const line = masked.slice(0, start + text.search(/\S/)).split('\n').length;
      return `${line}: ${text.replace(/·+/g, '§').replace(/\s+/g, ' ').trim()}`;
    });
};

describe('texts of TypeScript', () => {
  test.each<[string, string, string[]]>([
    [
      'a doc comment',
      '/**\n * Reads the ledger.\n * Twice.\n */\nlet a;',
      ['1: /** Reads the ledger. Twice.'],
    ],
    [
      'line comments are one text',
      'let a;\n  // One\n  // text.\n\n// Another.',
      ['2: One text.', '5: Another.'],
    ],
    [
      'a paragraph and a list are texts',
      '/**\n * First:\n * - one\n * - two\n *\n * Last.\n */',
      ['1: /** First:', '3: - one', '4: - two', '6: Last.'],
    ],
    [
      'tags',
      '/**\n * Does.\n * @param name what it is\n * @throws {Error} if not\n */',
      ['1: /** Does.', '3: what it is', '4: if not'],
    ],
    ['a default in words', '/** @default - the name of the stack */', ['1: the name of the stack']],
    [
      'no default that is an expression',
      '/** How long. @default Duration.minutes(30) */',
      ['1: /** How long.'],
    ],
    [
      'no example',
      '/**\n * Does.\n * @example\n * anew();\n * @see there\n */',
      ['1: /** Does.', '5: there'],
    ],
    [
      'no code, link, address or quotation',
      '// `is said` {@link told} https://a.b "it is said" and “so”',
      ['1: § § § § and §'],
    ],
    ['no directive of a tool', '// biome-ignore lint/x: because it is so\n// @ts-expect-error it is so', []],
    ['a literal of three words', "const a = 'one two three';\nconst b = 'one two';", ['1: one two three']],
    [
      'a template, and not its expressions',
      `const a = \`the name \${b} is not a \${c} here\`;`,
      ['1: the name', '1: is not a', '1: here'],
    ],
    [
      'a literal in an expression of a template',
      `const a = \`\${b ? 'one two three' : ''}!\`;`,
      ['1: one two three'],
    ],
    ['escapes are no letters', "const a = 'one\\nis said twice';", ['1: one is said twice']],
    ['no SQL', 'const a = `SELECT name FROM trueup.namespaces WHERE name = $1`;', []],
    [
      'comments and literals of SQL',
      "const a = `\n-- A comment here.\n-- migrate:up it is\nSELECT format('%s is not a table', t) FROM x`;",
      ['2: A comment here.', '4: %s is not a table'],
    ],
    ['no list of words', `const a = \`${'all analyse and any '.repeat(8)}\`;`, []],
    ['no import, no type of two words', "import a from 'one two three';\ntype A = 'at version';", []],
    ['no HTML', 'const a = `<p class="is said here">One two three</p>`;', ['1: §One two three§']],
  ])('%s', (_, source, texts) => {
    expect(extract(source)).toEqual(texts);
  });

  test.each([
    ['DROP INDEX CONCURRENTLY orders_total', true],
    ['ALTER SEQUENCE … AS bigint. It takes a short lock.', false],
    ['Write CREATE INDEX CONCURRENTLY; Trueup runs it outside a transaction.', false],
    ['ON CONFLICT without a usable index', false],
    ["c.relkind IN ('r', 'p') AND NOT c.relispartition", true],
    ['CREATE FUNCTION f(a text, b text, c text) RETURNS text AS $$ BEGIN RETURN a; END $$', true],
    ['the ledger of this database', false],
  ])('%s', (text, expected) => {
    expect(linter.isSql(text)).toBe(expected);
  });
});

describe('hits', () => {
  const locate = async (path: string, text: string) =>
    (await lint(path, text)).map((hit) => `${hit.line}:${hit.column} ${hit.rule}: ${hit.text}`);

  test.each<[string, string, string[]]>([
    ['in a comment, across lines', '/**\n * Reads what is\n * said.\n */', ['2:15 said-told-asked: is said']],
    ['in a literal', "throw new Error('the catalogue has none');", ['1:22 term catalog: catalogue']],
    ['after an expression', `const a = \`\${name} is built anew here\`;`, ['1:29 anew: anew']],
    ['a fragment', '/** Of both functions. */', ['1:1 doc-fragment: /** Of']],
    ['a fragment is one at the beginning only', '/** The secret. Of both functions. */', []],
    [
      'no word in code, in a path or in a name',
      '// `catalogue` lambda/audit/catalogue Catalogue.ts catalogue.sql',
      [],
    ],
    ['a plural', '// Two catalogues.', ['1:8 term catalog: catalogues']],
    ['a word with a note is left to readers', '// A look.', []],
  ])('%s', async (_, source, hits) => {
    expect(await locate('lib/a.ts', source)).toEqual(hits);
  });

  test.each<[string, string, string[]]>([
    ['a paragraph', '# A\n\nIt is\nsaid so.', ['3:4 said-told-asked: is said']],
    ['a cell', '| a | b |\n|---|---|\n| it is | said here |\n| so | built anew |', ['4:14 anew: anew']],
    ['the text of a link', '[built anew](anew.md)', ['1:8 anew: anew']],
    ['no code', '`is said`\n\n```sql\nis said\n```\n', []],
    ['no quotation', 'It prints "it is said".\n\n> it is said\n', []],
    ['what is between two quotations', '"one" is said by "two"', ['1:7 said-told-asked: is said']],
  ])('in Markdown: %s', async (_, text, hits) => {
    expect(await locate('docs/a.md', text)).toEqual(hits);
  });

  test.each<[string, string[]]>([
    // Each construction, and a form of it that is left to the writer.
    ['It is said, told and asked.', ['said-told-asked']],
    ['This says it.', []],
    ['It differs otherwise than before.', ['otherwise-than']],
    ['It asks whoever is there.', ['whoever']],
    ['After so many tenants it stops.', ['so-many']],
    ['There are so many rows that it takes an hour.', []],
    ['It stands in the file.', ['stands']],
    ['A star stands for all names.', []],
    ['Which it is nobody knows.', ['nobody']],
    ['Nobody was notified.', []],
    ['It is a lock that somebody holds.', ['somebody']],
    ['Give it to somebody who needs it.', []],
    ['It runs in a transaction of its own.', ['of-its-own', 'term separate statement']],
    ['It has a message of its own.', ['of-its-own']],
    ['Use a log group of your own.', []],
    ['It keeps the files of its own tests.', []],
    ['The name is returned as it is.', ['as-it-is']],
    ['It leaves the table as it is.', []],
    ['It prints the text as it is printed there.', []],
    ['It reads names alone.', ['alone']],
    ['The name alone shows it.', []],
    ['It is found by its name alone.', []],
    ['The server adds it by itself.', ['by-itself']],
    ['Columns that are unique by themselves.', []],
  ])('%s', async (text, rules) => {
    const found = (await lint('docs/a.md', text)).map(({ rule }) => rule);
    expect([...new Set(found)].sort()).toEqual(rules);
  });
});

describe('the glossary', () => {
  test('has no hits itself, though it names the words', async () => {
    expect(await lint('docs/glossary.md', read('docs/glossary.md'))).toEqual([]);
  });

  test('words, notes and names', () => {
    expect(
      linter.parseGlossary(
        '| **term** | what, it | from | one word, two (of a, b), `three`, four |\n| a | b |',
      ),
    ).toEqual([{ term: 'term', words: ['one word', 'four'], names: ['three'] }]);
  });

  test('a term is not among the words to avoid, and each word belongs to one term', () => {
    const terms = linter.parseGlossary(read('docs/glossary.md'));
    const words = terms.flatMap(({ words }) => words);
    expect(terms.length).toBeGreaterThan(60);
    expect(new Set(words).size).toBe(words.length);
    expect(terms.filter(({ term }) => words.includes(term))).toEqual([]);
  });
});
