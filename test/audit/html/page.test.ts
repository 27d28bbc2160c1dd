/** What the page says, without a browser. */
import { createHash } from 'node:crypto';
import { Script } from 'node:vm';
import { describe, expect, test } from 'vitest';
import { CONFIDENCES } from '../../../lambda/audit/finding';
import { AUDIT_KINDS, type AuditFindingId } from '../../../lambda/defects';
import { renderReport } from '../../../lib/audit/html';
import { createAnchors } from '../../../lib/audit/html/anchors';
import { renderExact, renderExactLine } from '../../../lib/audit/html/exact';
import { groupFindingsByObject } from '../../../lib/audit/html/groups';
import { formatForPrompt } from '../../../lib/audit/html/prompt';
import { SCRIPT } from '../../../lib/audit/html/script';
import { buildVerdict } from '../../../lib/audit/html/verdict';
import { catalogOf, finding, inputOf, repairsFrom, SHOP } from './fixture';

const LOOKED = { checks: 52, tables: 2, objects: 9, compared: 9, statements: 0, decided: 0 };
const verdict = (findings: Parameters<typeof groupFindingsByObject>[0], looked = {}) =>
  buildVerdict({ findings, notChecked: [], coverage: { ...LOOKED, ...looked } });

describe('the verdict is no surer than its evidence', () => {
  const [a, b, c] = (['A', 'B', 'C'] as const).map((confidence) => finding({ confidence }));
  test.each([
    ['nothing found', [], {}, 'The checks that ran found nothing.'],
    [
      'nothing to check',
      [],
      { tables: 0, compared: null },
      'The database has no tables and there is no source, so nothing was checked.',
    ],
    ['proved', [a!], {}, '1 problem is confirmed.'],
    ['lost', [b!, b!], {}, '2 objects of the source are missing.'],
    ['both', [a!, a!, b!], {}, '2 problems are confirmed, and 1 object of the source is missing.'],
    [
      'odd ones alone',
      [c!],
      {},
      'No problem is confirmed and no object was found missing; review the 1 other finding.',
    ],
  ])('%s', (_, findings, looked, sentence) => {
    expect(verdict(findings, looked).sentence).toBe(sentence);
  });
  test.each([
    [0, 0, /^No statement of the application was planned/],
    [1, 1, /^The one statement of the application was decided by planning/],
    [4, 4, /^All 4 statements/],
    [4, 3, /^3 of 4 statements .* The other one is undecided\.$/],
    [9, 1, /^1 of 9 statements of the application was decided .* The other 8 are undecided\.$/],
  ])('%i statements, %i decided', (statements, decided, words) => {
    expect(verdict([], { statements, decided }).reach).toMatch(words);
  });
});

test('findings come by table, the table with the surest first, and by kind', () => {
  const catalog = { ...catalogOf(SHOP), views: [{ schema: 'public', name: 'sold' }] as never };
  const groups = groupFindingsByObject(
    [
      finding({ confidence: 'A', object: 'public.sold', id: 'missing-view' }),
      finding({ confidence: 'A', object: 'public.orders.customer', id: 'orphaned-rows' }),
      finding({ object: 'public.customers' }),
      finding({ object: 'public.orders', id: 'missing-comment' }),
      finding({ object: 'public.orders.status', id: 'missing-default' }),
      finding({ object: 'public.orders.id', id: 'missing-default' }),
      finding({ object: 'public.orders(bigint)', id: 'missing-function' }),
      finding({ object: 'pgcrypto', id: 'missing-extension' }),
    ],
    [catalog],
  );
  expect(
    groups.map(({ title, table, blocks }) => [
      title,
      table !== null,
      blocks.map(({ kind, confidence, findings }) => `${confidence} ${kind.id} ${findings.length}`),
    ]),
  ).toEqual([
    ['public.orders', true, ['A orphaned-rows 1', 'B missing-default 2', 'B missing-comment 1']],
    ['public.sold', false, ['A missing-view 1']],
    ['Schema public', false, ['B missing-function 1']],
    ['The database', false, ['B missing-extension 1']],
    ['public.customers', true, ['B missing-index 1']],
  ]);
});

test('each finding has an anchor of its own, which stays', () => {
  const findings = [
    finding(),
    finding(),
    finding({ object: 'public."A <b>"' }),
    finding({ object: 'public."a ""b"' }),
  ];
  const anchorOf = createAnchors(findings);
  const names = findings.map(anchorOf);
  expect(names).toEqual([
    'missing-index-public.orders',
    'missing-index-public.orders--2',
    'missing-index-public.-a-b-',
    'missing-index-public.-a-b---2',
  ]);
  expect(createAnchors(findings.slice(0, 1))(findings[0]!)).toBe(names[0]);
});

