/** PagerDuty's events and the webhook's body: their schemas, their limits, and names that are markup somewhere. */
import { createHmac } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { limitDocument, type PageDocument } from '../../../lambda/page/document/document';
import { buildDocument, type PageContent } from '../../../lambda/page/document/render';
import { buildWorkloadDocument } from '../../../lambda/page/document/workload-page';
import { renderChat } from '../../../lambda/page/forms/chat';
import { buildPagerDutyEvents } from '../../../lambda/page/forms/pagerduty';
import { renderText } from '../../../lambda/page/forms/text';
import { buildWebhookRequest } from '../../../lambda/page/forms/webhook';
import { CONTENT, DIAGNOSIS, GROUP } from '../content';
import { HOSTILE_NAMES, isChatMessage, isPagerDutyEvent, isWebhookBody } from '../forms';

const KEY = 'R'.repeat(32);
const SECRET = 'a secret that nobody knows';
const NOW = Date.UTC(2026, 10, 21, 9, 5);

const bodyOf = (document: PageDocument) => JSON.parse(buildWebhookRequest(document, SECRET, NOW).body);
function hasTheForms(document: PageDocument): void {
  isChatMessage(renderChat(document));
  for (const event of buildPagerDutyEvents(document, KEY)) {
    isPagerDutyEvent(event);
    expect(Buffer.byteLength(JSON.stringify(event))).toBeLessThan(512 * 1024);
  }
  isWebhookBody(bodyOf(document));
  const { subject, text } = renderText(document);
  expect(subject).toMatch(/^[\x20-\x7e]{1,100}$/);
  expect(Buffer.byteLength(text)).toBeLessThan(256 * 1024);
}
const another = (table: string) => ({ group: { ...GROUP, key: table, table }, diagnosis: DIAGNOSIS });
const pageOf = (change: Partial<PageContent>): PageDocument => buildDocument({ ...CONTENT, ...change });

describe('PagerDuty', () => {
  it('one event: what is wrong, and in the details what the page says', () => {
    const [event, ...more] = buildPagerDutyEvents(buildDocument(CONTENT), KEY);
    expect(more).toEqual([]);
    isPagerDutyEvent(event);
    expect(event).toMatchObject({
      routing_key: KEY,
      event_action: 'trigger',
      client: 'Trueup',
      payload: {
        summary:
          '[Trueup] marketplace: public.lead_purchases.id (12x, ongoing) - The id column has no default',
        source: 'marketplace, 111122223333, eu-west-1',
        severity: 'critical',
        component: 'public.lead_purchases.id',
        group: 'marketplace',
        class: 'missing-primary-key-default',
        custom_details: {
          why: ['public.lead_purchases.id belongs to the primary key, is of type uuid, and has no default.'],
          alarm: 'Shop-not-null',
        },
      },
      links: [
        { href: 'https://example.com/runbooks/missing-primary-key-default.md', text: 'Runbook' },
        { text: 'Log lines' },
      ],
    });
    expect(JSON.stringify(event)).toContain('0002_id_default addresses this');
  });

  it('one incident a finding; its key is that of the page before, and of no other', () => {
    const keys = (document: PageDocument) =>
      buildPagerDutyEvents(document, KEY).map(({ dedup_key }) => dedup_key);
    const three = keys(pageOf({ findings: ['a', 'b', 'c'].map(another) }));
    expect(new Set(three).size).toBe(3);
    expect(keys(pageOf({ findings: [another('b')], followUp: true, toMs: NOW + 1 }))).toEqual([three[1]]);
    const alarm = { ...CONTENT.alarm!, region: 'eu-west-2' };
    expect(keys(pageOf({ findings: [another('b')], alarm }))).not.toEqual([three[1]]);
    for (const key of three) expect(key).toMatch(/^trueup:[0-9a-f]{64}$/);
  });

  it('severity as the text says it: critical while it goes on, a warning when it has stopped', () => {
    const severity = (change: Partial<PageContent>) =>
      buildPagerDutyEvents(pageOf(change), KEY)[0]!.payload!.severity;
    expect(severity({})).toBe('critical');
    expect(severity({ toMs: NOW + 3_600_000 })).toBe('warning');
    expect(severity({ findings: [] })).toBe('error');
  });

  it('an end needs its key alone', () => {
    const events = buildPagerDutyEvents({ ...buildDocument(CONTENT), action: 'resolve' }, KEY);
    for (const event of events) isPagerDutyEvent(event);
    expect(events).toEqual([
      { routing_key: KEY, event_action: 'resolve', dedup_key: buildDocument(CONTENT).findings[0]!.dedupKey },
    ]);
  });
});

describe('the webhook', () => {
  it('signs version, time and body; each attempt anew', () => {
    const document = buildDocument(CONTENT);
    const { headers, body } = buildWebhookRequest(document, SECRET, NOW + 999);
    const mac = createHmac('sha256', SECRET)
      .update(`v1:${NOW / 1_000}:${body}`)
      .digest('hex');
    expect(headers).toEqual({
      'content-type': 'application/json; charset=utf-8',
      'trueup-id': document.id,
      'trueup-timestamp': String(NOW / 1_000),
      'trueup-signature': `v1=${mac}`,
    });
    const later = buildWebhookRequest(document, SECRET, NOW + 60_000);
    expect(later.body).toBe(body);
    expect(later.headers['trueup-id']).toBe(document.id);
    expect(later.headers['trueup-signature']).not.toBe(headers['trueup-signature']);
  });
  it('is the document', () => {
    expect(bodyOf(buildDocument(CONTENT))).toEqual(JSON.parse(JSON.stringify(buildDocument(CONTENT))));
  });
});

