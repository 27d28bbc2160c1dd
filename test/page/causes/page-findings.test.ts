/** The page about new findings: from the alarm to the text, on a real database; only AWS is played. */
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { NewFindings } from '../../../lambda/contract/audit-findings';
import type { MigrateRequest } from '../../../lambda/contract/migrate';
import type { AlarmEvent, AlarmState } from '../../../lambda/page/alarm';
import { buildFindingsDocument } from '../../../lambda/page/document/findings-page';
import { renderText } from '../../../lambda/page/forms/text';
import { handlePage } from '../../../lambda/page/handle';
import type { PageOutbound } from '../../../lambda/page/page-outbound';
import type { PageSettings } from '../../../lambda/page/page-settings';
import { connect, createDatabase, majors } from '../../support/database';
import { up } from '../../support/engine';
import { expectGenerated, replaceBlock } from '../../support/generated';
import { manifestOf, migration } from '../../support/manifest';
import { driftAlarm, queryFunction, SETTINGS as WITHOUT_CHAT } from './drift';

const SETTINGS: PageSettings = { ...WITHOUT_CHAT, chatTopicArns: ['arn:aws:sns:eu-west-1:1:chat'] };
const NAME = 'Shop-findings-c0ffee';
const alarm = (of: string | null): AlarmEvent => driftAlarm(NAME, of);
const manifest = manifestOf(
  migration('0001_shop', { up: ['CREATE TABLE customers (id int PRIMARY KEY, email text)'] }),
);
const BROKEN = (name: string): string =>
  `CREATE UNIQUE INDEX ${name} ON customers (email); UPDATE pg_index SET indisvalid = false WHERE indexrelid = '${name}'::regclass`;

