/**
 * Whatever the order in which messages reach a receiver that is down, slow or back: when queues and dead letters are empty, no
 * incident of an ended page is open, and none of a page that goes on is closed. The real sender, with the real SDK, over real
 * HTTPS to a server that keeps incidents as PagerDuty does.
 */
import { createServer as createHttp, type Server } from 'node:http';
import { createServer, globalAgent } from 'node:https';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import type { HttpsForm } from '../../lambda/contract/notify';
import { deliverPage, type NotifyContext } from '../../lambda/notify/deliver';
import { makeNotifyOutbound } from '../../lambda/notify/notify-outbound';
import { SecretCache } from '../../lambda/notify/secret';
import type { PageDocument } from '../../lambda/page/document/document';
import { buildDocument } from '../../lambda/page/document/render';
import { CONTENT, DIAGNOSIS, GROUP } from '../page/content';
import { makeCertificates } from '../support/certificates';
import { fc } from '../support/property';

/** `taken`: it has it, and the sender never hears of it. `slow`: so does it, and acts on it only later. */
type Mood = 'well' | 'down' | 'taken' | 'slow' | 'refuses';
let mood: Mood = 'well';
/** What a slow receiver has yet to act on, by the message that it came with. */
let late: { readonly message: string; readonly path: string; readonly body: string }[] = [];
let sending = '';
/** Open ones, as PagerDuty and as the receiver of a webhook keep them. */
let incidents = new Set<string>();
let pagerLog: { time: string; event: string; about: { dedupKey: string }[] }[] = [];
let logAnswers = true;
let deadLetters: string[] = [];
let servers: Server[];
let url: string;

function take(path: string, body: string): void {
  const message = JSON.parse(body);
  const keys: [string, string][] = path.includes('pagerduty')
    ? [[message.event_action, message.dedup_key]]
    : message.findings.map(({ dedupKey }: { dedupKey: string }) => [message.action, dedupKey]);
  for (const [action, key] of keys)
    if (action === 'trigger') incidents.add(key);
    else incidents.delete(key);
}

beforeAll(async () => {
  const { ca, cert, key } = await makeCertificates();
  globalAgent.options.ca = ca;
  const receiver = createServer({ cert, key }, async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    if (mood === 'well' || mood === 'taken') take(request.url!, body);
    if (mood === 'taken') return void request.socket.destroy();
    if (mood === 'slow') return void late.push({ message: sending, path: request.url!, body });
    response.writeHead(mood === 'well' ? 202 : mood === 'down' ? 503 : 400).end();
  });
  const aws = createHttp(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    const target = String(request.headers['x-amz-target']);
    const json = (status: number, answer: object) =>
      void response
        .writeHead(status, { 'content-type': 'application/x-amz-json-1.1' })
        .end(JSON.stringify(answer));
    if (target.endsWith('GetSecretValue')) return json(200, { SecretString: 'key' });
    if (target.endsWith('FilterLogEvents')) {
      if (!logAnswers) return json(400, { __type: 'AccessDeniedException' });
      const { logGroupName, startTime } = JSON.parse(body);
      expect(logGroupName).toBe('/the/pager');
      const events = pagerLog
        .filter(({ time }) => Date.parse(time) >= startTime)
        .map((line) => ({ message: JSON.stringify(line) }));
      return json(200, { events });
    }
    deadLetters.push(new URLSearchParams(body).get('Message')!);
    response.writeHead(200, { 'content-type': 'text/xml' });
    response.end(
      '<PublishResponse><PublishResult><MessageId>1</MessageId></PublishResult></PublishResponse>',
    );
  });
  servers = [receiver, aws];
  for (const each of servers) await new Promise<void>((ready) => each.listen(0, '127.0.0.1', ready));
  url = `https://127.0.0.1:${(receiver.address() as AddressInfo).port}`;
  vi.stubEnv('AWS_ENDPOINT_URL', `http://127.0.0.1:${(aws.address() as AddressInfo).port}`);
  vi.stubEnv('AWS_REGION', 'eu-west-1');
  vi.stubEnv('AWS_ACCESS_KEY_ID', 'test');
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'test');
  vi.spyOn(process.stdout, 'write').mockImplementation(() => true);
});
afterAll(() => {
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
  globalAgent.options.ca = undefined;
  for (const each of servers) {
    each.closeAllConnections();
    each.close();
  }
});

