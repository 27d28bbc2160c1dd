/** The end of a page on a real database: silence is not health, and neither is a repair while errors go on. */
import { Client } from 'pg';
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import type { PageDocument } from '../../../lambda/page/document/document';
import { renderChat } from '../../../lambda/page/forms/chat';
import { buildPagerDutyEvents } from '../../../lambda/page/forms/pagerduty';
import { buildWebhookRequest } from '../../../lambda/page/forms/webhook';
import { handlePage } from '../../../lambda/page/handle';
import { isQueryDue, listOpenPages } from '../../../lambda/page/page-records';
import { majors } from '../../support/database';
import { failing, type LogServer, startLogServer } from '../../support/log-server';
import { Aws, alarmEvent, DOCUMENTS, OWN_LOG, SETTINGS, TIMING } from '../aws';
import { isChatMessage, isPagerDutyEvent, isWebhookBody } from '../forms';

const MINUTE = 60_000;

describe.each(majors())('PostgreSQL %i', (major) => {
  let server: LogServer;
  let aws: Aws;
  const out: string[] = [];
  const settings = {
    ...SETTINGS,
    ownLogGroup: OWN_LOG,
    documentTopicArn: DOCUMENTS,
    chatTopicArns: ['arn:aws:sns:eu-west-1:1:chat'],
  };
  const context = () => ({ settings, out: aws, region: 'eu-west-1', timing: TIMING });
  const raise = async (...statements: string[]) =>
    aws.add(await server.logged((client) => failing(client, statements)), Date.now() - MINUTE);
  const run = async (sql: string) => {
    const client = new Client({ connectionString: server.server.url() });
    await client.connect();
    await client.query(sql);
    await client.end();
  };
  const alarmIs = (state: string, agoMs = MINUTE, name = 'Shop-not-null') => {
    aws.up = state === 'ALARM' ? [{ name, sinceMs: Date.now() - agoMs }] : [];
    aws.over = state === 'ALARM' ? [] : [{ name, state, sinceMs: Date.now() - agoMs, of: null }];
  };
  const look = (inMs = 0) =>
    handlePage({ action: 'look-again', time: new Date(Date.now() + inMs).toISOString() }, context());
  const actions = () => aws.documents.map(({ action }) => action);
  const keysOf = ({ findings }: PageDocument) => findings.map(({ dedupKey }) => dedupKey);

  beforeAll(async () => {
    server = await startLogServer(major);
  });
  beforeEach(async () => {
    aws = new Aws(server.server.url());
    aws.ownLog = () => out;
    out.length = 0;
    await run(`
      DROP TABLE IF EXISTS lead_purchases, web_sessions;
      CREATE TABLE lead_purchases (id uuid PRIMARY KEY, note text);
      CREATE TABLE web_sessions (id int PRIMARY KEY, lead_id uuid NOT NULL)`);
    vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
      out.push(String(text));
      return true;
    });
  });
  afterEach(() => {
    vi.restoreAllMocks();
    expect(JSON.stringify([aws.pages, aws.chat, aws.documents]) + out.join('')).not.toContain('CANARY');
  });
  const PURCHASE = "INSERT INTO lead_purchases (note) VALUES ('CANARY')";
  const SESSION = 'INSERT INTO web_sessions (id) VALUES (1)';
  const REPAIR = 'ALTER TABLE lead_purchases ALTER id SET DEFAULT gen_random_uuid()';
  // Before PostgreSQL 13.0's successors it is in pgcrypto; every major here has it.

  it('when the alarm is OK and the catalog agrees: once, in every form, with how long it lasted', async () => {
    await raise(PURCHASE);
    await handlePage(alarmEvent(), context());
    expect(actions()).toEqual(['trigger']);

    // Repaired, but errors may still come: the alarm is up.
    await run(REPAIR);
    alarmIs('ALARM');
    await look();
    alarmIs('INSUFFICIENT_DATA');
    await look();
    expect(actions()).toEqual(['trigger']);

    alarmIs('OK');
    await look();
    expect(actions()).toEqual(['trigger', 'resolve']);
    const [page, resolved] = aws.documents as [PageDocument, PageDocument];
    expect(keysOf(resolved)).toEqual(keysOf(page));
    expect(aws.pages[1]).toEqual({
      subject: '[Trueup] resolved: postgres: public.lead_purchases.id - The id column has no default',
      text: expect.stringMatching(
        /^NOW {6}resolved after \d+ (s|min): the first error was at .* UTC, and the alarm is OK since .* UTC\.\nWHY {6}public\.lead_purchases\.id .*\n\nMORE\n {2}Alarm {6}Shop-not-null, account 1, eu-west-1\.$/s,
      ),
    });
    expect(aws.pages[1]!.text).not.toMatch(/ALTER|DO NOW/);
    const chat = JSON.parse(aws.chat[1]!);
    isChatMessage(chat);
    expect(chat).toEqual(renderChat(resolved));
    expect(chat.metadata.threadId).toBe(JSON.parse(aws.chat[0]!).metadata.threadId);
    expect(chat.metadata.eventType).toBe('trueup-resolve');
    const events = buildPagerDutyEvents(resolved, 'R'.repeat(32));
    for (const event of events) isPagerDutyEvent(event);
    expect(events.map(({ event_action, dedup_key }) => [event_action, dedup_key])).toEqual([
      ['resolve', keysOf(page)[0]],
    ]);
    isWebhookBody(JSON.parse(buildWebhookRequest(resolved, 's', 0).body));

    for (const minutes of [5, 10]) await look(minutes * MINUTE);
    expect(actions()).toEqual(['trigger', 'resolve']);
  });

  it('silence alone ends nothing; it comes again under the same key, and ends when it is repaired', async () => {
    await raise(PURCHASE);
    await handlePage(alarmEvent(), context());
    alarmIs('OK');
    await look();
    await handlePage(alarmEvent(), context());
    await look();
    expect(actions()).toEqual(['trigger', 'trigger']);
    const [first, second] = aws.documents as [PageDocument, PageDocument];
    expect(keysOf(second)).toEqual(keysOf(first));
    expect(out.join('')).toContain('"event":"resolution-checked","alarm":"Shop-not-null","open":1,"over":0');
    await run(REPAIR);
    await look();
    expect(actions()).toEqual(['trigger', 'trigger', 'resolve']);
  });

  it('of two tables, the one that is repaired; then the other', async () => {
    await raise(PURCHASE, SESSION);
    await handlePage(alarmEvent(), context());
    alarmIs('OK');
    await run(REPAIR);
    await look();
    await run('ALTER TABLE web_sessions ALTER lead_id DROP NOT NULL');
    await look();
    const [page, one, other] = aws.documents as [PageDocument, PageDocument, PageDocument];
    expect([one, other].map(({ action, findings }) => [action, findings[0]!.object])).toEqual([
      ['resolve', 'public.lead_purchases.id'],
      ['resolve', 'public.web_sessions.lead_id'],
    ]);
    expect([...keysOf(one), ...keysOf(other)].sort()).toEqual([...keysOf(page)].sort());
  });

  it('a statement that gives NULL itself is not repaired by a default: what the catalog cannot tell stays open', async () => {
    await raise(PURCHASE, PURCHASE, "INSERT INTO lead_purchases (id, note) VALUES (NULL, 'CANARY')");
    await handlePage(alarmEvent(), context());
    alarmIs('OK');
    await run(REPAIR);
    await look();
    expect(actions()).toEqual(['trigger']);
  });

  it('a receiver whose topic refuses the end once is told by the next look, and nobody else twice', async () => {
    await raise(PURCHASE);
    await handlePage(alarmEvent(), context());
    alarmIs('OK');
    await run(REPAIR);
    const publish = aws.publish.bind(aws);
    let refused = 0;
    vi.spyOn(aws, 'publish').mockImplementation(async (topic, page) => {
      if (topic === DOCUMENTS && refused++ === 0) throw new Error('no');
      return publish(topic, page);
    });
    await look();
    expect(actions()).toEqual(['trigger']);
    const texts = aws.pages.length;
    for (const minutes of [5, 10]) await look(minutes * MINUTE);
    expect(actions()).toEqual(['trigger', 'resolve']);
    expect([aws.pages.length, aws.chat.length]).toEqual([texts, 2]);
  });

  it('a text that was refused when it was paged: the end comes all the same', async () => {
    await raise(PURCHASE);
    const publish = aws.publish.bind(aws);
    vi.spyOn(aws, 'publish').mockImplementation(async (topic, page) => {
      if (topic === SETTINGS.topicArn) throw new Error('no text');
      return publish(topic, page);
    });
    await expect(handlePage(alarmEvent(), context())).rejects.toThrow('no text');
    vi.mocked(aws.publish).mockRestore();
    await run(REPAIR);
    alarmIs('OK');
    await look();
    expect(actions()).toEqual(['trigger', 'resolve']);
  });

  it('the end is told once the log shows that it is over, by the next look if need be', async () => {
    await raise(PURCHASE);
    await handlePage(alarmEvent(), context());
    alarmIs('OK');
    await run(REPAIR);
    // What is written is searchable later.
    const shown = out.length;
    aws.ownLog = () => out.slice(0, shown);
    await look();
    expect(actions()).toEqual(['trigger']);
    expect(out.join('')).toContain('"event":"resolution-not-visible"');
    const over = out.length;
    aws.ownLog = () => out.slice(0, over);
    await look(5 * MINUTE);
    expect(actions()).toEqual(['trigger', 'resolve']);
  });

  it('a database that does not answer, lines that are gone, a log that cannot be read: no end', async () => {
    await raise(PURCHASE);
    await handlePage(alarmEvent(), context());
    await run(REPAIR);
    alarmIs('OK');
    aws.databaseAnswers = false;
    await look();
    aws.databaseAnswers = true;
    const lines = aws.events.splice(0);
    await look();
    aws.events.push(...lines);
    aws.ownLog = () => {
      throw Object.assign(new Error('CANARY'), { name: 'AccessDeniedException' });
    };
    await look();
    expect(out.join('')).toContain('"event":"pager-log-unreadable","reason":"AccessDeniedException"');
    expect(actions()).toEqual(['trigger']);
    aws.ownLog = () => out;
    await look();
    expect(actions()).toEqual(['trigger', 'resolve']);
  });

  it('a page whose lines were not found is for a person to end', async () => {
    await handlePage(alarmEvent(), context());
    alarmIs('OK');
    await look();
    expect(actions()).toEqual(['trigger']);
  });

  it('what cannot be told is tried again, and does not keep others from being paged', async () => {
    await raise(PURCHASE);
    await handlePage(alarmEvent(), context());
    await run(REPAIR);
    alarmIs('OK');
    const publish = vi.spyOn(aws, 'publish').mockRejectedValue(new Error('CANARY'));
    await look();
    expect(out.join('')).toContain('"event":"publish-failed"');
    publish.mockRestore();
    await look();
    expect(actions()).toEqual(['trigger', 'resolve']);
  });
});