describe('every form', () => {
  const workload = (text: string) =>
    buildWorkloadDocument({
      alarm: CONTENT.alarm!,
      nowMs: NOW,
      changedAt: '',
      runbookUrl: null,
      answers: [
        {
          database: 'shop',
          problem: null,
          workload: {
            statements: 9,
            plan: 7,
            broken: 2,
            failing: 0,
            undecided: {},
            notRecorded: 0,
            problem: null,
            named: [{ text, role: text, calls: 3, sqlstate: '42703', why: 'a column', diagnosis: DIAGNOSIS }],
          },
        },
      ],
    });
  it.each<readonly [string, PageDocument]>([
    ['one finding', buildDocument(CONTENT)],
    ['lines that were not found', pageOf({ findings: [] })],
    [
      'ten, and a thousand more',
      pageOf({ findings: [...'abcdefghij'].map(another), others: Array(1_000).fill(GROUP), overflow: 3 }),
    ],
    [
      'an application’s line',
      pageOf({ findings: [{ group: { ...GROUP, database: '' }, diagnosis: DIAGNOSIS }] }),
    ],
    ['a statement that no longer plans', workload('SELECT note FROM customers WHERE id = $1')],
    ...['x', '\u00fc', '\u8868', '\u{1f600}'].map(
      (character) =>
        [
          `long words of ${character}`,
          pageOf({
            findings: [
              {
                group: GROUP,
                diagnosis: {
                  ...DIAGNOSIS,
                  subject: character.repeat(3_000),
                  cause: Array(90).fill(character.repeat(4_000)),
                },
              },
            ],
            others: Array(1_000).fill({ ...GROUP, table: character.repeat(60) }),
          }),
        ] as const,
    ),
  ])('%s: as published', (_, document) => hasTheForms(document));

  it('travels within what a topic and a queue take; the key and the name of all that is wrong stay', () => {
    const long = { ...DIAGNOSIS, cause: Array(90).fill('\u00fc'.repeat(400)) };
    const document = pageOf({
      findings: [...'abcdefghij'].map((table) => ({ ...another(table), diagnosis: long })),
      others: [...Array(1_000)].map((_, i) => ({ ...GROUP, table: `t_${i}` })),
    });
    const text = JSON.stringify(limitDocument(document));
    expect(Buffer.byteLength(text)).toBeLessThan(200_001);
    const sent = JSON.parse(text) as PageDocument;
    expect(sent.findings.map(({ dedupKey }) => dedupKey)).toEqual(
      document.findings.map(({ dedupKey }) => dedupKey),
    );
    expect(sent.findings[0]!.why).toEqual(document.findings[0]!.why);
    expect(sent.findings.at(-1)!.remedy.join()).toMatch(/this message had no room for it/);
    expect(sent.additionalFindings).toHaveLength(201);
    expect(sent.additionalFindings.at(-1)).toMatch(/^800 more/);
    hasTheForms(sent);
  });

  describe.each(HOSTILE_NAMES)('a name like %j', (name) => {
    const hostile = { ...DIAGNOSIS, subject: name, cause: [`${name} has no default.`] };
    const repair = { words: `Look at ${name}.`, sql: [`ALTER TABLE "${name}" ADD x int;`, 'SELECT 1;'] };
    const group = {
      ...GROUP,
      table: name,
      database: name,
      user: name,
      message: name,
      statement: `SELECT "${name}"`,
    };
    const documents = [
      pageOf({
        findings: [
          {
            group: { ...group, uses: [{ user: name, statement: group.statement, count: 1 }] },
            diagnosis: { ...hostile, repair },
          },
        ],
        others: [group],
      }),
      workload(`SELECT "${name}"`),
    ];
    /** Where they are markup: mentions, tags, links of others than ours. */
    const MARKUP = /<[!@#/A-Za-z]|(?<![\w.])@\w|\]\(|:\/\/evil|\u202e/;
    const strings = (value: unknown): string[] =>
      typeof value === 'string'
        ? [value]
        : typeof value === 'object' && value !== null
          ? Object.values(value).flatMap(strings)
          : [];

    it('is no markup in a chat, an incident, or a webhook', () => {
      for (const document of documents) {
        hasTheForms(document);
        for (const form of [renderChat(document), buildPagerDutyEvents(document, KEY), bodyOf(document)])
          for (const each of strings(form)) expect(each).not.toMatch(MARKUP);
        expect(buildWebhookRequest(document, SECRET, NOW).body).not.toMatch(/[<>&]/);
      }
    });

    it('is shown for what it is in the text, whose SQL has to be typed', () => {
      const lines = renderText(documents[0]!).text.split('\n');
      for (const line of lines.filter((each) => !/^ {13}|SELECT/.test(each)))
        expect(line).not.toMatch(MARKUP);
    });
  });
});
