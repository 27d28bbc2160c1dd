/** What `npm run docs:update` does with a sentence that was edited. */
import { expect, test } from 'vitest';
import { carrierOf } from './carry';
import { editsOf, sentencesOf, textOf } from './sentences';

const OLD = `
  refuse(\`\${file} was edited after it was applied\`);
  remedy = 'Fix the data as described, ' + 'and deploy again.';
  warn(\`rows that violate \${key}: not counted, \${why}\`);
  say('it stays as it is');`;
const NEW = `
  refuse(\`\${file} has changed since it was applied\`);
  added('another sentence, of no old one');
  remedy = 'Correct the rows and deploy again.';
  warn(\`not counted, \${why}: rows that violate \${key}\`);
  say('it stays as it is');`;

function carrier(before = OLD, after = NEW) {
  const now = sentencesOf(after);
  return carrierOf(editsOf(sentencesOf(before), now), now.map(textOf));
}
const code = (source: string): string => carrier().code(source, []);

test.each([
  ['0002_a.sql was edited after it was applied', '0002_a.sql has changed since it was applied'],
  ['| `… was edited after it was applied` |', '| `… has changed since it was applied` |'],
  ['Fix the data as described, and\ndeploy again.', 'Correct the rows and deploy again.'],
  ['rows that violate a.b: not counted, 5 s were over', 'not counted, 5 s were over: rows that violate a.b'],
  ['It stays as it is, and `was edited` is a part.', 'It stays as it is, and `has changed` is a part.'],
  // Prose that has a few of its words, and code, are nobody's quotation.
  [
    'The file that was edited, and the data as described',
    'The file that was edited, and the data as described',
  ],
])('a page: %s', (text, carried) => {
  expect(carrier().page(text)).toBe(carried);
});

test.each([
  [
    "expect(x).toContain('was edited after it was applied')",
    "expect(x).toContain('has changed since it was applied')",
  ],
  ['expect(x).toMatch(/^a\\.sql was edited after/)', 'expect(x).toMatch(/^a\\.sql has changed since/)'],
  ["x = 'Fix the data ' +\n  'as described, and deploy again.'", "x = 'Correct the rows and deploy again.'"],
  [`x = \`\${a} was edited after it was applied\``, `x = \`\${a} has changed since it was applied\``],
  [
    'expect(x).toMatch(/^rows that violate .*: not counted, (\\w+)/)',
    'expect(x).toMatch(/^not counted, (\\w+): rows that violate .*/)',
  ],
  ["test('was edited after it was applied', run)", "test('was edited after it was applied', run)"],
  ["expect(x).toBe('after it was')", "expect(x).toBe('since it was')"],
  ["expect(x).toBe('it was too late')", "expect(x).toBe('it was too late')"],
])('a test: %s', (source, carried) => {
  expect(code(source)).toBe(carried);
});

test('a string of SQL in a template', () => {
  const before = "sql = `SELECT format('Index %I on %I is INVALID.', x, y)`";
  const after = "sql = `SELECT format('Index %I of table %I is INVALID.', x, y)`";
  expect(carrier(before, after).code("expect(x).toBe('Index a on b is INVALID.')", [])).toBe(
    "expect(x).toBe('Index a of table b is INVALID.')",
  );
});

test('what another place still says stays', () => {
  const both = `${NEW}\nother(\`\${file} was edited after it was applied\`);`;
  expect(carrier(OLD, both).page('`a was edited after it was applied`')).toBe(
    '`a was edited after it was applied`',
  );
});

test('words that were cut are left, and told', () => {
  const left: string[] = [];
  const source = "expect(x).toBe('half way through')";
  const cut = carrier("say('it was left half way through the night')", "say('it was left the night')");
  expect(cut.code(source, left)).toBe(source);
  expect(left).toEqual(['half way through']);
});

test('a sentence of several lines, and one that moved with its neighbors', () => {
  const before = 'help = `one line of it\nanother line of it`; a("the first of two"); b("the second of two")';
  const after = 'help = `one line of it\nand a better one`; b("the second of two"); c("the third of three")';
  const edits = editsOf(sentencesOf(before), sentencesOf(after));
  expect(edits.map((edit) => [textOf(edit.before), textOf(edit.after)])).toEqual([
    ['another line of it', 'and a better one'],
  ]);
});