describe('names', () => {
  const text = (parts: readonly unknown[]): string => parts.join('');
  test('what HTML is made of is escaped', () => {
    expect(text(renderExact(`<b a="x" b='y'>&amp;`))).toBe(
      '&lt;b a=&quot;x&quot; b=&#39;y&#39;&gt;&amp;amp;',
    );
  });
  test('what cannot be seen is shown by its code, and is there', () => {
    expect(text(renderExact('a\u202eb\r\nc'))).toBe(
      'a<bdi class="hidden" data-code="U+202E" title="Character U+202E">\u202e</bdi>b' +
        '<bdi class="hidden" data-code="U+000D" title="Character U+000D">&#13;</bdi>\nc',
    );
  });
  test('letters of any script, and emoji, are not taken for it', () => {
    expect(text(renderExact('é עברית \u{1f418} 日本'))).toBe('é עברית \u{1f418} 日本');
    expect(text(renderExact('a\u{e0041}'))).toContain('data-code="U+E0041"');
  });
  test('on a line it is the name that --suppressions takes', () => {
    expect(text(renderExactLine('a\n\u202eb'))).toBe(String.raw`a\n\u202eb`);
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
    expect(formatForPrompt(file)).toBe(file.slice(0, file.indexOf('\n\n-- migrate:verify') + 1));
    expect(formatForPrompt('SELECT 1;')).toBe('SELECT 1;\n');
    expect(formatForPrompt('-- migrate:down\nDROP TABLE a;\n-- migrate:up\nSELECT 1;\n')).toBe(
      '-- migrate:up\nSELECT 1;\n',
    );
  });
  test('says whether its files are there', () => {
    const page = (written: boolean): string =>
      renderReport(inputOf({ input: { repairs: { ...repairsFrom({ a: 'SELECT 1;' }), written } } }));
    expect(page(false)).toContain('The files are not written yet');
    expect(page(true)).toContain('Deploy the files in the order of their numbers.');
    expect(renderReport(inputOf())).not.toContain('at a psql prompt');
  });
});

describe('the page', () => {
  test('allows its own style and script, and nothing else', () => {
    const page = renderReport(inputOf({ report: { findings: [finding()] } }));
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

  test('every kind, in each of its confidences, has its words', () => {
    const findings = AUDIT_KINDS.flatMap((kind) =>
      CONFIDENCES.filter((confidence) => kind.audit.confidences[confidence] !== undefined).map((confidence) =>
        finding({
          id: kind.id as AuditFindingId,
          confidence,
          object: `public.${kind.id}`,
          message: `${kind.id} ${confidence}.`,
        }),
      ),
    );
    const page = renderReport(inputOf({ report: { findings }, input: { minConfidence: 'D' } }));
    for (const { id, title, impact, audit } of AUDIT_KINDS) {
      expect(page).toContain(`${renderExact(title).join('')} <code>${id}</code>`);
      for (const words of [impact, audit.remedy, audit.blind ?? ''])
        expect(page).toContain(renderExact(words).join(''));
    }
    expect(page.match(/<li class="finding"/g)).toHaveLength(findings.length);
    expect(page).not.toContain('undefined');
  });

  test('says what was not checked, suppressed, obsolete and hidden', () => {
    const page = renderReport(
      inputOf({
        report: {
          notChecked: [
            { what: 'rows of a table', of: { schema: 'public', name: 'a<b' }, why: 'nobody counted them' },
            { what: 'the workload', why: 'none is there' },
          ],
          suppressed: [{ ...finding({ object: 'public.old' }), reason: 'left <behind>' }],
          obsolete: [{ id: 'missing-index', object: 'public.gone', reason: 'x', line: 7 }],
          hidden: 3,
        },
      }),
    );
    expect(page).toContain('public.&quot;a&lt;b&quot;');
    expect(page).toContain('<strong>the workload</strong>: none is there.');
    expect(page).toContain('public.old: left &lt;behind&gt;');
    expect(page).toContain('remove line 7 of the file');
    expect(page).toContain('3 findings of lower confidence are not on this page');
  });

  test('without a source it says that losses cannot be seen', () => {
    const page = renderReport(inputOf({ source: null, report: { findings: [] } }));
    expect(page).toContain('so objects lost in a move cannot be found');
    expect(page).not.toContain('id="filter"');
  });

  test('of a source that is a file it says what a file can tell', () => {
    const input = inputOf();
    const source = input.compared.source!;
    const database = source.catalog.database.map((each) => ({
      ...each,
      encoding: '',
      collate: '',
      ctype: '',
    }));
    const read = {
      ...source,
      taken: { ...source.taken, role: '' },
      catalog: { ...source.catalog, database },
    };
    const page = renderReport({ ...input, from: 'old.db', compared: { ...input.compared, source: read } });
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
    const page = renderReport(
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
    expect(page).toContain('Repaired by fixes/0001_orders.sql; you have 1 decision to make in it');
    expect(page.match(/No migration repairs this: rows are &lt;gone&gt;\./g)).toHaveLength(1);
  });

  test('of very many findings it has the surest, and says so', () => {
    const many = Array.from({ length: 2_100 }, (_, i) => ({ name: `t${i}`, columns: ['id'] }));
    const findings = many.map(({ name }, i) =>
      finding({ object: `public.${name}`, confidence: i < 100 ? 'A' : 'B' }),
    );
    const page = renderReport(inputOf({ report: { findings }, target: many, source: many }));
    expect(page).toContain(
      'This page has the 2000 most certain of 2100 findings; --json prints all findings,',
    );
    expect(page).toContain('Only the first 200 tables have a diagram.');
    expect(page).toContain('100 problems are confirmed, and 2000 objects of the source are missing.');
    expect(page.match(/<li class="finding"/g)).toHaveLength(2_000);
    expect(page.match(/<svg/g)).toHaveLength(200);
  });

  test('few tables are open; of many, those with something proved', () => {
    const many = Array.from({ length: 20 }, (_, i) => ({ name: `t${i}`, columns: ['id'] }));
    const findings = many.map(({ name }, i) =>
      finding({ object: `public.${name}`, confidence: i === 3 ? 'A' : 'B' }),
    );
    const open = (page: string): number =>
      page.match(/<details class="group" id="[^"]*" open>/g)?.length ?? 0;
    expect(open(renderReport(inputOf({ report: { findings }, target: many })))).toBe(1);
    expect(open(renderReport(inputOf({ report: { findings: findings.slice(5, 10) }, target: many })))).toBe(
      5,
    );
  });
});
