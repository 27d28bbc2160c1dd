/**
 * The sender against a real HTTPS receiver that is well, slow, down, redirects, or refuses, with the real SDK against an
 * endpoint that plays Secrets Manager and SNS.
 */
import { createHmac } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer as createHttp, type Server } from 'node:http';
import { createServer, globalAgent } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { classifyStatus } from '../../lambda/notify/answer';
import { deliverPage, type NotifyContext } from '../../lambda/notify/deliver';
import { makeNotifyOutbound } from '../../lambda/notify/notify-outbound';
import {
  buildNotifyEnvironment,
  type NotifySettings,
  readNotifySettings,
} from '../../lambda/notify/notify-settings';
import { extractSecretValue, SecretCache } from '../../lambda/notify/secret';
import { limitDocument, type PageDocument } from '../../lambda/page/document/document';
import { buildDocument } from '../../lambda/page/document/render';
import { CONTENT, DIAGNOSIS, GROUP } from '../page/content';
import { isPagerDutyEvent, isWebhookBody } from '../page/forms';
import { makeCertificates } from '../support/certificates';

const KEY = 'R0UT1NGKEYR0UT1NGKEYR0UT1NGKEY00';
const SECRET_ARN = 'arn:aws:secretsmanager:eu-west-1:111122223333:secret:key';
const REFUSED = 'arn:aws:sns:eu-west-1:111122223333:refused';

interface Received {
  readonly method: string;
  readonly url: string;
  readonly headers: Record<string, unknown>;
  readonly body: string;
}
/** Each answer in turn, the last one again and again. */
let answers: (number | 'silent' | 'hang up')[] = [202];
const received: Received[] = [];
let receiver: Server;
let aws: Server;
let secret: string | undefined = KEY;
let secretsRead = 0;
const refused: string[] = [];
const logged: string[] = [];
let url: string;

beforeAll(async () => {
  const { ca, cert, key } = await makeCertificates();
  globalAgent.options.ca = ca;
  receiver = createServer({ cert, key }, async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    received.push({ method: request.method!, url: request.url!, headers: request.headers, body });
    const answer = answers.length > 1 ? answers.shift()! : answers[0]!;
    if (answer === 'silent') return;
    if (answer === 'hang up') return void request.socket.destroy();
    if (answer === 103) {
      // Several, and the answer later.
      for (const link of ['</a>; rel=preload', '</b>; rel=preload'])
        await new Promise<void>((written) => response.writeEarlyHints({ link }, written));
      await sleep(50);
      return void response.writeHead(204).end();
    }
    const upgrade = answer === 101 ? { connection: 'upgrade', upgrade: 'x' } : {};
    response.writeHead(answer, { location: '/elsewhere', ...upgrade }).end('CANARY of the answer');
  });
  aws = createHttp(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    if (String(request.headers['x-amz-target']).endsWith('GetSecretValue')) {
      secretsRead++;
      expect(JSON.parse(body)).toEqual({ SecretId: SECRET_ARN });
      response.setHeader('content-type', 'application/x-amz-json-1.1');
      return void response.end(JSON.stringify({ ARN: SECRET_ARN, SecretString: secret }));
    }
    const form = new URLSearchParams(body);
    expect([form.get('Action'), form.get('TopicArn')]).toEqual(['Publish', REFUSED]);
    refused.push(form.get('Message')!);
    response.setHeader('content-type', 'text/xml');
    response.end(
      '<PublishResponse><PublishResult><MessageId>1</MessageId></PublishResult></PublishResponse>',
    );
  });
  for (const each of [receiver, aws]) await new Promise<void>((ready) => each.listen(0, '127.0.0.1', ready));
  url = `https://127.0.0.1:${(receiver.address() as AddressInfo).port}/CANARY-path`;
  vi.stubEnv('AWS_ENDPOINT_URL', `http://127.0.0.1:${(aws.address() as AddressInfo).port}`);
  vi.stubEnv('AWS_REGION', 'eu-west-1');
  vi.stubEnv('AWS_ACCESS_KEY_ID', 'test');
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'test');
  vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
    logged.push(String(text));
    return true;
  });
});
afterAll(() => {
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
  globalAgent.options.ca = undefined;
  for (const each of [receiver, aws]) {
    each.closeAllConnections();
    each.close();
  }
});
beforeEach(() => {
  answers = [202];
  secret = KEY;
  secretsRead = 0;
  for (const each of [received, refused, logged]) each.length = 0;
});

