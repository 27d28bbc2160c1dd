/** What a finding says, part by part; then the subject, and what is named beside the findings. */
import { describe, expect, it } from 'vitest';
import type { Diagnosis } from '../../../lambda/contract/diagnosis';
import { missingPrimaryKeyDefault } from '../../../lambda/defects/kinds/missing-primary-key-default';
import { type PageContent, renderPage } from '../../../lambda/page/document/render';
import type { ErrorGroup } from '../../../lambda/page/logs/collect';
import { CONTENT, DIAGNOSIS, GROUP, pageWith } from '../content';

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
      missingPrimaryKeyDefault.impact,
    ]);
    expect(pageWith({}).split('\n')[0]).toBe(missingPrimaryKeyDefault.impact);
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
      '5x in other statements or by other roles',
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
      'Check first: the catalog shows which repair applies, but it was not queried.',
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
    expect(also({ overflow: 2 })).toEqual([
      '  2 more errors, on objects beyond the first thousand, which were not diagnosed',
    ]);
    expect(also({ others: [other], overflow: 2 })).toHaveLength(2);
  });

  it('lines of an unheard signature are looked for too', () => {
    const { text } = renderPage({ ...CONTENT, findings: [], signature: 'unheard', logGroups: ['a', 'b'] });
    expect(text).toContain('their lines were not found in a, b.');
    expect(text).toContain("filter*20*40message*20like*20*22*22~source~(~'a~'b)");
    expect(text.split('Possible causes\n')[1]).toMatch(/^\n*MORE\n/);
  });
});

describe('the whole text', () => {
  const CAUSE = Array.from({ length: 3_000 }, (_, i) => `cause ${i} ${'x'.repeat(60)}`);
  const findings = [{ group: GROUP, diagnosis: { ...DIAGNOSIS, cause: CAUSE } }];
  const others = Array.from({ length: 50 }, (_, i) => ({ ...GROUP, table: `t${i}`, column: null }));

  it('is cut to what a topic takes: of the findings, never of what comes after', () => {
    const { text } = renderPage({ ...CONTENT, findings, others });
    expect(text.length).toBe(100_000 + '\n… cut'.length);
    expect(text).toContain('x\n… cut\n\nALSO\n  12x marketplace: t0\n');
    expect(text.slice(text.indexOf('\n\nMORE'))).toBe(
      renderPage({ ...CONTENT, others }).text.split(/(?=\n\nMORE)/)[1],
    );
  });

  it('names the words of the first finding in the link to its lines', () => {
    const link = (message: string) => {
      const group = { ...GROUP, signature: 'on-conflict', sqlstate: '42704', message };
      return renderPage({ ...CONTENT, signature: 'on-conflict', findings: [{ group, diagnosis: DIAGNOSIS }] })
        .text;
    };
    expect(link('constraint "c" for table "t" does not exist')).not.toContain('there*20is*20no*20unique');
    expect(link('something else')).toContain('there*20is*20no*20unique');
  });
});
