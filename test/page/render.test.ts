import { describe, expect, it } from 'vitest';
import type { Diagnosis } from '../../lambda/defects/defect';
import { undiagnosed } from '../../lambda/defects/diagnose';
import { missingIdDefault } from '../../lambda/defects/missing-id-default';
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
};
const DIAGNOSIS: Diagnosis = {
  kind: 'missing-id-default',
  case: null,
  subject: 'public.lead_purchases.id',
  cause: ['public.lead_purchases.id belongs to the primary key, is of type uuid, and has no default.'],
  repair: missingIdDefault.repair(missingIdDefault.example.object),
  migrations: [{ name: '0002_id_default', state: 'pending' }],
  unseen: [],
};
const CONTENT: PageContent = {
  alarm: { name: 'Shop-not-null', region: 'eu-west-1' },
  signature: 'not-null',
  look: 'first',
  findings: [{ group: GROUP, diagnosis: DIAGNOSIS }],
  more: 0,
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
      'The database could not be looked into: shop-migrate did not answer within 25 seconds, or died.',
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
      count: 1,
      aborted: 0,
      user: '',
      database: '',
      logGroup: '/app/purchase-worker',
    };
    const content: PageContent = {
      ...CONTENT,
      signature: 'on-conflict',
      look: 'again',
      findings: [
        { group: other, diagnosis: undiagnosed(other, ['An application logged this.']) },
        {
          group: GROUP,
          diagnosis: { ...DIAGNOSIS, migrations: [{ name: '0002_id_default', state: 'applied' }] },
        },
      ],
      more: 4,
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
  const sentence = (state: string, change: Partial<Diagnosis> = {}): string =>
    renderPage({
      ...CONTENT,
      findings: [
        { group: GROUP, diagnosis: { ...DIAGNOSIS, ...change, migrations: [{ name: 'm', state }] } },
      ],
    }).text.match(/- Migration m.*/)![0];
  it.each(['pending', 'late', 'changed'])('%s: deploy it', (state) =>
    expect(sentence(state)).toMatch(/deploy it/),
  );
  it.each(['applied', 'unverified', 'superseded', 'edited'])('%s, and the defect is there', (state) =>
    expect(sentence(state)).toMatch(/undone it since/),
  );
  it('applied, and the defect is gone', () =>
    expect(sentence('applied', { case: 'repaired-since' })).toMatch(/is applied\.$/));
  it('partial', () => expect(sentence('partial')).toMatch(/half way/));
  it('unknown', () => expect(sentence('unknown')).toMatch(/could not be asked/));
  it('none at all', () => {
    const text = (change: Partial<Diagnosis>) =>
      renderPage({
        ...CONTENT,
        findings: [{ group: GROUP, diagnosis: { ...DIAGNOSIS, migrations: [], ...change } }],
      }).text;
    expect(text({})).toMatch(/has to be written/);
    expect(
      text({ case: 'explicit-null', repair: { words: 'Change the application.', sql: [] } }),
    ).not.toMatch(/written/);
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
      more: 1_000,
      findings: [{ group: { ...GROUP, ...group }, diagnosis: { ...DIAGNOSIS, ...diagnosis } }],
    });
    expect(subject).toMatch(/^[\x20-\x7e]{1,100}$/);
    expect(subject).toMatch(/\+1000 more$/);
  });
  it('a text of ten long findings', () => {
    const group = { ...GROUP, statement: 'x'.repeat(16_000) };
    const diagnosis = { ...DIAGNOSIS, cause: [...Array(50)].map(() => 'y'.repeat(500)) };
    const { text } = renderPage({ ...CONTENT, findings: [...Array(10)].map(() => ({ group, diagnosis })) });
    expect(Buffer.byteLength(text)).toBeLessThan(200_000);
  });
});
