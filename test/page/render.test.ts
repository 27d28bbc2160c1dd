import { describe, expect, it } from 'vitest';
import type { Diagnosis } from '../../lambda/contract/diagnosis';
import { undiagnosed } from '../../lambda/defects/diagnose';
import { missingIdDefault } from '../../lambda/defects/kinds/missing-id-default';
import type { ErrorGroup } from '../../lambda/page/collect';
import { type PageContent, renderPage } from '../../lambda/page/render';

const GROUP: ErrorGroup = {
  key: 'k',
  signature: 'not-null',
  sqlstate: '23502',
  message: 'null value in column "id" of relation "lead_purchases" violates not-null constraint',
  logGroup: '/aws/rds/instance/shop/postgresql',
  database: 'marketplace',
  user: 'app',
  table: 'lead_purchases',
  column: 'id',
  statement: 'INSERT INTO lead_purchases (lead_id) VALUES (?)',
  count: 12,
  aborted: 3,
  first: '2026-11-21T09:01:22.000Z',
  last: '2026-11-21T09:03:10.000Z',
  firstIngestedMs: 0,
  uses: [
    { user: 'app', statement: 'INSERT INTO lead_purchases (lead_id) VALUES (?)', count: 11 },
    { user: 'worker', statement: 'INSERT INTO lead_purchases (id) VALUES (NULL)', count: 1 },
  ],
  otherUses: 0,
  zone: null,
};
const DIAGNOSIS: Diagnosis = {
  kind: 'missing-id-default',
  case: null,
  verdict: 'schema',
  subject: 'public.lead_purchases.id',
  cause: ['public.lead_purchases.id belongs to the primary key, is of type uuid, and has no default.'],
  repair: missingIdDefault.repair(missingIdDefault.example.object),
  migrations: [{ name: '0002_id_default', state: 'pending' }],
  unseen: [],
};
const CONTENT: PageContent = {
  alarm: { name: 'Shop-not-null', region: 'eu-west-1', account: '111122223333' },
  signature: 'not-null',
  followUp: false,
  findings: [{ group: GROUP, diagnosis: DIAGNOSIS }],
  others: [],
  overflow: 0,
  complete: true,
  logGroups: ['/aws/rds/instance/shop/postgresql'],
  fromMs: Date.UTC(2026, 10, 21, 9),
  toMs: Date.UTC(2026, 10, 21, 9, 5),
  runbookUrl: 'https://example.com/runbooks/',
};