function context(form: NotifySettings['form'], to = url, answerMs = 10_000): NotifyContext {
  const out = makeNotifyOutbound();
  return {
    settings: { form, url: to, secretArn: SECRET_ARN, refusedTopicArn: REFUSED },
    out,
    secrets: new SecretCache((arn) => out.secret(arn)),
    timing: { answerMs, allMs: 30_000 },
  };
}
const another = (table: string) => ({ group: { ...GROUP, key: table, table }, diagnosis: DIAGNOSIS });
const THREE = buildDocument({ ...CONTENT, findings: ['a', 'b', 'c'].map(another) });
const bodyOf = (document: PageDocument = buildDocument(CONTENT)) => JSON.stringify(limitDocument(document));
/** What was thrown, after what every end has in common: nothing secret is told, whatever happened. */
async function ending(sent: Promise<void>): Promise<string | null> {
  const error = await sent.then(
    () => null,
    (thrown: Error) => thrown.message,
  );
  const told = `${logged.join('')}${error}`;
  for (const each of [KEY, secret ?? KEY, 'CANARY', url]) expect(told).not.toContain(each);
  return error;
}

describe('PagerDuty', () => {
  it('one event a finding, with the key out of the secret', async () => {
    expect(await ending(deliverPage(bodyOf(THREE), context('pagerduty')))).toBeNull();
    const events = received.map(({ body }) => JSON.parse(body));
    for (const event of events) isPagerDutyEvent(event);
    expect(events.map(({ dedup_key }) => dedup_key)).toEqual(THREE.findings.map(({ dedupKey }) => dedupKey));
    expect(events.every(({ routing_key }) => routing_key === KEY)).toBe(true);
    expect(secretsRead).toBe(1);
    expect(refused).toEqual([]);
    for (const { method, headers } of received)
      expect([method, headers['content-type']]).toEqual(['POST', 'application/json']);
    expect(logged.map((line) => JSON.parse(line))).toEqual([
      {
        time: expect.any(String),
        event: 'delivery-attempted',
        form: 'pagerduty',
        page: THREE.id,
        action: THREE.action,
        delivered: 3,
        refused: 0,
        later: 0,
        answers: ['202', '202', '202'],
      },
    ]);
  });

  it('a key may hold any character after its first', async () => {
    secret = 'a{[';
    await deliverPage(bodyOf(), context('pagerduty'));
    expect(JSON.parse(received[0]!.body).routing_key).toBe('a{[');
  });

  it('400 is not tried again, and is a dead letter; the others are sent', async () => {
    answers = [202, 400, 202];
    const to = context('pagerduty');
    expect(await ending(deliverPage(bodyOf(THREE), to))).toBeNull();
    expect(received).toHaveLength(3);
    expect(refused).toEqual([bodyOf(THREE)]);
    expect(JSON.parse(logged.at(-1)!)).toMatchObject({
      event: 'delivery-failed',
      form: 'pagerduty',
      why: 'it was refused (202, 400, 202)',
    });
  });

  it.each([101, 429, 500, 503, 'silent', 'hang up'] as const)(
    '%s is tried again: no dead letter of ours',
    async (answer) => {
      answers = [answer];
      const patience = answer === 'silent' ? 200 : undefined;
      expect(await ending(deliverPage(bodyOf(), context('pagerduty', url, patience)))).toMatch(
        /\. Retrying\.$/,
      );
      expect(refused).toEqual([]);
      answers = [202];
      expect(await ending(deliverPage(bodyOf(), context('pagerduty')))).toBeNull();
      const [first, second] = received.map(({ body }) => body);
      expect(second).toBe(first);
    },
  );

  it('103 Early Hints are no answer: the one that follows is', async () => {
    answers = [103];
    for (const form of ['pagerduty', 'webhook'] as const)
      expect(await ending(deliverPage(bodyOf(), context(form)))).toBeNull();
    expect([received.length, refused.length]).toEqual([2, 0]);
    expect(JSON.parse(logged.at(-1)!)).toMatchObject({
      event: 'delivery-attempted',
      delivered: 1,
      answers: ['204'],
    });
  });

  it('what came of each event is said', async () => {
    answers = [202, 503, 101];
    expect(await ending(deliverPage(bodyOf(THREE), context('pagerduty')))).toBe(
      'pagerduty: no conclusive response (202, 503, ECONNRESET). Retrying.',
    );
  });

  it('one that is down, and one whose certificate nobody vouches for', async () => {
    const down = context('pagerduty', 'https://127.0.0.1:1/');
    expect(await ending(deliverPage(bodyOf(), down))).toMatch(/ECONNREFUSED\)\. Retrying\.$/);
    const { ca } = globalAgent.options;
    globalAgent.options.ca = undefined;
    expect(await ending(deliverPage(bodyOf(), context('pagerduty')))).toMatch(/UNABLE_TO_VERIFY/);
    globalAgent.options.ca = ca;
    expect(received).toEqual([]);
  });

  it('all of a page has an end, however many are silent', async () => {
    answers = ['silent'];
    const to = { ...context('pagerduty'), timing: { answerMs: 200, allMs: 250 } };
    expect(await ending(deliverPage(bodyOf(THREE), to))).toMatch(/no answer in time.*no time left/);
    expect(received.length).toBeLessThan(3);
  });
});

