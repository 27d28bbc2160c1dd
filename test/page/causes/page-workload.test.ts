/** The page about statements that no longer plan: from the alarm to the text, on a real database; only AWS is played. */
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import type { AlarmEvent } from '../../../lambda/page/alarm';
import { pageWorkload } from '../../../lambda/page/causes/page-workload';
import { handlePage } from '../../../lambda/page/handle';
import type { PageOutbound } from '../../../lambda/page/page-outbound';
import { connect, createDatabase, majors } from '../../support/database';
import { up } from '../../support/engine';
import { expectGenerated, replaceBlock } from '../../support/generated';
import { manifestOf, migration, promising } from '../../support/manifest';
import { driftAlarm, queryFunction, SETTINGS } from './drift';

const alarm = (of: string | null): AlarmEvent => driftAlarm('Shop-workload-c0ffee', of);
const first = migration('0001_shop', {
  up: [
    'CREATE TABLE customers (id int PRIMARY KEY, email text UNIQUE, note text)',
    'CREATE TABLE orders (id int, customer int)',
  ],
});
const manifest = promising(
  manifestOf(first),
  {
    text: 'INSERT INTO customers (id, email) VALUES ($1, $2) ON CONFLICT (email) DO NOTHING',
    role: 'app',
    calls: 1204,
  },
  { text: 'SELECT note FROM customers WHERE id = $1', calls: 1 },
);

