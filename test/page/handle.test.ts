/** The whole way of a page on a real database and real log lines; only AWS is played. */
import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { makeManifest } from '../../lambda/engine/manifest';
import { answerQuestions } from '../../lambda/migrate/diagnosis';
import type { AlarmEvent, RaisedAlarm } from '../../lambda/page/alarm';
import type { LogEvent } from '../../lambda/page/error-reader';
import { handlePage, type PageTiming } from '../../lambda/page/handle';
import { eventsOfFile } from '../../lambda/page/log-lines';
import type { Outbound } from '../../lambda/page/outbound';
import { type PageSettings, pageEnvironment, pageSettings } from '../../lambda/page/settings';
import { connectPg } from '../../lambda/postgres/pg';
import { failing, type LogServer, startLogServer } from '../support/log-server';

const GROUP = '/aws/rds/instance/shop/postgresql';
const SETTINGS: PageSettings = {
  prefix: 'Shop',
  topicArn: 'arn:aws:sns:eu-west-1:1:pages',
  logGroups: [{ name: GROUP, lines: { format: 'postgresql' } }],
  functions: { postgres: ['shop-migrate'] },
  ignore: ['ignored_table'],
  exceptRoles: ['migrator'],
  lookAgainMs: 300_000,
  runbookUrl: null,
};
const TIMING: PageTiming = {
  linesWaitMs: 400,
  linesRetryMs: 50,
  readMs: 5_000,
  readEvents: 1_000_000,
  diagnosisMs: 10_000,
};

/** CloudWatch Logs, the alarms, the function and the topic. */
class Aws implements Outbound {
  readonly events: LogEvent[] = [];
  readonly pages: { subject: string; text: string }[] = [];
  up: RaisedAlarm[] = [];
  searches = 0;
  databaseAnswers = true;
  pageSize = 7;

  constructor(private readonly url: string) {}

  async add(lines: readonly string[], ingestedMs = Date.now()): Promise<void> {
    for await (const message of eventsOfFile(lines))
      this.events.push({ message, timestampMs: ingestedMs, ingestedMs, stream: 's', logGroup: GROUP });
  }

  async *searchLogs({
    fromMs,
    toMs,
    pattern,
  }: Parameters<Outbound['searchLogs']>[0]): AsyncGenerator<LogEvent[]> {
    this.searches++;
    const terms = [...pattern.matchAll(/\?"([^"]+)"/g)].map((found) => found[1]!);
    const found = this.events.filter(
      ({ message, timestampMs }) =>
        timestampMs! >= fromMs && timestampMs! <= toMs && terms.some((term) => message.includes(term)),
    );
    // Empty pages come between full ones.
    for (let i = 0; i < found.length; i += this.pageSize) {
      yield [];
      yield found.slice(i, i + this.pageSize);
    }
    yield [];
  }
  async alarmsUp(names: readonly string[]): Promise<readonly RaisedAlarm[]> {
    return this.up.filter(({ name }) => names.includes(name));
  }
  async invokeMigrate(
    _name: string,
    request: Parameters<Outbound['invokeMigrate']>[1],
  ): ReturnType<Outbound['invokeMigrate']> {
    if (!this.databaseAnswers) throw Object.assign(new Error('CANARY'), { name: 'TimeoutError' });
    if (request.action !== 'diagnose') throw new Error('only questions are asked');
    const diagnoses = await answerQuestions(request.questions, {
      namespace: 'shop',
      manifest: makeManifest([]),
      connect: () => connectPg({ url: this.url, readOnly: true }),
      deadline: Date.now() + 10_000,
    });
    return { action: 'diagnose', diagnoses };
  }
  async publish(_topic: string, page: { subject: string; text: string }): Promise<void> {
    this.pages.push(page);
  }
}

describe.each([13, 18])('PostgreSQL %i', (major) => {
  let server: LogServer;
  let aws: Aws;
  const out: string[] = [];
  const handle = (event: Parameters<typeof handlePage>[0], settings = SETTINGS, timing = TIMING) =>
    handlePage(event, { settings, out: aws, region: 'eu-west-1', timing });
  /** Ten seconds ago, so that the handler does not wait for late lines. */
  const alarm = (signature = 'not-null', sinceMs = Date.now() - 10_000): AlarmEvent => ({
    source: 'aws.cloudwatch',
    alarmArn: 'arn:x',
    accountId: '1',
    region: 'eu-west-1',
    alarmData: {
      alarmName: `Shop-${signature}`,
      state: { value: 'ALARM', timestamp: new Date(sinceMs).toISOString().replace('Z', '+0000') },
    },
  });
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
    expect(JSON.stringify(aws.pages) + out.join('')).not.toContain('CANARY');
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
      '[Trueup] postgres: public.lead_purchases.id (2x) - The id column has no default +1 more',
    );
    expect(text).toMatch(/2 times since/);
    expect(text).toMatch(
      /ALTER TABLE public\.lead_purchases ALTER COLUMN id SET DEFAULT gen_random_uuid\(\);/,
    );
    expect(text).toMatch(/public\.web_sessions\.lead_id is NOT NULL/);
    expect(text).not.toMatch(/ignored_table|ON CONFLICT/);
  });

  it('lines that arrive late are waited for', async () => {
    const lines = await raise('INSERT INTO lead_purchases (note) VALUES (NULL)');
    const handled = handle(alarm());
    await sleep(120);
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
      /could not be looked into: shop-migrate did not answer within 10 seconds/,
    );
    expect(aws.pages[0]!.text).toMatch(/lead_purchases\.id/);
  });

  it('a database that nobody looks after', async () => {
    await aws.add(await raise("INSERT INTO lead_purchases (note) VALUES ('CANARY')"));
    await handle(alarm(), { ...SETTINGS, functions: { other: ['f'], third: ['g'] } });
    expect(aws.pages[0]!.text).toMatch(
      /No SchemaMigrations of these alarms looks after the database postgres/,
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
      '[Trueup] also postgres: public.web_sessions.lead_id (3x) - A column is NOT NULL before its value ...',
    );
    expect(aws.pages[0]!.text).toMatch(/after the alarm had gone up/);
    expect(aws.pages[0]!.text).not.toMatch(/lead_purchases/);
  });

  it('no alarm is up: nothing is read', async () => {
    await handle({ action: 'look-again', time: new Date().toISOString() });
    expect(aws.searches).toBe(0);
  });

  it('100,000 lines: one page, bounded; with less allowed, the numbers are lower bounds', async () => {
    const lines = await raise("INSERT INTO lead_purchases (note) VALUES ('CANARY')");
    const events: string[] = [];
    for await (const event of eventsOfFile(lines)) events.push(event);
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
    const start = performance.now();
    await handle(alarm('not-null', now + 5_000), SETTINGS, { ...TIMING, readMs: 40_000 });
    // About two seconds on a quiet machine; what the function allows for one reading is 45.
    expect(performance.now() - start).toBeLessThan(40_000);
    expect(aws.pages).toHaveLength(1);
    expect(aws.pages[0]!.text).toMatch(/ 50000 times since/);
    expect(aws.pages[0]!.text).not.toMatch(/lower bound/);
    await handle(alarm('not-null', now + 5_000), SETTINGS, { ...TIMING, readEvents: 20_000 });
    expect(aws.pages[1]!.text).toMatch(/at least 10000 times since/);
    expect(aws.pages[1]!.text).toMatch(/lower bound/);
  });
});

it('settings go through the environment', () => {
  expect(pageSettings(pageEnvironment(SETTINGS))).toEqual(SETTINGS);
  expect(() => pageSettings({})).toThrow(/TRUEUP_PAGE is not set/);
});