describe('a webhook', () => {
  it('is signed so that the receiver can tell', async () => {
    expect(await ending(deliverPage(bodyOf(), context('webhook')))).toBeNull();
    const [{ headers, body, url: path }] = received as [Received];
    expect(path).toBe('/CANARY-path');
    isWebhookBody(JSON.parse(body));
    const signed = `v1:${headers['trueup-timestamp']}:${body}`;
    expect(headers['trueup-signature']).toBe(`v1=${createHmac('sha256', KEY).update(signed).digest('hex')}`);
    expect(headers['trueup-id']).toBe(buildDocument(CONTENT).id);
  });

  it('the receiver’s code of docs/notify.md takes it, and nothing that was changed, is old, or is of somebody else', async () => {
    const page = readFileSync(join(__dirname, '../../docs/notify.md'), 'utf8');
    const code = /```js\n([\s\S]*?)```/.exec(page)![1];
    const isFromTrueup = new Function('require', `${code}; return isFromTrueup;`)(require);
    expect(await ending(deliverPage(bodyOf(), context('webhook')))).toBeNull();
    const [{ headers, body }] = received as [Received];
    const takes = (change: object = {}, text = body, key = KEY, now = Date.now()) =>
      isFromTrueup({ ...headers, ...change }, Buffer.from(text), key, now);
    expect(takes()).toBe(true);
    expect(takes({}, `${body} `)).toBe(false);
    expect(takes({}, body, 'another')).toBe(false);
    expect(takes({}, body, KEY, Date.now() + 301_000)).toBe(false);
    expect(takes({ 'trueup-timestamp': String(Math.floor(Date.now() / 1_000) + 5) })).toBe(false);
    for (const wrong of [
      { 'trueup-timestamp': undefined },
      { 'trueup-timestamp': 'x' },
      { 'trueup-signature': undefined },
      { 'trueup-signature': 'v1=' },
    ])
      expect(takes(wrong)).toBe(false);
  });

  it('redirects are not followed', async () => {
    for (const status of [301, 307, 308]) {
      answers = [status];
      expect(await ending(deliverPage(bodyOf(), context('webhook')))).toBeNull();
    }
    expect(received.map(({ url }) => url)).toEqual(Array(3).fill('/CANARY-path'));
    expect(refused).toHaveLength(3);
  });

  it('a rotated secret: what is refused with the kept one is tried with the new one', async () => {
    const to = context('webhook');
    expect(await ending(deliverPage(bodyOf(), to))).toBeNull();
    expect(await ending(deliverPage(bodyOf(), to))).toBeNull();
    expect(secretsRead).toBe(1);
    secret = 'the new one';
    answers = [401, 200];
    expect(await ending(deliverPage(bodyOf(), to))).toBeNull();
    expect(secretsRead).toBe(2);
    expect(refused).toEqual([]);
    const { headers, body } = received.at(-1)!;
    const mac = createHmac('sha256', 'the new one')
      .update(`v1:${headers['trueup-timestamp']}:${body}`)
      .digest('hex');
    expect(headers['trueup-signature']).toBe(`v1=${mac}`);
    answers = [401];
    expect(await ending(deliverPage(bodyOf(), to))).toBeNull();
    expect(refused).toHaveLength(1);
  });
});