function context(form: HttpsForm): NotifyContext {
  const out = makeNotifyOutbound();
  return {
    settings: {
      form,
      url: `${url}/${form}`,
      secretArn: 'arn:key',
      refusedTopicArn: 'arn:aws:sns:eu-west-1:1:refused',
      pagerLogGroup: '/the/pager',
    },
    out,
    secrets: new SecretCache(() => Promise.resolve('key')),
    timing: { answerMs: 2_000, allMs: 4_000 },
  };
}

function actOn(which: (each: (typeof late)[number]) => boolean): void {
  for (const each of late.filter(which)) take(each.path, each.body);
  late = late.filter((each) => !which(each));
}

const TABLES = ['a', 'b'];
const PAGE = buildDocument({
  ...CONTENT,
  findings: TABLES.map((table) => ({ group: { ...GROUP, key: table, table }, diagnosis: DIAGNOSIS })),
});
const KEYS = PAGE.findings.map(({ dedupKey }) => dedupKey);

/** What the pager does, one after the other: pages both tables or one, ends one, pages it again. */
interface Said {
  readonly action: 'trigger' | 'resolve';
  readonly tables: readonly number[];
}
const START = Date.parse('2026-11-01T00:00:00Z');

class World {
  private clock = START;
  readonly open = new Set<string>();
  readonly queue: string[] = [];
  constructor(readonly context: NotifyContext) {}

  /** As the pager does it: an end is recorded before it is published, a page afterwards. */
  publish({ action, tables }: Said): void {
    const keys = tables.map((i) => KEYS[i]!).filter((key) => action === 'trigger' || this.open.has(key));
    if (keys.length === 0) return;
    const document: PageDocument = {
      ...PAGE,
      id: `${action} ${this.clock}`,
      action,
      at: this.tick(),
      findings: PAGE.findings.filter(({ dedupKey }) => keys.includes(dedupKey)),
    };
    if (action === 'resolve') this.record('resolution-found', keys, -1);
    this.queue.push(JSON.stringify(document));
    this.record(action === 'resolve' ? 'resolution-published' : 'page-published', keys);
    for (const key of keys)
      if (action === 'trigger') this.open.add(key);
      else this.open.delete(key);
  }

  async receive(at: number, how: Mood): Promise<void> {
    if (this.queue.length === 0) return;
    mood = how;
    const [body] = this.queue.splice(at % this.queue.length, 1);
    // The queue waits for minutes before it sends one again: by then it is acted on.
    actOn(({ message }) => message === body || at % 3 === 0);
    sending = body!;
    const timing = how === 'slow' ? { answerMs: 100, allMs: 200 } : this.context.timing!;
    await deliverPage(body!, { ...this.context, timing }).catch(() => this.queue.push(body!));
    if (at % 3 === 1) actOn(({ message }) => message !== body);
    // Moved back by hand, at any time.
    this.queue.push(...deadLetters.splice(0));
  }

  private tick(): string {
    this.clock += 60_000;
    return new Date(this.clock).toISOString();
  }
  private record(event: string, keys: readonly string[], offsetMs = 1_000): void {
    const time = new Date(this.clock + offsetMs).toISOString();
    pagerLog.push({ time, event, about: keys.map((dedupKey) => ({ dedupKey })) });
  }
}

