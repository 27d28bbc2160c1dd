/** The whole way of a page on a real database and real log lines; only AWS is played. */
import { Client } from 'pg';
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { handlePage } from '../../lambda/page/handle';
import { readEventsOfFile } from '../../lambda/page/logs/log-lines';
import { PAGE_VARIABLE, readPageSettings } from '../../lambda/page/page-settings';
import { majors } from '../support/database';
import { failing, type LogServer, startLogServer } from '../support/log-server';
import { Aws, alarmEvent, GROUP, SETTINGS, TIMING } from './aws';

describe.each(majors())('PostgreSQL %i', (major) => {
  let server: LogServer;
  let aws: Aws;
  const out: string[] = [];
  const handle = (event: Parameters<typeof handlePage>[0], settings = SETTINGS, timing = TIMING) =>
    handlePage(event, { settings, out: aws, region: 'eu-west-1', timing });
  const alarm = alarmEvent;
  const raise = (...statements: string[]): Promise<string[]> =>
    server.logged((client) => failing(client, statements));

  beforeAll(async () => {
    server = await startLogServer(major);
    const client = new Client({ connectionString: server.server.url() });
    await client.connect();
    await client.query(`
      CREATE TABLE lead_purchases (id uuid PRIMARY KEY, note text);
      CREATE TABLE web_sessions (id int PRIMARY KEY, lead_id uuid NOT NULL);
      CREATE TABLE ignored_table (id int PRIMARY KEY, note text);
      CREATE TABLE m (a int, b int, c text);
      CREATE ROLE migrator SUPERUSER LOGIN PASSWORD 'm'`);
    await client.end();
  });
  beforeEach(() => {
    aws = new Aws(server.server.url());
    out.length = 0;
    vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
      out.push(String(text));
      return true;
    });
  });
  afterEach(() => {
    vi.restoreAllMocks();
    // No output of any part contains the mark.
    expect(JSON.stringify([aws.pages, aws.chat]) + out.join('')).not.toContain('CANARY');
  });

  it('one page for the alarm: counted, diagnosed, without values, ignored and migrator’s lines left out', async () => {
    await aws.add(
      await raise(
        "INSERT INTO lead_purchases (note) VALUES ('CANARY')",
        "INSERT INTO lead_purchases (note) VALUES ('CANARY 2')",
        'INSERT INTO web_sessions (id) VALUES (1)',
        "INSERT INTO ignored_table (note) VALUES ('CANARY')",
        "INSERT INTO m (a, c) VALUES (1, 'CANARY') ON CONFLICT (a) DO NOTHING",
      ),
    );
    await aws.add(
      await server.logged(
        (client) => failing(client, ["INSERT INTO lead_purchases (note) VALUES ('CANARY')"]),
        server.server.url('postgres', 'migrator', 'm'),
      ),
    );
    await handle(alarm());
    expect(aws.pages).toHaveLength(1);
    const [{ subject, text }] = aws.pages as [{ subject: string; text: string }];
    expect(subject).toBe(
      '[Trueup] postgres: public.lead_purchases.id (2x, ongoing) - The id column has no default +1 more',
    );
    expect(text).toMatch(/critical: still happening\. 2 times in/);
    expect(text).toMatch(
      /ALTER TABLE public\.lead_purchases ALTER COLUMN id SET DEFAULT gen_random_uuid\(\);/,
    );
    expect(text).toMatch(/public\.web_sessions\.lead_id is NOT NULL/);
    expect(text).not.toMatch(/ignored_table|ON CONFLICT/);
  });

  it('a chat is told too; where it cannot be, the page is sent once, and what is wrong is said', async () => {
    const settings = { ...SETTINGS, chatTopicArns: ['arn:aws:sns:eu-west-1:1:chat'] };
    await aws.add(await raise("INSERT INTO lead_purchases (note) VALUES ('CANARY')"));
    await handle(alarm(), settings);
    expect(aws.pages).toHaveLength(1);
    const [message] = aws.chat.map((text) => JSON.parse(text));
    expect(message).toMatchObject({ version: '1.0', source: 'custom' });
    expect(message.content.title).toBe(aws.pages[0]!.subject);
    expect(message.content.nextSteps).toContain(
      '`ALTER TABLE public.lead_purchases ALTER COLUMN id SET DEFAULT gen_random_uuid();`',
    );
    aws.chatAnswers = false;
    await handle(alarm(), settings);
    expect(aws.pages.map(({ subject }) => subject)).toEqual([
      aws.pages[0]!.subject,
      aws.pages[0]!.subject,
      '[Trueup] a page did not reach all receivers',
    ]);
    expect(aws.pages[2]!.text).toContain('eu-west-1:1:chat (NotFoundException). Check that');
  });

  it('lines that arrive late are waited for', async () => {
    const lines = await raise('INSERT INTO lead_purchases (note) VALUES (NULL)');
    const handled = handle(alarm(), SETTINGS, { ...TIMING, linesWaitMs: 60_000 });
    await vi.waitUntil(() => aws.searches > 0, { timeout: 60_000, interval: 5 });
    await aws.add(lines, Date.now() - 1_000);
    await handled;
    expect(aws.searches).toBeGreaterThan(1);
    expect(aws.pages[0]!.subject).toMatch(/lead_purchases/);
  });

  it('lines that never arrive: the page says so', async () => {
    await handle(alarm());
    expect(aws.pages[0]!.text).toMatch(/their lines were not found/);
  });

  it('a database that does not answer: the page says so', async () => {
    aws.databaseAnswers = false;
    await aws.add(await raise("INSERT INTO lead_purchases (note) VALUES ('CANARY')"));
    await handle(alarm());
    expect(aws.pages[0]!.text).toMatch(
      /could not be queried: shop-migrate did not answer within 120 seconds/,
    );
    expect(aws.pages[0]!.subject).toMatch(/lead_purchases\.id/);
  });

  it('a database that nobody looks after', async () => {
    await aws.add(await raise("INSERT INTO lead_purchases (note) VALUES ('CANARY')"));
    await handle(alarm(), { ...SETTINGS, functions: { other: ['f'], third: ['g'] } });
    expect(aws.pages[0]!.text).toMatch(
      /None of the SchemaMigrations of these alarms manages database postgres/,
    );
  });

  it('an alarm that is over, and one of somebody else', async () => {
    const over = alarm();
    await handle({
      ...over,
      alarmData: { ...over.alarmData, state: { ...over.alarmData.state, value: 'OK' } },
    });
    expect(aws.pages).toEqual([]);
    const other = { ...over, alarmData: { ...over.alarmData, alarmName: 'Other-not-null' } };
    await expect(handle(other)).rejects.toThrow(/not an alarm of this pager/);
  });

  it('while the alarm is up, another table is paged once, and what was paged before is not', async () => {
    const started = Date.now() - 20 * 60_000;
    aws.up = [{ name: 'Shop-not-null', sinceMs: started }];
    const purchases = await raise("INSERT INTO lead_purchases (note) VALUES ('CANARY')");
    const sessions = await raise('INSERT INTO web_sessions (id) VALUES (1)');
    // The metric saw the first line before the alarm; the same goes on all the time.
    for (let minute = -1; minute < 20; minute++) await aws.add(purchases, started + minute * 60_000);
    // Another table after twelve minutes, for three minutes.
    for (const minute of [12, 13, 14]) await aws.add(sessions, started + minute * 60_000);

    const pagesAt: number[] = [];
    for (let minute = 1; minute <= 20; minute += 5) {
      const before = aws.pages.length;
      await handle({ action: 'look-again', time: new Date(started + minute * 60_000).toISOString() });
      if (aws.pages.length > before) pagesAt.push(minute);
    }
    expect(pagesAt).toEqual([16]);
    expect(aws.pages[0]!.subject).toBe(
      '[Trueup] also postgres: public.web_sessions.lead_id (3x) - A NOT NULL column receives no value',
    );
    expect(aws.pages[0]!.text).toMatch(/while the alarm was already in ALARM/);
    expect(aws.pages[0]!.text).not.toMatch(/lead_purchases/);
  });

  it('a storm: ten tables are described, all are named, and looking again has nothing to add', async () => {
    const now = Date.now() - 30_000;
    const at = (pid: number, text: string): string =>
      `2026-11-21 08:59:29 UTC:10.0.0.1(42):app@postgres:[${pid}]:${text}`;
    const lines = [...Array(500)].map((_, i) =>
      at(i, `ERROR:  null value in column "id" of relation "storm_${i}" violates not-null constraint`),
    );
    aws.pageSize = 100;
    await aws.add(lines, now);
    await handle(alarm('not-null', now + 15_000));
    const [{ subject, text }] = aws.pages as [{ subject: string; text: string }];
    expect(subject).toMatch(/\+499 more$/);
    for (let i = 0; i < 500; i++) expect(text).toContain(`storm_${i}.id`);
    expect(text.match(/^DO NOW/gm)).toHaveLength(10);
    // The same goes on.
    await aws.add(lines, now + 60_000);
    aws.up = [{ name: 'Shop-not-null', sinceMs: now + 15_000 }];
    await handle({ action: 'look-again', time: new Date(now + 90_000).toISOString() });
    expect(aws.pages).toHaveLength(1);
  });

  describe('duplicate keys', () => {
    const EVERYDAY = "INSERT INTO invoices (id, note) VALUES (1, 'CANARY')";
    const BEHIND = "INSERT INTO invoices (note) VALUES ('CANARY')";
    beforeEach(() =>
      server.logged(async (client) => {
        await client.query(`DROP TABLE IF EXISTS invoices; CREATE TABLE invoices (id serial PRIMARY KEY, note text);
          INSERT INTO invoices SELECT i FROM generate_series(1, 50) AS i`);
      }),
    );

    it('everyday ones page nobody, nor do lines that are not found, nor a database that does not answer', async () => {
      await aws.add(await raise(EVERYDAY, EVERYDAY));
      await handle(alarm('duplicate-key'));
      expect(out.join('')).toMatch(/page-skipped/);
      aws.events.length = 0;
      await handle(alarm('duplicate-key'));
      aws.databaseAnswers = false;
      await aws.add(await raise(BEHIND));
      await handle(alarm('duplicate-key'));
      expect(aws.pages).toEqual([]);
    });

    it('a sequence behind its data pages', async () => {
      await aws.add(await raise(EVERYDAY, EVERYDAY, BEHIND));
      await handle(alarm('duplicate-key'));
      const [{ subject, text }] = aws.pages as [{ subject: string; text: string }];
      expect(subject).toBe(
        '[Trueup] postgres: public.invoices.id (1x, ongoing) - A sequence is behind the ids of its table',
      );
      expect(text).toMatch(/setval/);
      expect(text).not.toMatch(/ALSO/);
    });

    it('behind everyday ones of the same key, an alarm that is up since long notices it, once', async () => {
      const started = Date.now() - 60 * 60_000;
      aws.up = [{ name: 'Shop-duplicate-key', sinceMs: started }];
      const everyday = await raise(EVERYDAY);
      const behind = await raise(BEHIND);
      for (let minute = -1; minute < 60; minute += 5) await aws.add(everyday, started + minute * 60_000);
      for (const minute of [42, 43, 48]) await aws.add(behind, started + minute * 60_000);
      const pagesAt: number[] = [];
      for (let minute = 1; minute <= 60; minute += 5) {
        const before = aws.pages.length;
        await handle({ action: 'look-again', time: new Date(started + minute * 60_000).toISOString() });
        if (aws.pages.length > before) pagesAt.push(minute);
      }
      expect(pagesAt).toEqual([46]);
    });
  });

  it('no alarm is up: nothing is read', async () => {
    await handle({ action: 'look-again', time: new Date().toISOString() });
    expect(aws.searches).toBe(0);
  });

  it('a look that is refused is logged and fails nothing; the alarms still page', async () => {
    const denied = Object.assign(new Error('CANARY'), { name: 'AccessDenied' });
    vi.spyOn(aws, 'alarms').mockRejectedValue(denied);
    await handle({ action: 'look-again', time: new Date().toISOString() });
    expect(out.join('')).toContain('"event":"rescan-refused"');
    expect(out.join('')).not.toContain('CANARY');
    await aws.add(await raise("INSERT INTO lead_purchases (note) VALUES ('x')"));
    await handle(alarm());
    expect(aws.pages).toHaveLength(1);
    vi.spyOn(aws, 'alarms').mockRejectedValue(new Error('CloudWatch is away'));
    await expect(handle({ action: 'look-again', time: new Date().toISOString() })).rejects.toThrow('away');
  });

  it('100,000 lines: one page, bounded; with less allowed, the numbers are lower bounds', async () => {
    const lines = await raise("INSERT INTO lead_purchases (note) VALUES ('CANARY')");
    const events: string[] = [];
    for await (const event of readEventsOfFile(lines)) events.push(event);
    const now = Date.now() - 20_000;
    aws.pageSize = 10_000;
    for (let i = 0; aws.events.length < 100_000; i++) {
      for (const message of events.filter((event) => !event.includes('DETAIL')))
        aws.events.push({
          message: message.replace(/:\[\d+\]:/, `:[${i}]:`),
          timestampMs: now,
          ingestedMs: now,
          stream: 's',
          logGroup: GROUP,
        });
    }
    await handle(alarm('not-null', now + 5_000), SETTINGS, { ...TIMING, readMs: 40_000 });
    // One reading of it, from the first page of lines to the last.
    expect(aws.searches).toBe(1);
    expect(aws.pages).toHaveLength(1);
    expect(aws.pages[0]!.text).toMatch(/ 50000 times in/);
    expect(aws.pages[0]!.text).not.toMatch(/lower bound/);
    await handle(alarm('not-null', now + 5_000), SETTINGS, { ...TIMING, readEvents: 20_000 });
    expect(aws.pages[1]!.text).toMatch(/At least 10000 times in/);
    expect(aws.pages[1]!.text).toMatch(/lower bound/);
  });
});

it('settings go through the environment', () => {
  expect(readPageSettings({ [PAGE_VARIABLE]: JSON.stringify(SETTINGS) })).toEqual(SETTINGS);
  expect(() => readPageSettings({})).toThrow(/TRUEUP_PAGE is not set/);
});
