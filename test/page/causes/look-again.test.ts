/** Looks while an alarm is up, on a real database: what a look or a receiver that failed leaves to the next one. */
import { Client } from 'pg';
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { pageErrors } from '../../../lambda/page/causes/page-errors';
import { handlePage } from '../../../lambda/page/handle';
import { readErrors } from '../../../lambda/page/logs/read-errors';
import { buildHistory } from '../../../lambda/page/page-records';
import { majors } from '../../support/database';
import { failing, type LogServer, startLogServer } from '../../support/log-server';
import { Aws, alarmEvent, DOCUMENTS, OWN_LOG, SETTINGS, TIMING } from '../aws';

const MINUTE = 60_000;
const CHAT = 'arn:aws:sns:eu-west-1:1:chat';
const settings = { ...SETTINGS, ownLogGroup: OWN_LOG, documentTopicArn: DOCUMENTS, chatTopicArns: [CHAT] };

describe.each(majors())('PostgreSQL %i', (major) => {
  let server: LogServer;
  let aws: Aws;
  const out: string[] = [];
  const handle = (event: Parameters<typeof handlePage>[0], own = true) =>
    handlePage(event, {
      settings: own ? settings : { ...settings, ownLogGroup: undefined },
      out: aws,
      region: 'eu-west-1',
      timing: TIMING,
    });
  const run = async (sql: string) => {
    const client = new Client({ connectionString: server.server.url() });
    await client.connect();
    await client.query(sql);
    await client.end();
  };
  const raise = (...statements: string[]) => server.logged((client) => failing(client, statements));
  /** The clock of the handler is moved, not the server's. */
  const at = (timeMs: number, work: () => Promise<unknown>): Promise<unknown> => {
    vi.setSystemTime(timeMs);
    return work();
  };
  const start = Date.now() - 2 * 60 * MINUTE;
  const look = (minute: number) =>
    at(start + minute * MINUTE, () =>
      handle({ action: 'look-again', time: new Date(start + minute * MINUTE).toISOString() }),
    );
  const pagesOf = (table: string) => aws.pages.filter(({ text }) => text.includes(`${table}.id`)).length;
  const failOnce = (topic: string) => {
    const publish = aws.publish.bind(aws);
    let failed = false;
    vi.spyOn(aws, 'publish').mockImplementation(async (to, page) => {
      if (to !== topic || failed) return publish(to, page);
      failed = true;
      throw Object.assign(new Error('Rate exceeded'), { name: 'ThrottlingException' });
    });
  };

  beforeAll(async () => {
    server = await startLogServer(major);
    await run(`
      CREATE TABLE old_one (id uuid PRIMARY KEY, x int); CREATE TABLE brand_new (id uuid PRIMARY KEY, x int);
      CREATE TABLE conflicts (a int, b int)`);
  });
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['Date'] });
    aws = new Aws(server.server.url());
    aws.ownLog = () => out;
    out.length = 0;
    vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
      out.push(String(text));
      return true;
    });
    aws.up = [
      { name: 'Shop-not-null', sinceMs: start },
      { name: 'Shop-on-conflict', sinceMs: start },
    ];
  });
  afterEach(() => {
    vi.useRealTimers();
    vi.restoreAllMocks();
  });
  const INTO = (table: string) => `INSERT INTO ${table} (x) VALUES (1)`;
  const CONFLICT = 'INSERT INTO conflicts (a) VALUES (1) ON CONFLICT (b) DO NOTHING';

  /** Both alarms went up and were paged; ten minutes later there is something new for each, for two minutes. */
  async function begin(): Promise<void> {
    const old = await raise(INTO('old_one'));
    await aws.add(old, start - MINUTE);
    await aws.add(
      await raise('INSERT INTO conflicts (a) VALUES (1) ON CONFLICT (a) DO NOTHING'),
      start - MINUTE,
    );
    for (const signature of ['not-null', 'on-conflict'])
      await at(start + MINUTE, () => handle(alarmEvent(signature, start)));
    expect(aws.pages).toHaveLength(2);
    for (const minute of [11, 12])
      await aws.add(await raise(INTO('brand_new'), CONFLICT), start + minute * MINUTE);
    for (let minute = 1; minute < 60; minute++) await aws.add(old, start + minute * MINUTE);
    aws.pages.length = 0;
    aws.documents.length = 0;
  }
  const isNewConflict = ({ text }: { text: string }) =>
    text.includes('ON CONFLICT (b)') || text.includes('conflicts (b)');

  it('what is new is paged once for each alarm', async () => {
    await begin();
    for (const minute of [6, 11, 16, 21, 26]) await look(minute);
    expect([pagesOf('brand_new'), aws.pages.filter(isNewConflict).length, aws.pages.length]).toEqual([
      1, 1, 2,
    ]);
    expect(pagesOf('old_one')).toBe(0);
  });

  it('a search that is throttled for one alarm delays neither the other one nor what is new for long', async () => {
    await begin();
    await look(6);
    const search = aws.searchLogs.bind(aws);
    let failed = 0;
    vi.spyOn(aws, 'searchLogs').mockImplementation((request) => {
      if (request.logGroup === OWN_LOG || failed++ > 0) return search(request);
      throw Object.assign(new Error('Rate exceeded'), { name: 'ThrottlingException' });
    });
    await expect(look(16)).rejects.toThrow(
      /Not checked: Shop-not-null \(ThrottlingException: Rate exceeded\)/,
    );
    expect([pagesOf('brand_new'), aws.pages.filter(isNewConflict).length]).toEqual([0, 1]);
    for (const minute of [21, 26, 31]) await look(minute);
    expect([pagesOf('brand_new'), aws.pages.length]).toEqual([1, 2]);
  });

  it('a text that is refused once: PagerDuty is told once, the text comes with the next look', async () => {
    await begin();
    await look(6);
    failOnce(SETTINGS.topicArn);
    await expect(look(16)).rejects.toThrow(/Shop-not-null/);
    expect([pagesOf('brand_new'), aws.documents.length]).toEqual([0, 2]);
    for (const minute of [21, 26]) await look(minute);
    expect([pagesOf('brand_new'), aws.pages.length, aws.documents.length]).toEqual([1, 2, 2]);
  });

  it('a chat that is refused once is told by the next look, and nobody else twice', async () => {
    await begin();
    await look(6);
    failOnce(CHAT);
    await look(16);
    expect(aws.pages.map(({ subject }) => subject)).toContain('[Trueup] a page did not reach all receivers');
    const chats = aws.chat.length;
    for (const minute of [21, 26]) await look(minute);
    expect([aws.chat.length - chats, pagesOf('brand_new'), aws.documents.length]).toEqual([1, 1, 2]);
  });

  it('a page of the alarm itself that nobody got is sent by a look', async () => {
    await aws.add(await raise(INTO('old_one')), start - MINUTE);
    vi.spyOn(aws, 'publish').mockRejectedValue(Object.assign(new Error('no'), { name: 'KMSAccessDenied' }));
    await expect(at(start + MINUTE, () => handle(alarmEvent('not-null', start)))).rejects.toThrow('no');
    vi.mocked(aws.publish).mockRestore();
    for (const minute of [6, 11, 16]) await look(minute);
    expect([pagesOf('old_one'), aws.pages.length, aws.documents.length, aws.chat.length]).toEqual([
      1, 1, 1, 1,
    ]);
    // Not even its line was written: the function died.
    out.length = 0;
    for (const minute of [21, 26]) await look(minute);
    expect(pagesOf('old_one')).toBe(2);
    expect(aws.pages[1]!.subject).not.toMatch(/also/);
  });

  it('one alarm event that is delivered twice is one page with one id', async () => {
    await aws.add(await raise(INTO('old_one')), start - MINUTE);
    for (const second of [20, 50])
      await at(start + second * 1_000, () => handle(alarmEvent('not-null', start)));
    const [one, other] = aws.documents;
    expect(other!.id).toBe(one!.id);
    expect(other!.at).not.toBe(one!.at);
  });

  it('partitions of one table are one finding, whichever is hit later, and it ends as one', async () => {
    await run(
      `DROP TABLE IF EXISTS msg; CREATE TABLE msg (id bigint, k int, PRIMARY KEY (id, k)) PARTITION BY HASH (k)`,
    );
    for (let part = 0; part < 16; part++)
      await run(
        `CREATE TABLE "Msg_${part}" PARTITION OF msg FOR VALUES WITH (MODULUS 16, REMAINDER ${part})`,
      );
    const keys = [...Array(200).keys()];
    const lines = await raise(...keys.slice(0, 60).map((k) => `INSERT INTO msg (k) VALUES (${k})`));
    const later = await raise(...keys.map((k) => `INSERT INTO msg (k) VALUES (${k})`));
    await aws.add(lines, start - MINUTE);
    await at(start + MINUTE, () => handle(alarmEvent('not-null', start)));
    const [{ subject, text }] = aws.pages as [{ subject: string; text: string }];
    expect(subject).toBe('[Trueup] postgres: public.msg.id (60x, ongoing) - The id column has no default');
    expect(text.match(/ALTER TABLE public\.msg ALTER COLUMN id/g)).toHaveLength(1);
    expect(text).toMatch(/The same in its partitions Msg_\d+, .* and \d+ more\./);
    expect(aws.documents[0]!.findings).toHaveLength(1);
    await aws.add(later, start + 10 * MINUTE);
    for (const minute of [6, 11, 16]) await look(minute);
    expect(aws.pages).toHaveLength(1);

    await run('ALTER TABLE msg ADD CHECK (id > 0)');
    await run('ALTER TABLE msg ALTER id SET DEFAULT 1');
    aws.up = [];
    aws.over = [{ name: 'Shop-not-null', state: 'OK', sinceMs: start + 20 * MINUTE, of: null }];
    await look(30);
    expect(aws.documents.map(({ action, findings }) => [action, findings.length])).toEqual([
      ['trigger', 1],
      ['resolve', 1],
    ]);
    expect(aws.documents[1]!.findings[0]!.dedupKey).toBe(aws.documents[0]!.findings[0]!.dedupKey);
  });

  it('one sequence is one finding, whichever partition or statement meets it, and it ends as one', async () => {
    await run(
      `DROP TABLE IF EXISTS seq; CREATE TABLE seq (id bigserial, k int, x int, PRIMARY KEY (id, k)) PARTITION BY LIST (k);
       DROP TABLE IF EXISTS whole; CREATE TABLE whole (id bigserial PRIMARY KEY, x int, y int)`,
    );
    for (let part = 0; part < 8; part++)
      await run(`CREATE TABLE seq_${part} PARTITION OF seq FOR VALUES IN (${part})`);
    await run(
      `INSERT INTO seq SELECT i, k FROM generate_series(1, 99) i, generate_series(0, 7) k;
       INSERT INTO whole SELECT generate_series(1, 99)`,
    );
    const parts = (...some: number[]) => some.map((k) => `INSERT INTO seq (k) VALUES (${k})`);
    const lines = await raise(
      ...parts(0, 1, 2, 3, 4, 5, 6, 0),
      'INSERT INTO seq (k, x) VALUES (0, 1)',
      'INSERT INTO whole (x) VALUES (1)',
      'INSERT INTO whole (x, y) VALUES (1, 1)',
    );
    const later = await raise(...parts(7), 'INSERT INTO whole (y) VALUES (1)');
    aws.up = [{ name: 'Shop-duplicate-key', sinceMs: start }];
    await aws.add(lines, start - MINUTE);
    await at(start + MINUTE, () => handle(alarmEvent('duplicate-key', start)));
    const found = () =>
      aws.documents.map(({ action, findings }) => [action, findings.map((f) => f.object).sort()]);
    const paged = ['trigger', ['public.seq.id', 'public.whole.id']];
    expect(found()).toEqual([paged]);
    expect(aws.pages[0]!.text.match(/SELECT setval\('public\.seq_id_seq'/g)).toHaveLength(1);
    expect(aws.pages[0]!.text).toContain('9 times in ');
    expect(aws.pages[0]!.text).toMatch(/The same error names the indexes seq_\d_pkey, .* and 1 more\./);
    await aws.add(later, start + 10 * MINUTE);
    for (const minute of [6, 11, 16]) await look(minute);
    expect(found()).toEqual([paged]);

    await run("SELECT setval('seq_id_seq', 1000), setval('whole_id_seq', 1000)");
    aws.up = [];
    aws.over = [{ name: 'Shop-duplicate-key', state: 'OK', sinceMs: start + 20 * MINUTE, of: null }];
    await look(30);
    expect(found()).toEqual([paged, ['resolve', ['public.seq.id', 'public.whole.id']]]);
    const keys = aws.documents.map(({ findings }) => findings.map(({ dedupKey }) => dedupKey).sort());
    expect(keys[1]).toEqual(keys[0]);
  });

  it('sequences of more tables than are kept apart: how many errors were not looked up is in the page', async () => {
    await run(
      'DROP TABLE IF EXISTS one_of; CREATE TABLE one_of (id serial PRIMARY KEY, x int); INSERT INTO one_of SELECT generate_series(1, 9)',
    );
    await aws.add(await raise(INTO('one_of')), start - MINUTE);
    const context = { settings, out: aws, region: 'eu-west-1', timing: TIMING };
    const lines = { fromMs: start - 2 * MINUTE, untilIngestedMs: start };
    const limits = { events: 1_000, deadline: Date.now() + 5_000 };
    const read = await readErrors(aws, settings, { signature: 'duplicate-key', ...lines }, limits);
    const alarm = { name: 'Shop-duplicate-key', sinceMs: start };
    const about = { alarm, signature: 'duplicate-key', followUp: false, lines };
    await pageErrors(about, { ...read, overflow: 12 }, context);
    expect(aws.pages[0]!.text).toContain(
      '12 more errors, on objects beyond the first thousand, which were not diagnosed',
    );
  });

  it('seventy sequences that are behind are all asked, and those that could not be are told, and asked next', async () => {
    const tables = [...Array(70).keys()].map((n) => `s_${n}`);
    await run(
      tables
        .map(
          (name) =>
            `DROP TABLE IF EXISTS ${name}; CREATE TABLE ${name} (id serial PRIMARY KEY, x int); INSERT INTO ${name} SELECT generate_series(1, 9)`,
        )
        .join(';'),
    );
    const lines = await raise(...tables.map(INTO));
    aws.up = [{ name: 'Shop-duplicate-key', sinceMs: start }];
    await aws.add(lines, start - MINUTE);
    await at(start + MINUTE, () => handle(alarmEvent('duplicate-key', start)));
    const named = () =>
      tables.filter((name) => aws.pages.some(({ text }) => new RegExp(`\\b${name}[._]`).test(text)));
    expect([aws.pages.length, named().length]).toEqual([1, 70]);

    // The database has time for fifty.
    aws.pages.length = 0;
    out.length = 0;
    const invoke = aws.invokeMigrate.bind(aws);
    let calls = 0;
    vi.spyOn(aws, 'invokeMigrate').mockImplementation((name, request) =>
      ++calls === 2 ? Promise.resolve({ kind: 'silent', message: 'no answer' }) : invoke(name, request),
    );
    await at(start + MINUTE, () => handle(alarmEvent('duplicate-key', start)));
    expect(aws.pages[0]!.text).toMatch(
      /20 more keys with such errors were not diagnosed in time for this page/,
    );
    expect(named()).toHaveLength(50);
    for (const minute of [6, 11]) await look(minute);
    expect([aws.pages.length, named().length]).toEqual([2, 70]);
  });
});

