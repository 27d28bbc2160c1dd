/** What the page says, without a browser. */
import { createHash } from 'node:crypto';
import { Script } from 'node:vm';
import { describe, expect, test } from 'vitest';
import { GRADES } from '../../../lambda/audit/finding';
import { AUDIT_KINDS, type AuditedId } from '../../../lambda/defects';
import { reportPage } from '../../../lib/audit/html';
import { anchors } from '../../../lib/audit/html/anchors';
import { exact, line } from '../../../lib/audit/html/exact';
import { groupsOf } from '../../../lib/audit/html/groups';
import { forPrompt } from '../../../lib/audit/html/prompt';
import { SCRIPT } from '../../../lib/audit/html/script';
import { verdictOf } from '../../../lib/audit/html/verdict';
import { catalogueOf, finding, inputOf, repairsFrom, SHOP } from './fixture';

const LOOKED = { kinds: 52, tables: 2, objects: 9, compared: 9, statements: 0, decided: 0 };
const verdict = (findings: Parameters<typeof groupsOf>[0], looked = {}) =>
  verdictOf({ findings, notSeen: [], looked: { ...LOOKED, ...looked } });

describe('the verdict is no surer than its evidence', () => {
  const [a, b, c] = (['A', 'B', 'C'] as const).map((grade) => finding({ grade }));
  test.each([
    ['nothing found', [], {}, 'Nothing was found in what was looked at.'],
    [
      'nothing to look at',
      [],
      { tables: 0, compared: null },
      'There is nothing to look at, so nothing is proved.',
    ],
    ['proved', [a!], {}, '1 defect is proved.'],
    ['lost', [b!, b!], {}, '2 things of the source are lost here.'],
    ['both', [a!, a!, b!], {}, '2 defects are proved, and 1 thing of the source is lost here.'],
    [
      'odd ones alone',
      [c!],
      {},
      'Nothing is proved wrong and nothing was seen to be lost; 1 finding is left to look at.',
    ],
  ])('%s', (_, findings, looked, sentence) => {
    expect(verdict(findings, looked).sentence).toBe(sentence);
  });
  test.each([
    [0, 0, /^No statement of the application was planned/],
    [1, 1, /^The one statement of the application was decided by planning/],
    [4, 4, /^All 4 statements/],
    [4, 3, /^3 of 4 statements .* Of the other one nothing is known\.$/],
    [9, 1, /^1 of 9 statements of the application was decided .* Of the other 8 nothing is known\.$/],
  ])('%i statements, %i decided', (statements, decided, words) => {
    expect(verdict([], { statements, decided }).reach).toMatch(words);
  });
});

test('findings come by table, the table with the surest first, and by kind', () => {
  const catalogue = { ...catalogueOf(SHOP), views: [{ schema: 'public', name: 'sold' }] as never };
  const groups = groupsOf(
    [
      finding({ grade: 'A', object: 'public.sold', id: 'view-lost' }),
      finding({ grade: 'A', object: 'public.orders.customer', id: 'orphaned-rows' }),
      finding({ object: 'public.customers' }),
      finding({ object: 'public.orders', id: 'comment-lost' }),
      finding({ object: 'public.orders.status', id: 'default-lost' }),
      finding({ object: 'public.orders.id', id: 'default-lost' }),
      finding({ object: 'public.orders(bigint)', id: 'function-lost' }),
      finding({ object: 'pgcrypto', id: 'extension-missing' }),
    ],
    [catalogue],
  );
  expect(
    groups.map(({ title, table, blocks }) => [
      title,
      table !== null,
      blocks.map(({ kind, grade, findings }) => `${grade} ${kind.id} ${findings.length}`),
    ]),
  ).toEqual([
    ['public.orders', true, ['A orphaned-rows 1', 'B default-lost 2', 'B comment-lost 1']],
    ['public.sold', false, ['A view-lost 1']],
    ['Schema public', false, ['B function-lost 1']],
    ['The database', false, ['B extension-missing 1']],
    ['public.customers', true, ['B index-lost 1']],
  ]);
});

test('each finding has an anchor of its own, which stays', () => {
  const findings = [
    finding(),
    finding(),
    finding({ object: 'public."A <b>"' }),
    finding({ object: 'public."a ""b"' }),
  ];
  const anchorOf = anchors(findings);
  const names = findings.map(anchorOf);
  expect(names).toEqual([
    'index-lost-public.orders',
    'index-lost-public.orders--2',
    'index-lost-public.-a-b-',
    'index-lost-public.-a-b---2',
  ]);
  expect(anchors(findings.slice(0, 1))(findings[0]!)).toBe(names[0]);
});

