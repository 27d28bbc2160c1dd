import { describe, expect, it } from 'vitest';
import type { Diagnosis } from '../../../lambda/contract/diagnosis';
import { buildUndiagnosed } from '../../../lambda/defects/diagnose';
import { type PageContent, renderPage } from '../../../lambda/page/document/render';
import type { ErrorGroup } from '../../../lambda/page/logs/collect';
import { CONTENT, DIAGNOSIS, GROUP, pageWith } from '../content';

describe('pages', () => {
  it('a defect that a migration repairs, pending', () => {
    expect(renderPage(CONTENT)).toMatchSnapshot();
  });
  it('the database did not answer', () => {
    const diagnosis = buildUndiagnosed(GROUP, [
      'The database could not be queried: shop-migrate did not answer within 25 seconds, or failed.',
    ]);
    expect(
      renderPage({ ...CONTENT, runbookUrl: null, findings: [{ group: GROUP, diagnosis }] }),
    ).toMatchSnapshot();
  });
  it('several, seen while the alarm was up, more than could be read', () => {
    const other: ErrorGroup = {
      ...GROUP,
      signature: 'on-conflict',
      sqlstate: '42P10',
      message: 'there is no unique or exclusion constraint matching the ON CONFLICT specification',
      table: null,
      column: null,
      statement: null,
      uses: [{ user: '', statement: null, count: 1 }],
      count: 1,
      aborted: 0,
      user: '',
      database: '',
      logGroup: '/app/purchase-worker',
    };
    const content: PageContent = {
      ...CONTENT,
      signature: 'on-conflict',
      followUp: true,
      findings: [
        { group: other, diagnosis: buildUndiagnosed(other, ['An application logged this.']) },
        {
          group: GROUP,
          diagnosis: { ...DIAGNOSIS, migrations: [{ name: '0002_id_default', state: 'applied' }] },
        },
      ],
      others: [...Array(4)].map((_, i) => ({ ...GROUP, table: `t_${i}`, count: 4 - i })),
      overflow: 17,
      complete: false,
    };
    expect(renderPage(content)).toMatchSnapshot();
  });
  it('lines that were not found', () => {
    expect(renderPage({ ...CONTENT, findings: [] })).toMatchSnapshot();
  });
});

describe('every standing of a migration', () => {
  const standing = (state: string, change: Partial<Diagnosis> = {}): string =>
    pageWith({ ...change, migrations: [{ name: 'm', state }] });
  it.each(['pending', 'out-of-order', 'changed'])('%s: deploy it, or by hand', (state) => {
    expect(standing(state)).toContain(
      `DO NOW   Migration m addresses this and is not applied (${state}): deploy it.`,
    );
    expect(standing(state)).toMatch(/Or by hand: Give the column a default/);
  });
  it('partial', () =>
    expect(standing('partial')).toMatch(/DO NOW +Migration m .* stopped half way: deploy again/));
  it.each(['applied', 'unverified', 'superseded', 'edited'])('%s, and the defect is there', (state) =>
    expect(standing(state)).toMatch(
      /Migration m addresses this and is applied.*but what it creates is not in the catalog/,
    ),
  );
  it('applied, and the schema is as it should be', () => {
    for (const verdict of ['application', 'not-reproduced'] as const)
      expect(standing('applied', { verdict })).toMatch(
        /Migration m is about this object and is applied: the schema has what it creates\.$/m,
      );
  });
  it('pending, and it is the statement that has to change', () =>
    expect(standing('pending', { verdict: 'application' })).not.toMatch(/DO NOW +Migration/));
  it('one that takes it away is no repair', () =>
    expect(pageWith({ migrations: [{ name: 'm', state: 'pending', does: 'takes-away' }] })).toMatch(
      /DO NOW +Give the column a default/,
    ));
  it('unknown', () =>
    expect(standing('unknown')).toMatch(
      /the ledger could not be read, so it is not known whether it is applied/,
    ));
  it('none at all', () => {
    expect(pageWith({ migrations: [] })).toMatch(/write one/);
    expect(
      pageWith({
        migrations: [],
        case: 'explicit-null',
        repair: { words: 'Change the application.', sql: [] },
      }),
    ).not.toMatch(/written/);
  });
});

describe('when', () => {
  const line = (label: string, text: string): string =>
    new RegExp(`^${label} +(.*(?:\\n {9}.*)*)`, 'm').exec(text)?.[1] ?? '';
  const at = (last: string) => ({ first: '2026-11-21T09:01:22.000Z', last });
  it('says whether it goes on, and how fast', () => {
    expect(line('NOW', pageWith({}, at('2026-11-21T09:04:10.000Z')))).toBe(
      'critical: still happening. 12 times in 3 min.',
    );
    expect(line('NOW', pageWith({}, at('2026-11-21T09:01:40.000Z')))).toBe(
      'warning: the last error was 3 min before this page. 12 times in 18 s.',
    );
    // A file of some day, and a clock of an unknown zone, tell nothing of now.
    const file = renderPage({ ...CONTENT, alarm: null });
    expect(line('NOW', file.text)).toBe('12 times in 2 min.');
    expect(file.subject).not.toMatch(/ongoing/);
    expect(line('NOW', pageWith({}, { zone: 'CST' }))).toBe('12 times in 2 min.');
    expect(line('SINCE', pageWith({}, { zone: 'CST' }))).toMatch(
      /09:01:22 CST, last 2026-11-21 09:03:10 CST/,
    );
  });
  it.each([
    [
      '2026-11-21T08:57:00.000Z',
      '2026-11-21T08:58:22.000Z',
      /ended at .* 08:58:22 UTC, 3 min before the first error/,
    ],
    [
      '2026-11-21T09:01:00.000Z',
      '2026-11-21T09:02:00.000Z',
      /began at .* 09:01:00 UTC, 22 s before the first error/,
    ],
    ['2026-11-21T09:01:00.000Z', null, /\(running\) began at/],
    [
      '2026-11-21T09:02:00.000Z',
      '2026-11-21T09:03:00.000Z',
      /began at .* 09:02:00 UTC, after the first error/,
    ],
  ])('the last deployment, from %s to %s', (startedAt, finishedAt, words) => {
    const deployment = { outcome: finishedAt === null ? 'running' : 'done', startedAt, finishedAt };
    expect(line('SINCE', pageWith({ deployment }))).toMatch(words);
    expect(line('SINCE', pageWith({ deployment }, { zone: 'CST' }))).not.toMatch(/deployment/);
  });
});

