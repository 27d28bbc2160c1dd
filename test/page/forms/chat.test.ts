/** The form that Amazon Q Developer takes: fields, limits, and names that would mention somebody. */
import { describe, expect, it } from 'vitest';
import type { Diagnosis } from '../../../lambda/contract/diagnosis';
import { missingPrimaryKeyDefault } from '../../../lambda/defects/kinds/missing-primary-key-default';
import { buildDocument, type PageContent } from '../../../lambda/page/document/render';
import { renderChat as render } from '../../../lambda/page/forms/chat';
import type { ErrorGroup } from '../../../lambda/page/logs/collect';

const renderChat = (content: PageContent) => render(buildDocument(content));

const group = (change: Partial<ErrorGroup> = {}): ErrorGroup => ({
  key: 'k',
  signature: 'not-null',
  sqlstate: '23502',
  message: 'null value in column "id" of relation "orders" violates not-null constraint',
  logGroup: '/aws/rds/instance/shop/postgresql',
  database: 'shop',
  user: 'app',
  table: 'orders',
  column: 'id',
  statement: 'INSERT INTO orders (a) VALUES (?)',
  count: 12,
  aborted: 0,
  first: '2026-11-21T09:01:22.000Z',
  last: '2026-11-21T09:03:10.000Z',
  firstIngestedMs: 0,
  uses: [],
  otherUses: 0,
  zone: null,
  ...change,
});
const diagnosis = (change: Partial<Diagnosis> = {}): Diagnosis => ({
  kind: 'missing-primary-key-default',
  case: null,
  verdict: 'schema',
  subject: 'public.orders.id',
  cause: ['public.orders.id has no default.'],
  repair: missingPrimaryKeyDefault.repair(missingPrimaryKeyDefault.example.object),
  migrations: [],
  notChecked: [],
  ...change,
});
const content = (change: Partial<PageContent> = {}): PageContent => ({
  alarm: { name: 'Shop-not-null', region: 'eu-west-1', account: '111122223333' },
  signature: 'not-null',
  followUp: false,
  findings: [{ group: group(), diagnosis: diagnosis() }],
  others: [],
  overflow: 0,
  complete: true,
  logGroups: [],
  fromMs: Date.UTC(2026, 10, 21, 9),
  toMs: Date.UTC(2026, 10, 21, 9, 5),
  runbookUrl: null,
  ...change,
});

/** As documented: what is required, what may be there, and nothing else. */
function hasTheForm(message: ReturnType<typeof renderChat>): void {
  expect(Object.keys(message).sort()).toEqual(['content', 'id', 'metadata', 'source', 'version']);
  expect([message.version, message.source]).toEqual(['1.0', 'custom']);
  const { nextSteps = [], ...rest } = message.content;
  expect(Object.keys(rest)).toEqual(['textType', 'title', 'description']);
  expect(rest.description).toMatch(/\S/);
  expect(rest.title.length).toBeLessThanOrEqual(250);
  expect(rest.description.length).toBeLessThanOrEqual(2_000);
  expect(nextSteps.length).toBeLessThanOrEqual(5);
  for (const each of nextSteps) expect(each).toMatch(/^\S.{0,600}$/);
}

it('what is wrong, whether it goes on, and what to do', () => {
  const message = renderChat(content());
  hasTheForm(message);
  expect(message.content).toMatchObject({
    title: '[Trueup] shop: public.orders.id (12x, ongoing) - The id column has no default',
    description: 'critical: still happening. 12 times in 2 min. public.orders.id has no default.',
  });
  expect(message.content.nextSteps!.some((each) => /^`ALTER TABLE .*;`$/.test(each))).toBe(true);
});

it('one thread an alarm, one id a page', () => {
  const [first, again, other] = [
    content(),
    content({ followUp: true, toMs: Date.UTC(2026, 10, 21, 9, 10) }),
    content({ alarm: { name: 'Other-not-null', region: 'eu-west-1', account: '111122223333' } }),
  ].map(renderChat);
  expect(again!.metadata.threadId).toBe(first!.metadata.threadId);
  expect(again!.id).not.toBe(first!.id);
  expect(other!.metadata.threadId).not.toBe(first!.metadata.threadId);
});

it('more steps than there is room for: the last says where the rest is', () => {
  const sql = [...Array(9)].map((_, i) => `SELECT ${i};`);
  const { nextSteps } = renderChat(
    content({
      findings: [{ group: group(), diagnosis: diagnosis({ repair: { words: 'All of it.', sql } }) }],
    }),
  ).content;
  expect(nextSteps).toHaveLength(5);
  expect(nextSteps!.at(-1)).toBe('7 more lines are in the full page, SQL among them.');
});

it('lines that were not found, and more than there is room for', () => {
  const none = renderChat(content({ findings: [] }));
  hasTheForm(none);
  expect(none.content.description).toMatch(/their lines were not found/);
  const long = diagnosis({ cause: ['x'.repeat(1_900), '&'.repeat(500)] });
  const many = renderChat(
    content({
      findings: Array(10).fill({ group: group(), diagnosis: long }),
      others: [group()],
      overflow: 3,
    }),
  );
  hasTheForm(many);
  expect(many.content.description).not.toMatch(/&\w*…$/);
});

describe.each([
  '<!here>',
  '<@U024BE7LH>',
  '<https://evil.example|x>',
  '@channel',
  '&lt;!here&gt;',
  '[x](http://evil.example)',
  '`code`',
  'a\u202eb',
])('a name like %j', (name) => {
  it('mentions nobody, links nowhere and ends no code', () => {
    const hostile = diagnosis({
      subject: name,
      cause: [name],
      repair: { words: `Look at ${name}.`, sql: [`ALTER TABLE "${name}" ADD x int`, 'SELECT 1'] },
    });
    const message = renderChat(
      content({ findings: [{ group: group({ table: name }), diagnosis: hostile }] }),
    );
    hasTheForm(message);
    const { title, description, nextSteps } = message.content;
    for (const text of [title, description, ...nextSteps!])
      expect(text.replace(/^`[^`<>&@]*`$/, '')).not.toMatch(/[<>`\u202e]|@\w|\]\(|:\/\/|&(?!(amp|lt|gt);)/);
    // All of the SQL, or none.
    const whole = !/[<>&@`]|:\/\//.test(name);
    expect(nextSteps!.includes('`SELECT 1`')).toBe(whole);
    expect(nextSteps!.some((each) => each.startsWith('See the message of the SNS topic'))).toBe(!whole);
  });
});