describe('names', () => {
  const text = (parts: readonly unknown[]): string => parts.join('');
  test('what HTML is made of is escaped', () => {
    expect(text(exact(`<b a="x" b='y'>&amp;`))).toBe('&lt;b a=&quot;x&quot; b=&#39;y&#39;&gt;&amp;amp;');
  });
  test('what cannot be seen is shown by its code, and is there', () => {
    expect(text(exact('a\u202eb\r\nc'))).toBe(
      'a<bdi class="hidden" data-code="U+202E" title="Character U+202E">\u202e</bdi>b' +
        '<bdi class="hidden" data-code="U+000D" title="Character U+000D">&#13;</bdi>\nc',
    );
  });
  test('letters of any script, and emoji, are not taken for it', () => {
    expect(text(exact('é עברית \u{1f418} 日本'))).toBe('é עברית \u{1f418} 日本');
    expect(text(exact('a\u{e0041}'))).toContain('data-code="U+E0041"');
  });
  test('on a line it is the name that --accept takes', () => {
    expect(text(line('a\n\u202eb'))).toBe(String.raw`a\n\u202eb`);
  });
});

describe('SQL at a prompt', () => {
  test('has what comes before, preflight and up; no verify and no down', () => {
    const file = `-- An index.
-- migrate:decide which row stays
-- migrate:preflight
SELECT 1;
-- migrate:up
CREATE FUNCTION f() RETURNS text LANGUAGE sql AS $$
-- migrate:down
SELECT '-- migrate:verify' $$;

-- migrate:verify
SELECT trueup.f();
-- migrate:down
DROP FUNCTION f();
`;
    expect(forPrompt(file)).toBe(file.slice(0, file.indexOf('\n\n-- migrate:verify') + 1));
    expect(forPrompt('SELECT 1;')).toBe('SELECT 1;\n');
    expect(forPrompt('-- migrate:down\nDROP TABLE a;\n-- migrate:up\nSELECT 1;\n')).toBe(
      '-- migrate:up\nSELECT 1;\n',
    );
  });
  test('says whether its files are there', () => {
    const page = (written: boolean): string =>
      reportPage(inputOf({ input: { repairs: { ...repairsFrom({ a: 'SELECT 1;' }), written } } }));
    expect(page(false)).toContain('Its files are not written yet');
    expect(page(true)).toContain('The files are to be deployed in the order of their numbers.');
    expect(reportPage(inputOf())).not.toContain('at a prompt');
  });
});