describe.each(majors())('PostgreSQL %i', (major) => {
  let url: string;
  const pages: { subject: string; text: string }[] = [];
  const chat: string[] = [];
  let answers: (name: string) => boolean;
  let raised: readonly AlarmState[];
  const perform = (name: string, request: MigrateRequest) => queryFunction(url, manifest, name, request);
  const out = {
    invokeMigrate: async (name, request) =>
      answers(name)
        ? { kind: 'answered', response: await perform(name, request) }
        : { kind: 'silent', message: 'no answer for 45 s' },
    publish: async (topic, { subject = '', text }) =>
      void (topic === SETTINGS.topicArn ? pages.push({ subject, text }) : chat.push(text)),
    alarms: async (which) =>
      'beginningWith' in which ? raised.filter(({ name }) => name.startsWith(which.beginningWith)) : [],
  } as Partial<PageOutbound> as PageOutbound;
  const context = { settings: SETTINGS, out, region: 'eu-west-1' };
  const check = () => perform('shop-ask', { action: 'drift' });
  const pagedBy = async (event: Parameters<typeof handlePage>[0]) => {
    pages.length = 0;
    chat.length = 0;
    await handlePage(event, context);
    return [...pages];
  };
  const rescanInterval = () => pagedBy({ action: 'look-again', time: new Date().toISOString() });

  beforeEach(async () => {
    answers = () => true;
    raised = [];
    vi.spyOn(process.stdout, 'write').mockImplementation(() => true);
    url = await createDatabase(major);
    await up(url, manifest);
    await (await connect(url)).query("INSERT INTO customers VALUES (1, 'CANARY'), (2, 'CANARIES')");
  });
  afterEach(() => vi.restoreAllMocks());

  test('one page for what is new, and none for what was told; while the alarm is up, what is new since', async () => {
    const client = await connect(url);
    await client.query(BROKEN('half'));
    await check();
    const [page, ...more] = await pagedBy(alarm('shop-migrate'));
    expect(more).toEqual([]);
    expect(page!.subject).toBe('[Trueup] shop: public.customers - An index is INVALID');
    // As docs/audit-schedule.md shows it.
    expectGenerated(join(__dirname, '../../../docs/audit-schedule.md'), (docs) =>
      replaceBlock(
        docs,
        'findings-page',
        `${page!.subject}\n\n${page!.text.slice(0, page!.text.indexOf('\n\nMORE'))}\n`,
      ),
    );
    expect(page!.text).toContain('https://example.com/runbooks/invalid-index.md');
    expect(page!.text).not.toContain('CANAR');
    expect(JSON.parse(chat[0]!)).toMatchObject({
      source: 'custom',
      content: {
        title: page!.subject,
        nextSteps: expect.arrayContaining([expect.stringMatching(/^REINDEX INDEX CONCURRENTLY/)]),
      },
    });

    expect(await pagedBy(alarm('shop-migrate'))).toEqual([]);
    raised = [{ name: NAME, sinceMs: Date.now(), state: 'ALARM', of: 'shop-migrate' }];
    expect(await rescanInterval()).toEqual([]);
    await client.query('ALTER TABLE customers ADD CONSTRAINT later CHECK (id <> 7) NOT VALID');
    await check();
    expect((await rescanInterval()).map(({ subject }) => subject)).toEqual([
      '[Trueup] also shop: public.customers - A constraint was added NOT VALID and never validated',
    ]);
    expect(await rescanInterval()).toEqual([]);
  });

  test('topics that refuse the page get the same one from a later check, once', async () => {
    const lines: string[] = [];
    vi.spyOn(process.stdout, 'write').mockImplementation((line) => lines.push(String(line)) > 0);
    await (await connect(url)).query(BROKEN('half'));
    await check();
    const documents = 'arn:aws:sns:eu-west-1:1:documents';
    const settings = { ...SETTINGS, documentTopicArn: documents, ownLogGroup: '/own' };
    let refusing: readonly string[] = [SETTINGS.topicArn, documents];
    const sent: [string, string][] = [];
    const watched: PageOutbound = {
      ...out,
      publish: async (topic, { text }) => {
        if (refusing.includes(topic)) throw Object.assign(new Error('no'), { name: 'ThrottlingException' });
        sent.push([topic, text]);
      },
      async *searchLogs({ pattern }) {
        const events = [...pattern.matchAll(/"([a-z-]+)"/g)].map((found) => found[1]);
        const found = lines.filter((line) => events.includes(JSON.parse(line).event));
        yield found.map((message) => ({ message, timestampMs: 0, ingestedMs: 0, stream: '', logGroup: '' }));
      },
    };
    const handle = async (event: Parameters<typeof handlePage>[0]) => {
      sent.length = 0;
      await handlePage(event, { ...context, settings, out: watched });
      return sent.map(([topic]) => topic);
    };
    const look = () => handle({ action: 'look-again', time: new Date().toISOString() });
    await expect(handle(alarm('shop-migrate'))).rejects.toThrow('no');
    await expect(look()).rejects.toThrow('pages that a topic refused (ThrottlingException');
    expect(sent).toEqual([]);
    refusing = [documents];
    expect(await look()).toEqual([SETTINGS.topicArn]);
    expect(sent[0]![1]).toContain('Index public.half on public.customers is INVALID');
    expect(await look()).toEqual([]);
    refusing = [];
    expect(await look()).toEqual([documents]);
    expect(JSON.parse(sent[0]![1])).toMatchObject({
      action: 'trigger',
      findings: [{ checkId: 'invalid-index' }],
    });
    expect(await look()).toEqual([]);
    expect(lines.join('')).not.toContain('CANAR');
  });

  test('fifty old ones are one page: ten described, all named', async () => {
    const client = await connect(url);
    const table = (_: unknown, i: number) =>
      `CREATE TABLE t${i} (n int); ALTER TABLE t${i} ADD CONSTRAINT c CHECK (n > 0) NOT VALID`;
    await client.query(Array.from({ length: 50 }, table).join(';'));
    await check();
    const sent = await pagedBy(alarm('shop-migrate'));
    expect(sent.map(({ subject }) => subject)).toEqual([
      '[Trueup] shop: public.t0 - A constraint was added NOT VALID and never validated +49 more',
    ]);
    expect(sent[0]!.text.match(/^NOW /gm)).toHaveLength(10);
    for (let i = 0; i < 50; i++) expect(sent[0]!.text).toMatch(new RegExp(`public\\.t${i}\\b`));
    expect(await pagedBy(alarm('shop-migrate'))).toEqual([]);
  });

  test('the database does not answer: a page all the same, and one only; then it is told what it was', async () => {
    const client = await connect(url);
    await client.query(BROKEN('half'));
    await check();
    answers = (name) => name !== 'shop-ask';
    const [page] = await pagedBy(alarm('shop-migrate'));
    expect(page).toMatchObject({
      subject: '[Trueup] The audit has new findings',
      text: expect.stringContaining('- shop-ask did not answer within 45 seconds, or failed.'),
    });
    raised = [{ name: NAME, sinceMs: Date.now(), state: 'ALARM', of: 'shop-migrate' }];
    expect(await rescanInterval()).toEqual([]);
    answers = () => true;
    expect(await rescanInterval()).toMatchObject([
      { subject: expect.stringMatching(/^\[Trueup\] also shop: public/) },
    ]);
  });

  test('a ledger that cannot remember: said once, when the alarm goes up', async () => {
    await (await connect(url)).query('DROP TABLE trueup.findings');
    const [page] = await pagedBy(alarm('shop-migrate'));
    expect(page!.text).toContain('- the ledger in schema trueup cannot store findings');
    raised = [{ name: NAME, sinceMs: Date.now(), state: 'ALARM', of: 'shop-migrate' }];
    expect(await rescanInterval()).toEqual([]);
  });
});

