/** The real clients against an endpoint of ours: what pages of CloudWatch Logs, and answers of Lambda, can look like. */
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { makePageOutbound } from '../../lambda/page/page-outbound';

type Reply = {
  readonly status?: number;
  readonly body: unknown;
  readonly headers?: Record<string, string>;
  readonly delayMs?: number;
};
let replies: Reply[] = [];
const asked: { target: string; url: string; body: Record<string, unknown> }[] = [];
let server: Server;

async function bodyOf(request: IncomingMessage): Promise<Record<string, unknown>> {
  let text = '';
  for await (const chunk of request) text += chunk;
  return text.startsWith('{') ? JSON.parse(text) : {};
}

beforeAll(async () => {
  server = createServer(async (request, response) => {
    asked.push({
      target: String(request.headers['x-amz-target'] ?? ''),
      url: request.url ?? '',
      body: await bodyOf(request),
    });
    const { status = 200, body, headers = {}, delayMs = 0 } = replies.shift() ?? { status: 500, body: {} };
    setTimeout(() => {
      response.writeHead(status, { 'content-type': 'application/x-amz-json-1.1', ...headers });
      response.end(JSON.stringify(body));
    }, delayMs);
  });
  await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready));
  vi.stubEnv('AWS_ENDPOINT_URL', `http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  vi.stubEnv('AWS_REGION', 'eu-west-1');
  vi.stubEnv('AWS_ACCESS_KEY_ID', 'test');
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'test');
});
afterAll(() => {
  vi.unstubAllEnvs();
  server.closeAllConnections();
  server.close();
});
beforeEach(() => {
  asked.length = 0;
});

const SEARCH = { logGroup: '/aws/rds/instance/shop/postgresql', fromMs: 1, toMs: 9, pattern: '?"ERROR:  "' };

describe('searching a log group', () => {
  it('goes through empty pages to the last', async () => {
    const event = (message: string) => ({ message, timestamp: 2, ingestionTime: 3, logStreamName: 's' });
    replies = [
      { body: { events: [], nextToken: 'a' } },
      { body: { events: [event('one')], nextToken: 'b' } },
      { body: { nextToken: 'c' } },
      { body: { events: [event('two')] } },
    ];
    const found: unknown[] = [];
    for await (const page of makePageOutbound().searchLogs(SEARCH)) found.push(...page);
    const common = { timestampMs: 2, ingestedMs: 3, stream: 's', logGroup: SEARCH.logGroup };
    expect(found).toEqual([
      { message: 'one', ...common },
      { message: 'two', ...common },
    ]);
    expect(asked.map(({ target }) => target)).toEqual(Array(4).fill('Logs_20140328.FilterLogEvents'));
    expect(asked.map(({ body }) => body.nextToken)).toEqual([undefined, 'a', 'b', 'c']);
    expect(asked[0]!.body).toEqual({
      logGroupName: SEARCH.logGroup,
      startTime: 1,
      endTime: 9,
      filterPattern: SEARCH.pattern,
    });
  });

  it('is throttled, and goes on', async () => {
    replies = [
      { status: 400, body: { __type: 'ThrottlingException', message: 'Rate exceeded' } },
      { body: { events: [] } },
    ];
    for await (const page of makePageOutbound().searchLogs(SEARCH)) expect(page).toEqual([]);
    expect(asked).toHaveLength(2);
  });

  it('of a group that is gone finds nothing, and what is refused is an error', async () => {
    replies = [{ status: 400, body: { __type: 'ResourceNotFoundException', message: 'gone' } }];
    for await (const _page of makePageOutbound().searchLogs(SEARCH)) expect.unreachable();
    replies = [{ status: 400, body: { __type: 'AccessDeniedException', message: 'no' } }];
    await expect(makePageOutbound().searchLogs(SEARCH)[Symbol.asyncIterator]().next()).rejects.toThrow();
  });
});

it('alarms that may not be looked at: the name that the pager takes for a refusal', async () => {
  for (const code of ['AccessDenied', 'AccessDeniedException']) {
    replies = [{ status: 403, body: { __type: code, message: 'not authorized' } }];
    await expect(makePageOutbound().alarms(['Shop-not-null'])).rejects.toThrow(
      expect.objectContaining({ name: expect.stringMatching(/^AccessDenied/) }),
    );
  }
});

describe('asking alarms', () => {
  const reply = (names: readonly string[], NextToken?: string): Reply => ({
    body: {
      MetricAlarms: names.map((AlarmName) => ({ AlarmName, StateValue: 'OK', StateUpdatedTimestamp: 1 })),
      ...(NextToken === undefined ? {} : { NextToken }),
    },
  });
  it('asks for a hundred names at a time', async () => {
    const names = [...Array(220).keys()].map((n) => `Shop-workload-${n}`);
    replies = [0, 100, 200].map((from) => reply(names.slice(from, from + 100)));
    const found = await makePageOutbound().alarms(names);
    expect(found.map(({ name }) => name)).toEqual(names);
    expect(asked).toHaveLength(3);
  });
  it('goes through all pages of a prefix', async () => {
    replies = [reply(['a'], 'next'), reply([], 'last'), reply(['b'])];
    const found = await makePageOutbound().alarms({ beginningWith: 'Shop-' });
    expect(found.map(({ name }) => name)).toEqual(['a', 'b']);
  });
});

describe('asking migrate', () => {
  const ask = (timeoutMs = 2_000) =>
    makePageOutbound().invokeMigrate('shop-migrate', { action: 'diagnose', questions: [] }, timeoutMs);
  it('gives its answer', async () => {
    replies = [{ body: { action: 'diagnose', diagnoses: [] } }];
    expect(await ask()).toEqual({ kind: 'answered', response: { action: 'diagnose', diagnoses: [] } });
    expect(asked[0]!.url).toMatch(/shop-migrate\/invocations$/);
    expect(asked[0]!.body).toEqual({ action: 'diagnose', questions: [] });
  });
  it('a function that died, without its words', async () => {
    replies = [{ body: { errorMessage: 'CANARY' }, headers: { 'x-amz-function-error': 'Unhandled' } }];
    expect(await ask()).toEqual({ kind: 'died', message: 'an error' });
  });
  it('is asked once, and not waited for too long', async () => {
    // Had it waited, there would have been an answer.
    replies = [{ body: {}, delayMs: 3_000 }];
    expect(await ask(300)).toMatchObject({ kind: 'silent' });
    expect(asked).toHaveLength(1);
  });
});