describe('the page', () => {
  test('allows its own style and script, and nothing else', () => {
    const page = reportPage(inputOf({ report: { findings: [finding()] } }));
    const policy = /Content-Security-Policy" content="([^"]*)"/.exec(page)![1]!.replaceAll('&#39;', "'");
    const inside = (tag: string): string => new RegExp(`<${tag}>([\\s\\S]*?)</${tag}>`).exec(page)![1]!;
    const hash = (part: string): string => `'sha256-${createHash('sha256').update(part).digest('base64')}'`;
    expect(policy.split('; ')).toEqual([
      "default-src 'none'",
      `style-src ${hash(inside('style'))}`,
      `script-src ${hash(inside('script'))}`,
      "base-uri 'none'",
      "form-action 'none'",
    ]);
    expect(page).not.toMatch(/<[^>]+ (?:style|on\w+|src)=/);
    expect(page.match(/href="[^#][^"]*"/g)).toBeNull();
    expect(page.match(/<(?:script|link|img|iframe|object|embed|base)\b/g)).toEqual(['<script']);
    expect(() => new Script(SCRIPT)).not.toThrow();
  });

  test('every kind, in each of its grades, has its words', () => {
    const findings = AUDIT_KINDS.flatMap((kind) =>
      GRADES.filter((grade) => kind.audit.grades[grade] !== undefined).map((grade) =>
        finding({
          id: kind.id as AuditedId,
          grade,
          object: `public.${kind.id}`,
          message: `${kind.id} ${grade}.`,
        }),
      ),
    );
    const page = reportPage(inputOf({ report: { findings }, input: { minGrade: 'D' } }));
    for (const { id, title, impact, audit } of AUDIT_KINDS) {
      expect(page).toContain(`${exact(title).join('')} <code>${id}</code>`);
      for (const words of [impact, audit.remedy, audit.blind ?? ''])
        expect(page).toContain(exact(words).join(''));
    }
    expect(page.match(/<li class="finding"/g)).toHaveLength(findings.length);
    expect(page).not.toContain('undefined');
  });

  test('says what was not seen, what is accepted, what is gone and what is hidden', () => {
    const page = reportPage(
      inputOf({
        report: {
          notSeen: [
            { what: 'rows of a table', of: { schema: 'public', name: 'a<b' }, why: 'nobody counted them' },
            { what: 'the workload', why: 'none is there' },
          ],
          accepted: [{ ...finding({ object: 'public.old' }), reason: 'left <behind>' }],
          gone: [{ id: 'index-lost', object: 'public.gone', reason: 'x', line: 7 }],
          hidden: 3,
        },
      }),
    );
    expect(page).toContain('public.&quot;a&lt;b&quot;');
    expect(page).toContain('<strong>the workload</strong>: none is there.');
    expect(page).toContain('public.old: left &lt;behind&gt;');
    expect(page).toContain('take line 7 out of the file');
    expect(page).toContain('3 less sure findings are not on this page');
  });

  test('without a source it says that losses cannot be seen', () => {
    const page = reportPage(inputOf({ source: null, report: { findings: [] } }));
    expect(page).toContain('what was lost in a move cannot be seen');
    expect(page).not.toContain('id="filter"');
  });

  test('of a source that is a file it says what a file can tell', () => {
    const input = inputOf();
    const source = input.compared.source!;
    const database = source.catalogue.database.map((each) => ({
      ...each,
      encoding: '',
      collate: '',
      ctype: '',
    }));
    const read = {
      ...source,
      taken: { ...source.taken, role: '' },
      catalogue: { ...source.catalogue, database },
    };
    const page = reportPage({ ...input, from: 'old.db', compared: { ...input.compared, source: read } });
    const facts = page.slice(page.indexOf('<h3>The source</h3>'), page.indexOf('<h2 id="findings">'));
    expect(facts.match(/<dt>[^<]*/g)).toEqual(['<dt>Where', '<dt>Read', '<dt>Compared as', '<dt>Holds']);
  });

  test('SQL stands once, and is linked to from what else it mends', () => {
    const fix = 'fixes/0001_orders.sql';
    const findings = [
      finding({ fix }),
      finding({ fix, message: 'Another.' }),
      finding({ message: 'No file.' }),
    ];
    const page = reportPage(
      inputOf({
        report: { findings },
        input: {
          repairs: {
            ...repairsFrom({ [fix]: `-- migrate:decide which row stays\nSELECT '<b>';\n` }),
            whyNot: () => 'rows are <gone>',
          },
        },
      }),
    );
    expect(page.match(/SELECT &#39;&lt;b&gt;&#39;;/g)).toHaveLength(1);
    expect(page).toContain('<figure class="sql" id="repair-1">');
    expect(page).toContain('<a href="#repair-1">fixes/0001_orders.sql</a>');
    expect(page).toContain('Mended by fixes/0001_orders.sql; 1 decision of a person is open in it');
    expect(page.match(/No migration is written for it: rows are &lt;gone&gt;\./g)).toHaveLength(1);
  });

  test('of very many findings it has the surest, and says so', () => {
    const many = Array.from({ length: 2_100 }, (_, i) => ({ name: `t${i}`, columns: ['id'] }));
    const findings = many.map(({ name }, i) =>
      finding({ object: `public.${name}`, grade: i < 100 ? 'A' : 'B' }),
    );
    const page = reportPage(inputOf({ report: { findings }, target: many, source: many }));
    expect(page).toContain('The surest 2000 of 2100 findings are on this page; --json prints all of them,');
    expect(page).toContain('Only the first 200 tables have a picture.');
    expect(page).toContain('100 defects are proved, and 2000 things of the source are lost here.');
    expect(page.match(/<li class="finding"/g)).toHaveLength(2_000);
    expect(page.match(/<svg/g)).toHaveLength(200);
  });

  test('few tables are open; of many, those with something proved', () => {
    const many = Array.from({ length: 20 }, (_, i) => ({ name: `t${i}`, columns: ['id'] }));
    const findings = many.map(({ name }, i) =>
      finding({ object: `public.${name}`, grade: i === 3 ? 'A' : 'B' }),
    );
    const open = (page: string): number =>
      page.match(/<details class="group" id="[^"]*" open>/g)?.length ?? 0;
    expect(open(reportPage(inputOf({ report: { findings }, target: many })))).toBe(1);
    expect(open(reportPage(inputOf({ report: { findings: findings.slice(5, 10) }, target: many })))).toBe(5);
  });
});