it('what is no page is a dead letter, and asks nobody', async () => {
  for (const body of ['', 'CANARY', '{}', 'null', '{"version":2,"findings":[]}'])
    expect(await ending(deliverPage(body, context('webhook')))).toBeNull();
  expect(refused).toHaveLength(5);
  expect([received.length, secretsRead]).toEqual([0, 0]);
});

it.each([' ', undefined])('an empty secret (%j) is tried again, and says what is wrong', async (empty) => {
  secret = empty;
  const sent = deliverPage(bodyOf(), context('webhook'));
  await expect(sent).rejects.toThrow('The secret is empty. Give it the key as its value.');
});

it('a secret that holds more than the key is sent to nobody, and is read again once it is corrected', async () => {
  secret = '{"username":"CANARY","password":"CANARY"}';
  const to = context('pagerduty');
  expect(await ending(deliverPage(bodyOf(), to))).toMatch(
    /^The secret is JSON with values besides the key, .*nothing was sent/,
  );
  expect(received).toEqual([]);
  secret = JSON.stringify({ routing_key: KEY });
  await deliverPage(bodyOf(), to);
  expect(JSON.parse(received[0]!.body).routing_key).toBe(KEY);
});

it('what statuses mean', () => {
  const meanings = (...statuses: number[]) => [...new Set(statuses.map(classifyStatus))];
  expect(meanings(200, 202, 204, 299)).toEqual(['delivered']);
  expect(meanings(400, 401, 403, 404, 410, 413, 300, 301, 308)).toEqual(['refused']);
  expect(meanings(408, 425, 429, 500, 502, 503, 504, 0, 199)).toEqual(['later']);
});

it('secrets as text, and as the console writes them', () => {
  expect(
    [' k\n', '{"routing_key":" k\\n"}', '"k"', '{"a":"k","b":"l"}', '{"a":1}', 'null'].map(
      extractSecretValue,
    ),
  ).toEqual(['k', 'k', '"k"', '{"a":"k","b":"l"}', '{"a":1}', 'null']);
});

it('a secret is kept for five minutes', async () => {
  let [read, now] = [0, 1_000];
  vi.spyOn(Date, 'now').mockImplementation(() => now);
  const secrets = new SecretCache(async () => `key ${++read}`);
  const seen: (string | boolean)[][] = [];
  for (const ms of [0, 299_999, 1]) {
    now += ms;
    const { value, kept } = await secrets.get('arn');
    seen.push([value, kept]);
  }
  vi.mocked(Date.now).mockRestore();
  expect(seen).toEqual([
    ['key 1', false],
    ['key 1', true],
    ['key 2', false],
  ]);
});

it('settings go through the environment', () => {
  const { settings } = context('webhook');
  expect(readNotifySettings(buildNotifyEnvironment(settings))).toEqual(settings);
  expect(() => readNotifySettings({})).toThrow(/TRUEUP_NOTIFY is not set/);
});