describe("a fleet's", () => {
  const finding = (id: string): NewFindings['findings'][number] => ({
    id,
    confidence: 'A',
    object: 'public.orders',
    message: 'It is wrong. 12 of this kind, in 12 databases: a, b, c, d, e and 7 more.',
    evidence: [],
  });
  const found = (...ids: string[]): NewFindings => ({
    count: ids.length,
    marked: true,
    findings: ids.map(finding),
  });

  async function pager() {
    const [asked, pages, lines]: [string[], { subject: string; text: string }[], string[]] = [[], [], []];
    vi.spyOn(process.stdout, 'write').mockImplementation((text) => lines.push(String(text)) > 0);
    let answer = found();
    let readable = true;
    const out = {
      invokeMigrate: async (name) => {
        asked.push(name);
        return { kind: 'answered', response: { action: 'new-findings', found: answer } };
      },
      publish: async (topic, { subject = '', text }) =>
        void (topic === SETTINGS.topicArn && pages.push({ subject, text })),
      alarms: async () => [],
      async *searchLogs() {
        if (!readable) throw Object.assign(new Error(), { name: 'AccessDeniedException' });
        yield lines
          .filter((line) => JSON.parse(line).event === 'page-published')
          .map((message) => ({ message, timestampMs: 0, ingestedMs: 0 }) as never);
      },
    } as Partial<PageOutbound> as PageOutbound;
    const settings = { ...SETTINGS, fleets: { 'fleet-ask': 'crm on main' }, ownLogGroup: 'pager' };
    const page = async (next: NewFindings, canRead = true) => {
      answer = next;
      readable = canRead;
      pages.length = 0;
      asked.length = 0;
      await handlePage(alarm('fleet-ask'), { settings, out, region: 'eu-west-1' });
      expect(asked).toEqual(['fleet-ask']);
      return [...pages];
    };
    return page;
  }
  afterEach(() => vi.restoreAllMocks());

  test('page names its kind and the number of databases; the same kind in others of them is not paged that day', async () => {
    const page = await pager();
    const [first, ...more] = await page(found('invalid-index'));
    expect(more).toEqual([]);
    expect(first!.subject).toBe('[Trueup] crm on main: public.orders - An index is INVALID');
    expect(first!.text).toContain('in 12 databases: a, b, c, d, e and 7 more');
    expect(first!.text).toContain('Each check is paged at most once a day');
    expect(await page(found('invalid-index'))).toEqual([]);
    expect(
      (await page(found('invalid-index', 'missing-primary-key-default'))).map(({ subject }) => subject),
    ).toEqual([expect.stringMatching(/^\[Trueup\] crm on main: public\.orders - [^+]*$/)]);
    expect(await page({ ...found('invalid-index'), count: 40 })).toEqual([]);
    // Rather twice than never.
    expect(await page(found('invalid-index'), false)).toHaveLength(1);
  });

  test('function that does not answer is named, with where all of it is said', async () => {
    const document = buildFindingsDocument({
      alarm: { name: 'a', region: 'r', account: '1' },
      followUp: false,
      ofFleet: true,
      answers: [{ database: 'crm on main', found: null, problem: 'fleet-ask died.' }],
      runbookUrl: null,
      nowMs: 0,
    });
    const { text } = renderText(document);
    expect(text).toContain('- fleet-ask died.');
    expect(text).not.toContain('trueup audit --stack');
  });
});

test('names are shown as what they are, on one line; a kind of a newer function has a page, too', () => {
  const found: NewFindings = {
    count: 300,
    marked: true,
    findings: [
      {
        id: 'kind-of-tomorrow',
        confidence: 'C',
        object: 'public."a\n<b>\u202e"',
        message: 'It is <script> wrong.',
        evidence: ['CREATE VIEW v AS\n SELECT 1'],
      },
    ],
  };
  const document = buildFindingsDocument({
    alarm: { name: 'a', region: 'r', account: '1' },
    followUp: false,
    answers: [{ database: 'shop', found, problem: null }],
    runbookUrl: null,
    nowMs: 0,
  });
  const { subject, text } = renderText(document);
  expect(subject).toMatch(/^\[Trueup\] shop: public\."a\\u\{a\}.* - kind-of-tomorrow \+299 more$/);
  expect(subject.length).toBeLessThanOrEqual(100);
  // What is to be pasted into a file is as the file has to have it.
  const line = '    kind-of-tomorrow public."a\\n<b>\\u202e"  # why it is intended';
  expect(text).toContain(line);
  expect(text.replace(line, '')).not.toMatch(/<script|<b>|\u202e/);
  expect(text).toContain('299 more: `trueup audit --stack` names them.');
});
