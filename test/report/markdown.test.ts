/** Words of strangers in markdown, rendered as GitHub does it: CommonMark and GFM, HTML let through. */
import { micromark } from 'micromark';
import { gfm, gfmHtml } from 'micromark-extension-gfm';
import { describe, expect, test } from 'vitest';
import { formatFailureMarkdown } from '../../lib/report/failure-markdown';
import {
  formatCode,
  formatCodeBlock,
  formatDetails,
  formatProse,
  MAX_MARKDOWN_LENGTH,
} from '../../lib/report/markdown';
import type { PlanDocument } from '../../lib/report/plan-document';
import { formatPlanMarkdown } from '../../lib/report/plan-markdown';

const html = (markdown: string): string =>
  micromark(markdown, { extensions: [gfm()], htmlExtensions: [gfmHtml()], allowDangerousHtml: true });
/** What GitHub looks into for mentions and references: all text but that in code. */
const searched = (markdown: string): string =>
  html(markdown)
    .replace(/<(code|pre)[^>]*>.*?<\/\1>/gs, '')
    .replace(/<[^>]*>/g, '');
const tags = (markdown: string): string[] => [
  ...new Set([...html(markdown).matchAll(/<([a-z0-9]+)/gi)].map(([, name]) => name!)),
];

const HOSTILE = [
  '<script>alert(1)</script>',
  '<img src=x onerror=alert(1)>',
  '</details><h1>owned',
  '[click](https://evil.example)',
  '![pixel](https://evil.example/x.png)',
  'https://evil.example/a?b www.evil.example someone@evil.example',
  '@everyone @org/team #12 GH-12 org/repo#12',
  '# heading',
  '- [ ] task',
  '1. one',
  '> quote',
  '| a | b |\n|---|---|\n| c | d |',
  '**bold** _it_ ~~gone~~ $x^2$ &amp; &lt;b&gt;',
  '`` ` ``` ```js',
  'a\n\n## heading\n\n```\nfence',
  '\\[x](y) \\@z',
  '<!-- trueup -->',
  'right\u202eleft\u200b\u0007',
  '[x]: https://evil.example\n[x]',
  '[^1] a footnote',
  '`',
  '`a` `b',
  '---',
  '- - -',
  '===',
  '-',
  ' ',
];

