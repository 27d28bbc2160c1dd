/** Every call of AWS ends, whatever the network does: by the sources, and against a server that takes calls and is silent. */
import { readdirSync, readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { makeAwsOutbound } from '../lambda/deploy/deploy-outbound';
import { readSecret } from '../lambda/migrate/credentials';
import { makePageOutbound as pageOutbound } from '../lambda/page/page-outbound';
import { DataApiCalls } from '../lambda/postgres/data-api/calls';
import { openLogWriter } from '../lib/cli/remote/log-writer';
import { findMigrateFunction } from '../lib/cli/remote/migrate-function';

const realSetTimeout = setTimeout;
const ROOT = resolve(__dirname, '..');
const sources = ['lambda', 'lib', 'bin'].flatMap((folder) =>
  readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.ts'))
    .map((path) => join(folder, path)),
);
/** A client of the SDK; the command line has them from lib/cli/remote/aws.ts. */
const SDK = /'@aws-sdk\/client-|'\.\/aws\.js'/;
const MADE = /new (\w*Client|Lambda|CloudFormation|SecretsManager)\(/g;
const users = sources.filter((path) => SDK.test(read(path)) && read(path).search(MADE) >= 0);

function read(path: string): string {
  return readFileSync(join(ROOT, path), 'utf8');
}

test('only one place says how a call ends', () => {
  const others = sources.filter((path) => /requestTimeout:|throwOnRequestTimeout/.test(read(path)));
  expect(others).toEqual(['lambda/aws-timeouts.ts']);
});

test('every client is found', () => expect(users.length).toBeGreaterThanOrEqual(7));

test.each(users)('%s gives each of its clients a limit', (path) => {
  const text = read(path);
  const made = [...text.matchAll(MADE)];
  for (const { index } of made) {
    const settings = text.slice(index, text.indexOf('})', index) + 2);
    expect(settings).toContain('requestHandler: buildRequestTimeouts(');
  }
});

let server: Server;
beforeAll(async () => {
  // Loaded when it is needed, and that takes longer than what passes here.
  await import('@aws-sdk/client-secrets-manager');
  server = createServer(() => {}).unref();
  await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready));
  vi.stubEnv('AWS_ENDPOINT_URL', `http://127.0.0.1:${(server.address() as { port: number }).port}`);
  vi.stubEnv('AWS_REGION', 'us-east-1');
  vi.stubEnv('AWS_ACCESS_KEY_ID', 'AKIDEXAMPLE');
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY');
});
afterAll(() => {
  vi.unstubAllEnvs();
  server.close();
});

const dataApi = () =>
  new DataApiCalls({ clusterArn: 'arn:aws:rds:x', secretArn: 'arn:aws:x', database: 'd' }, 0);
const silent = 'arn:aws:cloudformation:us-east-1:111122223333:stack/s/1';

test.each<[string, () => Promise<unknown>]>([
  ['the Data API: a statement', () => dataApi().execute({ sql: 'SELECT 1' })],
  ['the Data API: a transaction', () => dataApi().begin()],
  ['deploy: the status', () => makeAwsOutbound(130_000).stackStatus(silent)],
  [
    'deploy: the events',
    async () => makeAwsOutbound(130_000).stackEvents(silent, 'x')[Symbol.asyncIterator]().next(),
  ],
  ['deploy: migrate', () => makeAwsOutbound(130_000).invokeMigrate('f', { action: 'status' })],
  ['migrate: the secret', () => readSecret('arn:aws:secretsmanager:us-east-1:111122223333:secret:x')],
  ['page: migrate', () => pageOutbound().invokeMigrate('f', { action: 'status' }, 60_000)],
  ['page: the alarms', () => pageOutbound().alarms(['a'])],
  [
    'page: the topic',
    () => pageOutbound().publish('arn:aws:sns:us-east-1:111122223333:t', { subject: 's', text: 't' }),
  ],
  ['--stack', () => findMigrateFunction('s', 'ask')],
  ['alarm-test', () => openLogWriter('s')],
])('a server that says nothing ends it: %s', async (_, call) => {
  // The limits are the real ones, and minutes long: time is made to pass.
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  try {
    let ended = false;
    const answer = call()
      .then(String, (error: Error) => `${error.name} ${error.message}`)
      .finally(() => {
        ended = true;
      });
    let seconds = 0;
    for (; !ended && seconds < 600; seconds += 5) {
      await vi.advanceTimersByTimeAsync(5_000);
      // The sockets are real, and take real time.
      for (let turn = 0; turn < 20 && !ended; turn++) await new Promise(setImmediate);
      if (!ended) await new Promise((resolve) => realSetTimeout(resolve, 5));
    }
    expect(ended, `still waiting after ${seconds} s`).toBe(true);
    await answer;
  } finally {
    vi.useRealTimers();
  }
});