describe.each(majors())('PostgreSQL %i', (major) => {
  let url: string;
  const pages: { subject: string; text: string }[] = [];
  const asked: string[] = [];
  let answers: (name: string) => boolean;
  let refuses = false;
  const out = {
    invokeMigrate: async (name, request) => {
      asked.push(name);
      if (!answers(name)) return { kind: 'silent', message: 'no answer for 60 s' };
      return { kind: 'answered', response: await queryFunction(url, manifest, name, request) };
    },
    publish: async (_topic, { subject = '', text }) => {
      if (refuses) throw Object.assign(new Error('no'), { name: 'ThrottlingException' });
      pages.push({ subject, text });
    },
  } as Partial<PageOutbound> as PageOutbound;
  const context = { settings: SETTINGS, out, region: 'eu-west-1' };
  const paged = async (of: string | null) => {
    pages.length = 0;
    await handlePage(alarm(of), context);
    expect(pages).toHaveLength(1);
    return pages[0]!;
  };

  beforeAll(async () => {
    url = await createDatabase(major);
    await up(url, manifest, { owner: { account: '1', region: 'r', stackName: 's' } });
    const client = await connect(url);
    await client.query("INSERT INTO customers VALUES (1, 'CANARY', 'CANARY')");
    await client.query(
      'ALTER TABLE customers DROP CONSTRAINT customers_email_key; ALTER TABLE customers DROP COLUMN note',
    );
  });
  beforeEach(() => {
    answers = () => true;
    vi.spyOn(process.stdout, 'write').mockImplementation(() => true);
  });
  afterEach(() => vi.restoreAllMocks());

  test('one page with all of them, of the schema that the alarm is about', async () => {
    const page = await paged('shop-migrate');
    expect(page.subject).toBe(
      '[Trueup] shop: public.customers (email) - A statement of the application no longer plans +1 more',
    );
    expect(page.text).toMatchInlineSnapshot(`
      "1. public.customers (email) - ON CONFLICT finds no unique index that it can use
      The INSERT fails every time, whatever its values. Every later statement in the same transaction fails too.

      NOW      Found by planning it, without running it. It is not known whether the application has sent it since.
      DO NOW   Create the unique index. First look for rows that already violate it. If the query returns any, a person must decide which of them to keep: until then the build fails and leaves an INVALID index behind.
                   SELECT email, count(*) FROM public.customers WHERE num_nulls(email) = 0 GROUP BY email HAVING count(*) > 1;
                   CREATE UNIQUE INDEX CONCURRENTLY customers_email_key ON public.customers (email);
               No migration in the deployed code addresses this: write one.
      CHECK    SELECT trueup.on_conflict_target('public.customers', ARRAY['email']::pg_catalog.text[]);   -- no row: repaired
      WHY      No unique index or constraint matches its ON CONFLICT [SQLSTATE 42P10].
               ON CONFLICT (email) needs a unique index on exactly these columns, and public.customers has none: it has customers_pkey (id).
      STMT     as app, 1,204 calls seen when the workload was recorded: INSERT INTO customers (id, email) VALUES ($1, $2) ON CONFLICT (email) DO NOTHING

      ------------------------------------------------------------------------

      2. public.customers.note - A statement of the application no longer plans
      The statement fails whenever the application sends it.

      NOW      Found by planning it, without running it. It is not known whether the application has sent it since.
      DO NOW   A person must decide. If it was removed by mistake, write a migration that creates it again; its data may exist only in a backup. If it was removed on purpose, deploy an application that no longer needs it.
      WHY      A column that it names does not exist [SQLSTATE 42703].
               public.customers.note existed when the running application was deployed, and does not exist now.
      STMT     1 call seen when the workload was recorded: SELECT note FROM customers WHERE id = $1

      MORE
        shop: of 2 statements 0 plan, 2 no longer.
        Runbook    https://example.com/runbooks/missing-conflict-target.md
        Alarm      Shop-workload-c0ffee, account 1, eu-west-1. It stays in ALARM until all of them plan again.
        Statements are shown as in the workload file, without values."
    `);
    expect(page.text).not.toContain('CANARY');
  });

  test('the page that docs/on-call.md shows', async () => {
    const client = await connect(url);
    await client.query('ALTER TABLE customers ADD CONSTRAINT customers_email_key UNIQUE (email)');
    const page = await paged('shop-migrate');
    await client.query('ALTER TABLE customers DROP CONSTRAINT customers_email_key');
    expectGenerated(join(__dirname, '../../../docs/on-call.md'), (docs) =>
      replaceBlock(
        docs,
        'workload-page',
        `${page.subject}\n\n${page.text.slice(0, page.text.indexOf('\n\nMORE'))}\n`,
      ),
    );
  });

  test('an alarm that does not say which schema: every function is asked', async () => {
    expect((await paged(null)).text).toContain('stock: of 2 statements 0 plan, 2 no longer.');
  });

  test('the database does not answer, or all of it is repaired: a page all the same, without SQL', async () => {
    answers = (name) => name !== 'shop-ask';
    const page = await paged('shop-migrate');
    expect(page.subject).toBe('[Trueup] A statement of the application no longer plans');
    expect(page.text).toContain(
      'could not find out which ones:\n- shop-ask did not answer within 60 seconds, or failed.',
    );
    expect(page.text).not.toMatch(/CREATE|ALTER/);
    answers = () => true;
    const repaired = await paged('of-another-stack');
    expect(repaired.text).toContain('They were planned again for this page, and all of them plan.');
    expect(repaired.text).not.toContain('stock');
  });

  test('the end: the alarm is OK, and all of them plan again', async () => {
    const lines: string[] = [];
    vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
      lines.push(String(text));
      return true;
    });
    const watched = {
      ...out,
      async *searchLogs() {
        yield lines.map((message) => ({ message, timestampMs: 0, ingestedMs: 0, stream: '', logGroup: '' }));
      },
      alarms: async (names) => {
        const name = 'Shop-workload-c0ffee';
        const sinceMs = Date.now() - 60_000;
        return Array.isArray(names) && names.includes(name)
          ? [{ name, state: 'OK', sinceMs, of: 'shop-migrate' }]
          : [];
      },
    } as PageOutbound;
    const look = () =>
      handlePage(
        { action: 'look-again', time: new Date().toISOString() },
        { ...context, out: watched, settings: { ...SETTINGS, ownLogGroup: '/own' } },
      );
    refuses = true;
    await expect(paged('shop-migrate')).rejects.toThrow('no');
    refuses = false;
    await look();
    expect(pages).toHaveLength(1);
    // The drift check may only not have run.
    await look();
    expect(pages).toHaveLength(1);
    const client = await connect(url);
    await client.query(
      'ALTER TABLE customers ADD CONSTRAINT customers_email_key UNIQUE (email), ADD COLUMN note text',
    );
    answers = () => false;
    await look();
    expect(pages).toHaveLength(1);
    answers = () => true;
    await look();
    await look();
    await client.query('ALTER TABLE customers DROP CONSTRAINT customers_email_key, DROP COLUMN note');
    expect(pages).toHaveLength(2);
    expect(pages[1]!.subject).toMatch(
      /^\[Trueup\] resolved: shop: public\.customers \(email\) - .* \+1 more$/,
    );
    expect(pages[1]!.text).toContain('All statements of the application plan again.');
  });

  test('a page that a topic refused is not sent after its end', async () => {
    const lines: string[] = [];
    vi.spyOn(process.stdout, 'write').mockImplementation((line) => lines.push(String(line)) > 0);
    refuses = true;
    await expect(paged('shop-migrate')).rejects.toThrow('no');
    refuses = false;
    const { about } = JSON.parse(lines.find((line) => line.includes('"page-published"'))!);
    const time = new Date(Date.now() + 1).toISOString();
    lines.push(JSON.stringify({ time, event: 'resolution-published', alarm: 'Shop-workload-c0ffee', about }));
    const watched = {
      ...out,
      async *searchLogs() {
        yield lines.map((message) => ({ message, timestampMs: 0, ingestedMs: 0, stream: '', logGroup: '' }));
      },
      alarms: async () => [],
    } as PageOutbound;
    pages.length = 0;
    await handlePage(
      { action: 'look-again', time: new Date().toISOString() },
      { ...context, out: watched, settings: { ...SETTINGS, ownLogGroup: '/own' } },
    );
    expect(pages).toEqual([]);
  });

  test('no longer up: no page', async () => {
    pages.length = 0;
    const ok = alarm('shop-migrate');
    await handlePage(
      { ...ok, alarmData: { ...ok.alarmData, state: { ...ok.alarmData.state, value: 'OK' } } },
      context,
    );
    expect(pages).toEqual([]);
    await pageWorkload(ok, { ...context, settings: { ...SETTINGS, functions: {} } }, 10);
    expect(pages[0]?.text).toContain('all of them plan');
  });
});