const said = fc.record({
  action: fc.constantFrom('trigger', 'resolve'),
  tables: fc.constantFrom([0], [1], [0, 1]),
}) as fc.Arbitrary<Said>;
type Step = { publish: Said } | { receive: number; how: Mood; logged: boolean };
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 2, arbitrary: fc.record({ publish: said }) },
  {
    weight: 3,
    arbitrary: fc.record({
      receive: fc.nat(20),
      how: fc.constantFrom<Mood>('well', 'down', 'taken', 'slow', 'refuses'),
      logged: fc.constantFrom(true, true, true, false),
    }),
  },
);

/** A receiver acts on the end of a page only after it has accepted the next page. */
const ENDED_LATE: [Step[], number[]] = [
  [
    { receive: 0, how: 'well', logged: true },
    { publish: { action: 'resolve', tables: [0] } },
    { receive: 0, how: 'slow', logged: true },
    { publish: { action: 'trigger', tables: [0] } },
  ],
  [1],
];

it.each<HttpsForm>(['pagerduty', 'webhook'])(
  '%s: what is open there is what is open, whatever came when',
  async (form) => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { maxLength: 25 }),
        fc.array(fc.nat(20), { maxLength: 40 }),
        async (steps, order) => {
          incidents = new Set();
          pagerLog = [];
          deadLetters = [];
          late = [];
          const world = new World(context(form));
          world.publish({ action: 'trigger', tables: [0, 1] });
          for (const each of steps) {
            if ('publish' in each) world.publish(each.publish);
            else {
              logAnswers = each.logged;
              await world.receive(each.receive, each.how);
            }
          }
          // The receiver is back, and what waits is sent again in any order.
          logAnswers = true;
          for (let i = 0; world.queue.length > 0; i++) await world.receive(order[i] ?? 0, 'well');
          expect([...incidents].sort()).toEqual([...world.open].sort());
        },
      ),
      { numRuns: Number(process.env.ORDERS_RUNS ?? 40), examples: [ENDED_LATE] },
    );
  },
);

it('while the answer to a page is awaited, its end is sent: the page is followed by its end', async () => {
  incidents = new Set();
  pagerLog = [];
  const to = context('pagerduty');
  const world = new World(to);
  world.publish({ action: 'trigger', tables: [0] });
  const [page] = world.queue.splice(0);
  const post = to.out.post;
  // It is looked up, and sent; meanwhile the end is published and delivered.
  const slow = {
    ...to,
    out: {
      ...to.out,
      post: async (...request: Parameters<typeof post>) => {
        if (world.open.size > 0) {
          world.publish({ action: 'resolve', tables: [0] });
          mood = 'well';
          await deliverPage(world.queue.splice(0)[0]!, to);
        }
        return post(...request);
      },
    },
  };
  mood = 'well';
  await deliverPage(page!, slow);
  expect(incidents).toEqual(new Set());
});

it.each([
  ['for the first time, and is not sent', 0, []],
  ['again, and the page is triggered once more: the end may have been sent before', 61_000, ['trigger']],
])('the end of what was paged again arrives %s', async (_, ageMs, actions) => {
  const sent: string[] = [];
  const to = context('webhook');
  const out = { ...to.out, post: async (_url: string, { body }: { body: string }) => sent.push(body) && 202 };
  const at = new Date(Date.now() - ageMs);
  const dedupKey = KEYS[0]!;
  pagerLog = [
    { time: new Date(at.getTime() + 1_000).toISOString(), event: 'page-published', about: [{ dedupKey }] },
  ];
  const end: PageDocument = {
    ...PAGE,
    action: 'resolve',
    subject: '[Trueup] resolved: app: a',
    at: at.toISOString(),
    findings: PAGE.findings.slice(0, 1),
  };
  await deliverPage(JSON.stringify(end), { ...to, out });
  const documents = sent.map((body) => JSON.parse(body));
  expect(documents.map(({ action }) => action)).toEqual(actions);
  for (const { subject, findings } of documents) {
    expect(subject).toBe('[Trueup] app: a');
    expect(findings).toMatchObject([
      { dedupKey, severity: 'error', now: [expect.stringContaining('newer page')] },
    ]);
  }
});