describe('pages', () => {
  it('a defect that a migration repairs, pending', () => {
    expect(renderPage(CONTENT)).toMatchSnapshot();
  });
  it('the database did not answer', () => {
    const diagnosis = undiagnosed(GROUP, [
      'The database could not be queried: shop-migrate did not answer within 25 seconds, or died.',
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
        { group: other, diagnosis: undiagnosed(other, ['An application logged this.']) },
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

const pageWith = (change: Partial<Diagnosis>, group: Partial<ErrorGroup> = {}): string =>
  renderPage({
    ...CONTENT,
    findings: [{ group: { ...GROUP, ...group }, diagnosis: { ...DIAGNOSIS, ...change } }],
  }).text;

describe('every standing of a migration', () => {
  const standing = (state: string, change: Partial<Diagnosis> = {}): string =>
    pageWith({ ...change, migrations: [{ name: 'm', state }] });
  it.each(['pending', 'late', 'changed'])('%s: deploy it, or by hand', (state) => {
    expect(standing(state)).toContain(
      `DO NOW   Migration m addresses this and is not applied (${state}): deploy it.`,
    );
    expect(standing(state)).toMatch(/Or by hand: Give the column a default/);
  });
  it('partial', () =>
    expect(standing('partial')).toMatch(/DO NOW +Migration m .* stopped half way: deploy again/));
  it.each(['applied', 'unverified', 'superseded', 'edited'])('%s, and the defect is there', (state) =>
    expect(standing(state)).toMatch(/Migration m addresses this and is applied.*but the catalogue/),
  );
  it('applied, and the schema is as it should be', () => {
    for (const verdict of ['application', 'not-reproduced'] as const)
      expect(standing('applied', { verdict })).toMatch(/Migration m addresses this and is applied\.$/m);
  });
  it('pending, and it is the statement that has to change', () =>
    expect(standing('pending', { verdict: 'application' })).not.toMatch(/DO NOW +Migration/));
  it('one that takes it away is no repair', () =>
    expect(pageWith({ migrations: [{ name: 'm', state: 'pending', does: 'takes-away' }] })).toMatch(
      /DO NOW +Give the column a default/,
    ));
  it('unknown', () => expect(standing('unknown')).toMatch(/could not be asked/));
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
      /STMT +11x as app: INSERT INTO lead_purchases \(lead_id\).*\n +1x as worker: INSERT INTO lead_purchases \(id\) VALUES \(NULL\)\n +3x in further statements or roles/,
    );
  });
  it('shows no SQL where nobody has looked', () => {
    const diagnosis = undiagnosed(GROUP, ['The database did not answer.']);
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
    expect(text).toContain('\\u{3c}!here>\\u{3c}@U024BE7LH>\\u{3c}b>');
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
      /MORE\n {2}Runbook {4}https:\/\/example\.com\/runbooks\/missing-id-default\.md\n {2}Log lines {2}https:/,
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

describe('a section', () => {
  const line = (text: string, label: string): string | undefined =>
    text.split('\n').find((each) => each.startsWith(label));
  const after = (text: string, label: string): string[] => {
    const all = text.split('\n');
    const from = all.findIndex((each) => each.startsWith(label));
    const to = all.findIndex((each, i) => i > from && !each.startsWith(' '));
    return all.slice(from, to).map((each) => each.slice(9));
  };

  it('of a test says so first', () => {
    const text = pageWith({}, { table: 'trueup_alarm_test' });
    expect(text.split('\n').slice(0, 3)).toEqual([
      'This is a test: `trueup alarm-test` raised the error.',
      '',
      missingIdDefault.impact,
    ]);
    expect(pageWith({}).split('\n')[0]).toBe(missingIdDefault.impact);
  });

  it('names statements and roles as far as they are logged', () => {
    const use = (user: string, statement: string | null) => ({ user, statement, count: 2 });
    const uses = [use('app', 'SELECT 1'), use('app', null), use('', 'SELECT 2'), use('', null)];
    expect(after(pageWith({}, { uses }), 'STMT')).toEqual([
      '2x as app: SELECT 1',
      '2x as app: statement not logged',
      '2x SELECT 2',
    ]);
    expect(after(pageWith({}, { uses: [use('', null)], otherUses: 5 }), 'STMT')).toEqual([
      '5x in further statements or roles',
    ]);
  });

  it('says where, and what was refused afterwards', () => {
    const where = (change: Partial<ErrorGroup>) => after(pageWith({}, change), 'ERROR').slice(1);
    const known = 'Database marketplace, log group /aws/rds/instance/shop/postgresql.';
    expect(where({ aborted: 0 })).toEqual([known]);
    expect(where({ aborted: 1 })).toEqual([
      known,
      '1 more command was refused in the same transactions (25P02).',
    ]);
    expect(where({ aborted: 2 })).toEqual([
      known,
      '2 more commands were refused in the same transactions (25P02).',
    ]);
    expect(where({ aborted: 0, logGroup: '' })).toEqual(['Database marketplace.']);
    expect(where({ aborted: 0, database: '', logGroup: 'g' })).toEqual([
      'Database not known, since an application logged it, log group g.',
    ]);
  });

  it('says what to do: the migration that waits, the SQL by hand, the others', () => {
    const done = (change: Partial<Diagnosis>) => after(pageWith(change), 'DO NOW');
    const waits = { name: 'a', state: 'pending' } as const;
    const deploy = 'Migration a addresses this and is not applied (pending): deploy it.';
    expect(done({ migrations: [waits], repair: { words: 'Do it.', sql: ['x;\ny;'] } })).toEqual([
      deploy,
      'Or by hand: Do it.',
      '    x;',
      '    y;',
    ]);
    expect(done({ migrations: [waits], repair: { words: '', sql: ['x;'] } })).toEqual([
      deploy,
      'Or by hand:',
      '    x;',
    ]);
    expect(done({ migrations: [waits], repair: { words: 'Do it.', sql: [] } })).toEqual([
      deploy,
      'Or by hand: Do it.',
    ]);
    expect(done({ migrations: [waits], repair: { words: '', sql: [] } })).toEqual([deploy]);
    expect(done({ migrations: null, repair: { words: '', sql: ['x;'] } })).toEqual(['    x;']);
    expect(done({ migrations: null, repair: { words: '', sql: [] } })).toEqual([
      'Check first: the catalogue tells which repair applies, and it was not queried.',
    ]);
    const undone = { ...waits, undoneBy: 'b' };
    expect(done({ migrations: [undone], repair: { words: 'Do it.', sql: [] } })).toEqual([
      'Do it.',
      'Migration a creates it, and b removes it again: deploying them repairs nothing.',
    ]);
    const applied = { name: 'c', state: 'applied' } as const;
    expect(done({ migrations: [waits, applied], repair: { words: 'Do it.', sql: [] } })).toHaveLength(3);
    expect(
      done({ migrations: [waits], verdict: 'application', repair: { words: 'Do it.', sql: [] } })[0],
    ).toBe('Do it.');
  });

  it('has a check where SQL repairs it and nobody has to decide', () => {
    const check = (change: Partial<Diagnosis>) => line(pageWith({ check: 'SELECT 1', ...change }), 'CHECK');
    expect(check({})).toBe('CHECK    SELECT 1;   -- no row: repaired');
    expect(check({ check: undefined })).toBeUndefined();
    expect(check({ repair: { words: 'w', sql: [] } })).toBeUndefined();
    expect(check({ repair: { words: 'w', sql: ['x;'], decision: true } })).toBeUndefined();
  });
});

describe('a subject', () => {
  const subject = (change: Partial<PageContent>): string => renderPage({ ...CONTENT, ...change }).subject;
  const findings = (change: Partial<ErrorGroup>, diagnosis: Partial<Diagnosis> = {}) => [
    { group: { ...GROUP, ...change }, diagnosis: { ...DIAGNOSIS, ...diagnosis } },
  ];

  it('has at most 100 ASCII characters, and what it is about first', () => {
    expect(subject({})).toMatch(/^\[Trueup\] marketplace: public\.lead_purchases\.id \(12x, ongoing\) - /);
    expect(subject({ findings: findings({ table: 'trueup_alarm_test' }) })).toMatch(/^\[Trueup test\] /);
    expect(subject({ findings: findings({ database: '' }) })).toMatch(/^\[Trueup\] public\./);
    expect(subject({ findings: findings({}, { subject: 'żółć' }) })).toContain('marketplace: ???? (12x');
    const long = subject({ findings: findings({ database: 'd'.repeat(200) }), others: [GROUP, GROUP] });
    expect(long).toBe(`[Trueup] ${'d'.repeat(100 - '[Trueup] '.length - ' +2 more'.length - 3)}... +2 more`);
    expect(subject({ findings: [], signature: 'unheard' })).toBe('[Trueup] unheard');
  });

  it('is whole where it just fits', () => {
    const lengths = [0, 1, 2, 3].map((n) => {
      const bare = subject({ findings: findings({ database: 'd' }) }).replace(/\.\.\.$/, '');
      return subject({ findings: findings({ database: 'd'.repeat(1 + 100 - bare.length + n) }) });
    });
    expect(lengths.map((each) => each.length).every((length) => length <= 100)).toBe(true);
    expect(lengths[0]).not.toMatch(/\.\.\.$/);
    expect(lengths[1]).toMatch(/\.\.\.$/);
  });
});

describe('what is not described', () => {
  const also = (change: Partial<PageContent>): string[] => {
    const { text } = renderPage({ ...CONTENT, ...change });
    return text.includes('\nALSO\n') ? text.split('\nALSO\n')[1]!.split('\n\nMORE')[0]!.split('\n') : [];
  };

  it('is named', () => {
    const other = { ...GROUP, table: 't', column: null, count: 3 };
    expect(also({})).toEqual([]);
    expect(also({ others: [other, { ...other, database: '' }] })).toEqual(['  3x marketplace: t', '  3x t']);
    expect(also({ others: [other], complete: false })).toEqual(['  >=3x marketplace: t']);
    expect(also({ overflow: 2 })).toEqual(['  2 more errors, on objects beyond the first thousand']);
    expect(also({ others: [other], overflow: 2 })).toHaveLength(2);
  });

  it('lines of an unheard signature are looked for too', () => {
    const { text } = renderPage({ ...CONTENT, findings: [], signature: 'unheard', logGroups: ['a', 'b'] });
    expect(text).toContain('their lines were not found in a, b.');
    expect(text).toContain("filter*20*40message*20like*20*22*22~source~(~'a~'b)");
    expect(text.split('What it can be\n')[1]).toMatch(/^\n*MORE\n/);
  });
});