describe('what is open', () => {
  const about = (...keys: string[]) =>
    keys.map((dedupKey) => ({ dedupKey, checkId: null, database: 'd', object: 'o' }));
  const line = (second: number, event: string, ...keys: string[]) =>
    JSON.stringify({
      time: new Date(second * 1_000).toISOString(),
      event,
      alarm: 'A',
      about: about(...keys),
      fromMs: second,
      untilIngestedMs: second,
    });
  const open = (...lines: string[]) =>
    listOpenPages(lines).map(({ dedupKey, pagedMs }) => [dedupKey, pagedMs / 1_000]);

  it('was paged and not resolved since, whatever the order of the lines; the first page of it counts', () => {
    expect(open(line(1, 'page-published', 'a', 'b'), line(2, 'page-published', 'a'))).toEqual([
      ['a', 1],
      ['b', 1],
    ]);
    const lines = [
      line(1, 'page-published', 'a', 'b'),
      line(3, 'resolution-published', 'a'),
      line(5, 'page-published', 'a'),
    ];
    expect(open(...lines)).toEqual([
      ['b', 1],
      ['a', 5],
    ]);
    expect(open(...lines.reverse())).toEqual([
      ['b', 1],
      ['a', 5],
    ]);
  });
  it('is not in other lines', () => {
    expect(
      open('', 'START RequestId', 'null', '{}', '{"event":"page-published"}', line(1, 'alarm-received', 'a')),
    ).toEqual([]);
  });
  it('is asked about at each look of the first hour, then once an hour', () => {
    const HOUR = 60 * MINUTE;
    const start = 7 * MINUTE;
    const asked = [...Array(60)]
      .map((_, i) => start + i * 5 * MINUTE)
      .filter((at) => isQueryDue(at, start, 5 * MINUTE));
    expect(asked.filter((at) => at - start < HOUR)).toHaveLength(12);
    expect(asked.filter((at) => at - start >= HOUR)).toHaveLength(4);
  });
});