describe('what a log says of an alarm', () => {
  const line = (event: string, second: number, more: object) =>
    JSON.stringify({ time: new Date(second * 1_000).toISOString(), event, alarm: 'A', ...more });
  it('from where lines are new: where everybody had been told, and everything asked', () => {
    const of = (...lines: string[]) => buildHistory(lines, 'A', 5_000).doneUntilMs;
    expect(of()).toBeNull();
    expect(of(line('page-published', 6, { followUp: false, untilIngestedMs: 6 }))).toBe(6);
    expect(of(line('page-published', 4, { followUp: false, untilIngestedMs: 6 }))).toBeNull();
    expect(of(line('page-published', 6, { followUp: true, untilIngestedMs: 6 }))).toBeNull();
    expect(
      of(line('page-published', 6, { followUp: false, untilIngestedMs: 6, failedTopics: ['t'] })),
    ).toBeNull();
    expect(of(line('page-skipped', 6, { followUp: false, untilIngestedMs: 6, undiagnosed: 2 }))).toBeNull();
    expect(
      of(line('rescan-ended', 9, { untilIngestedMs: 9 }), line('rescan-ended', 7, { untilIngestedMs: 7 })),
    ).toBe(9);
    expect(of(line('rescan-ended', 9, {}))).toBeNull();
  });
});