describe('a page', () => {
  it('gives each statement and role its own count', () => {
    expect(pageWith({}, { otherUses: 3 })).toMatch(
      /STMT +11x as app: INSERT INTO lead_purchases \(lead_id\).*\n +1x as worker: INSERT INTO lead_purchases \(id\) VALUES \(NULL\)\n +3x in other statements or by other roles/,
    );
  });
  it('shows no SQL where nobody has looked', () => {
    const diagnosis = buildUndiagnosed(GROUP, ['The database did not answer.']);
    const { text } = renderPage({ ...CONTENT, findings: [{ group: GROUP, diagnosis }] });
    expect(text).toMatch(/DO NOW +Check first/);
    expect(text).not.toMatch(/ALTER TABLE/);
  });
  it('offers no check where a person decides', () => {
    const check = "SELECT trueup.col_has_default('public.lead_purchases', 'id')";
    expect(pageWith({ check })).toMatch(/CHECK +SELECT trueup.*; {3}-- no row: repaired/);
    expect(pageWith({ check, repair: { ...DIAGNOSIS.repair, decision: true } })).not.toMatch(/CHECK/);
  });
  it('shows odd names as what they are', () => {
    const names = 'a\nDO NOW   DROP TABLE b;\u202e\u001b[31m\u200b\u2028<!here><@U024BE7LH><b>x';
    const text = pageWith(
      {
        subject: names,
        cause: [`${names} has no default.`],
        repair: { words: names, sql: [`ALTER TABLE "${names}" ALTER id SET DEFAULT a < b;`] },
        migrations: [{ name: names, state: 'pending' }],
      },
      {
        table: names,
        message: names,
        database: names,
        uses: [{ user: names, statement: `SELECT ${names.replace('\n', ' ')}`, count: 1 }],
      },
    );
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
    expect(text).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e]/);
    expect(text.match(/^DO NOW/gm)).toHaveLength(1);
    expect(text).toContain('\\u{202e}\\u{1b}[31m\\u{200b}\\u{2028}');
    expect(text).toContain('\\u{3c}!here>\\u{3c}\\u{40}U024BE7LH>\\u{3c}b>');
    expect(text).toContain('DEFAULT a < b;');
  });
  it('names every table of a storm, and never cuts off its end', () => {
    const others = [...Array(990)].map((_, i) => ({ ...GROUP, table: `table_${i}`, count: 2 }));
    const long = { ...GROUP, uses: [{ user: 'app', statement: 'x'.repeat(16_000), count: 1 }] };
    const diagnosis = { ...DIAGNOSIS, cause: [...Array(50)].map(() => 'y'.repeat(500)) };
    const findings = [...Array(10)].map(() => ({ group: long, diagnosis }));
    const { text, subject } = renderPage({ ...CONTENT, findings, others, overflow: 5 });
    for (let i = 0; i < 990; i++) expect(text).toContain(`2x marketplace: table_${i}.id\n`);
    expect(text).toMatch(/5 more errors, on objects beyond the first thousand/);
    expect(text).toMatch(
      /MORE\n {2}Runbook {4}https:\/\/example\.com\/runbooks\/missing-primary-key-default\.md\n {2}Log lines {2}https:/,
    );
    expect(text).toMatch(/rows are left out\.$/);
    expect(subject).toMatch(/\+999 more$/);
    expect(Buffer.byteLength(text)).toBeLessThan(200_000);
  });
  it('has a runbook only where the reader can open it', () => {
    expect(renderPage({ ...CONTENT, runbookUrl: null }).text).not.toMatch(/Runbook|docs\/defects/);
  });
});

describe('limits of SNS', () => {
  it.each([
    ['long names', { database: 'd'.repeat(63) }, { subject: 's'.repeat(200) }],
    ['names that are no ASCII', { database: 'größe' }, { subject: 'straße."Ünïcode"' }],
    ['a line break', {}, { subject: 'a\nb' }],
  ])('a subject of %s', (_name, group, diagnosis) => {
    const { subject } = renderPage({
      ...CONTENT,
      others: [...Array(1_000)].map(() => GROUP),
      findings: [{ group: { ...GROUP, ...group }, diagnosis: { ...DIAGNOSIS, ...diagnosis } }],
    });
    expect(subject).toMatch(/^[\x20-\x7e]{1,100}$/);
    expect(subject).toMatch(/\+1000 more$/);
  });
});