describe.each(HOSTILE)('%j', (text) => {
  test('in a sentence it is words', () => {
    const rendered = `A name, ${formatProse(text)}, in a sentence.`;
    expect(tags(rendered).filter((tag) => !['p', 'code'].includes(tag))).toEqual([]);
    expect(searched(rendered)).not.toMatch(/[@#]\w|https?:\/\/|www\.|\bGH-\d/);
  });

  test('at the beginning of a line of a list too', () => {
    const ofList = (markdown: string) =>
      tags(markdown).filter((tag) => !['ul', 'li', 'p', 'code'].includes(tag));
    expect(ofList(`- ${formatProse(text)}`)).toEqual([]);
    expect(ofList(`- an error\n  - ${formatProse(text)}\n  - ${formatProse(text)}`)).toEqual([]);
  });

  test('as code it is code', () => {
    expect(tags(`x ${formatCode(text)} y`).filter((tag) => !['p', 'code'].includes(tag))).toEqual([]);
    expect(searched(`x ${formatCode(text)} y`)).toMatch(/^x +y$/);
  });

  test('in a block it stays there, and in what is folded', () => {
    const markdown = `${formatDetails('SQL', formatCodeBlock(text, 'sql', 1_000))}\n\nafter`;
    expect(tags(markdown)).toEqual(['details', 'summary', 'pre', 'code', 'p']);
    expect(html(markdown)).toMatch(/<\/pre>\n<\/details>\n<p>after<\/p>$/);
    expect(searched(markdown).replace(/\s+/g, ' ')).toBe('SQL after');
  });
});

test('words are still readable', () => {
  expect(html(formatProse('a_b <c> `trueup up` [x] 5 * 3 #1'))).toBe(
    '<p>a_b &lt;c&gt; <code>trueup up</code> [x] 5 * 3 #\u200b1</p>',
  );
  expect(formatCode('a`b')).toBe('``a`b``');
});

const step = (migration: string, sql = 'ALTER TABLE t ADD COLUMN a int') => ({
  action: 'apply' as const,
  migration,
  note: '',
  holdsMs: 5_000,
  statements: [
    {
      sql,
      command: 'ALTER TABLE',
      line: 2,
      execution: 'transaction',
      locks: ['ACCESS EXCLUSIVE on t'],
      destroys: null,
      rewrites: null,
    },
  ],
});
const PLAN: PlanDocument = { namespace: 'shop', manifestHash: 'x', steps: [], warnings: [], errors: [] };
const SECTIONS = {
  migration: '0001_a',
  verify: ['SELECT 1'],
  withoutVerify: null,
  undo: 'automatic',
  down: [],
} as const;

test('when all is well, it says so', () => {
  expect(formatPlanMarkdown(PLAN)).toBe(
    '## Trueup: nothing to do in `shop`\n\nAll migrations are applied and unchanged.\n',
  );
});

test('what it says of a step: locks, how long, proof and undo', () => {
  const text = formatPlanMarkdown({ ...PLAN, steps: [step('0001_a')], sections: [SECTIONS] });
  expect(text).toContain('1 statement; 1 of them takes a lock that blocks the application.');
  expect(text).toContain('- line 2 `ALTER TABLE`: `ACCESS EXCLUSIVE on t`');
  expect(text).toContain('Holds its locks for at most 5 s');
  expect(text).toContain('Verified by 1 query');
  expect(text).toContain('Undone automatically if');
  const bare = formatPlanMarkdown({
    ...PLAN,
    steps: [step('0001_a')],
    sections: [{ ...SECTIONS, verify: [], withoutVerify: 'only a comment', undo: 'none' }],
  });
  expect(bare).toContain('**Not verified**: only a comment');
  expect(bare).toContain('Cannot be undone: it has no down section.');
});

test('what stands in the way, and a trial that failed', () => {
  const error = {
    code: 'history',
    message: 'x was edited',
    remedy: 'Restore it.',
    migration: '0001_a',
  } as const;
  expect(formatPlanMarkdown({ ...PLAN, errors: [error] })).toContain(
    '## Trueup: no plan could be made for `shop`\n\n- **Error** `0001_a`, x was edited\n  - Restore it.',
  );
  const text = formatPlanMarkdown({
    ...PLAN,
    steps: [step('0001_a')],
    trial: { serverVersion: '18.4', error, findings: [] },
  });
  expect(text).toContain('**Not all steps could be applied to an empty PostgreSQL 18.4.**');
});

test('a plan without end is cut at a step, a statement at its length, and both are said', () => {
  const steps = Array.from({ length: 400 }, (_, i) =>
    step(`${i}_x`, `SELECT '${'`'.repeat(i)}${'é'.repeat(9_000)}'`),
  );
  const text = formatPlanMarkdown({ ...PLAN, steps, sections: [] });
  expect(text.length).toBeLessThanOrEqual(MAX_MARKDOWN_LENGTH);
  expect(text).toMatch(/\*\*\d+ more steps do not fit here\*\*: `trueup plan` prints all of it\.\n$/);
  expect(text).toMatch(/… \d+ more characters/);
  expect(tags(text)).not.toContain('a');
});

test('warnings without end are cut too', () => {
  const text = formatPlanMarkdown({
    ...PLAN,
    warnings: Array(5_000).fill(`a warning ${HOSTILE[0]}`),
    steps: [step('0001_a')],
  });
  expect(text.length).toBeLessThanOrEqual(MAX_MARKDOWN_LENGTH);
  expect(text).toContain('**The rest does not fit here**');
  expect(tags(text)).not.toContain('script');
});

test('files that do not compile', () => {
  const problem = {
    file: '0001_a.sql',
    line: 3,
    column: 1,
    message: 'syntax error at or near "SELEC"',
    remedy: 'Correct it.',
    snippet: '3 | SELEC 1;\n  | ^',
  };
  const error = { message: '1 problem in db', remedy: 'Correct the files.' };
  const text = formatFailureMarkdown('db', error, [problem]);
  expect(text).toMatch(/^## Trueup: no plan could be made for `db`\n\n- \*\*Error\*\* 1 problem in db\n/);
  expect(html(text)).toContain('<pre><code>3 | SELEC 1;\n  | ^\n</code></pre>');
  const many = formatFailureMarkdown(
    'db',
    error,
    Array(300).fill({ ...problem, snippet: HOSTILE.join('\n').repeat(50) }),
  );
  expect(many.length).toBeLessThanOrEqual(MAX_MARKDOWN_LENGTH);
  expect(many).toMatch(/\d+ more do not fit here/);
  expect(
    formatFailureMarkdown('db', error, [{ ...problem, message: 'x'.repeat(200_000) }]).length,
  ).toBeLessThanOrEqual(MAX_MARKDOWN_LENGTH);
});

describe.each(HOSTILE)('a failure: %j', (message) => {
  test('shows a message as words', () => {
    const text = formatFailureMarkdown(message, { message, remedy: message, details: [message] });
    expect(tags(text).filter((tag) => !['h2', 'ul', 'li', 'p', 'strong', 'code'].includes(tag))).toEqual([]);
    expect(searched(text)).not.toMatch(/[@#]\w|https?:\/\/|www\.|\bGH-\d/);
  });
});
