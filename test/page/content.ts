/** One page to begin with: a missing id default that a pending migration repairs. */
import type { Diagnosis } from '../../lambda/contract/diagnosis';
import { missingPrimaryKeyDefault } from '../../lambda/defects/kinds/missing-primary-key-default';
import { type PageContent, renderPage } from '../../lambda/page/document/render';
import type { ErrorGroup } from '../../lambda/page/logs/collect';

export const GROUP: ErrorGroup = {
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
export const DIAGNOSIS: Diagnosis = {
  kind: 'missing-primary-key-default',
  case: null,
  verdict: 'schema',
  subject: 'public.lead_purchases.id',
  cause: ['public.lead_purchases.id belongs to the primary key, is of type uuid, and has no default.'],
  repair: missingPrimaryKeyDefault.repair(missingPrimaryKeyDefault.example.object),
  migrations: [{ name: '0002_id_default', state: 'pending' }],
  notChecked: [],
};
export const CONTENT: PageContent = {
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

export const pageWith = (change: Partial<Diagnosis>, group: Partial<ErrorGroup> = {}): string =>
  renderPage({
    ...CONTENT,
    findings: [{ group: { ...GROUP, ...group }, diagnosis: { ...DIAGNOSIS, ...change } }],
  }).text;
