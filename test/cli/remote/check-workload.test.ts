/** `trueup check-workload --stack`: the deployed function plans what the ledger keeps, or what a file holds. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { splitIntoParts } from '../../../lib/cli/remote/check-workload';
import { INDEXED } from '../../deployment/files';
import { compileTexts, Rig, type Scenario } from '../../support/conductor';
import { promising } from '../../support/manifest';
import { type Ran, trueup } from '../trueup';

let rig: Rig;
let shop: Scenario;
const READ = 'SELECT id FROM orders WHERE customer = $1';
const UPSERT = 'INSERT INTO orders (id, customer) VALUES ($1, $2) ON CONFLICT (id) DO NOTHING';

beforeAll(async () => {
  rig = await Rig.start();
  shop = await rig.scenario('shop');
  const codeManifest = promising(
    await compileTexts(INDEXED),
    { text: READ, role: 'app', calls: 7 },
    { text: READ, role: 'report', calls: 2 },
    { text: UPSERT, role: 'app', calls: 90, searchPath: 'public' },
  );
  await shop.stack.create(
    await shop.version(INDEXED, { codeManifest, properties: { Workload: codeManifest.workload!.hash } }),
  );
});
afterAll(() => rig?.close());

const ask = (...args: string[]): Promise<Ran> =>
  trueup(['check-workload', ...args], {
    env: {
      AWS_ENDPOINT_URL: rig.conductor.endpoint,
      AWS_REGION: 'us-east-1',
      AWS_ACCESS_KEY_ID: 'test',
      AWS_SECRET_ACCESS_KEY: 'test',
    },
  });
const workload = (name: string, text: string): string => {
  const file = join(rig.folder, name);
  writeFileSync(file, text);
  return file;
};

test('what the running application promises, by the function that only reads', async () => {
  const invoked = new Set<string>();
  rig.conductor.functions.fault = (name) => void invoked.add(name);
  expect(await ask('--stack', 'shop')).toEqual({
    code: 0,
    stdout: 'stack shop: 2 statements, 2 plan, none broken, none undecided.\n',
    stderr: expect.not.stringContaining('error'),
  });
  rig.conductor.functions.fault = () => undefined;
  expect([...invoked]).toEqual(['shop-ask']);
});

test('what fails is said with calls, cause and repair, and the exit code is that of drift', async () => {
  await shop.client.query('ALTER TABLE orders DROP CONSTRAINT orders_pkey');
  const ran = await ask('--stack', 'shop');
  expect(ran.stdout).toMatch(/^fails {2}42P10 {2}90 calls, sent by app\n/);
  expect(ran.stdout).toMatch(/CREATE UNIQUE INDEX .* ON public\.orders \(id\);/);
  expect(ran.stdout).toMatch(/^stack shop: 2 statements, 1 plans, 1 broken, none undecided\.$/m);
  expect(ran.code).toBe(4);
  const remote = JSON.parse((await ask('--stack', 'shop', '--json')).stdout);
  // The same as over a connection.
  const file = workload(
    'same.sql',
    `-- role app; calls 7\n-- role report; calls 2\n${READ};\n-- role app; calls 90; search_path public\n${UPSERT};`,
  );
  const url = rig.server.url(shop.database);
  const local = JSON.parse(
    (
      await ask(
        ...[
          '--json',
          '--database-url',
          url,
          '--ssl-mode',
          'verify-full',
          '--ssl-root-cert',
          workload('ca.pem', rig.certificates.ca),
        ],
        ...['--workload', file],
      )
    ).stdout,
  );
  expect(remote).toEqual(local);
  expect(JSON.parse((await ask('--json', '--stack', 'shop', '--workload', file)).stdout)).toEqual(local);
});

test('a file of statements, more than one invocation takes', async () => {
  const long = (i: number) => `SELECT id AS c${i}, '${'x'.repeat(10)}' AS ${'y'.repeat(60)} FROM orders;`;
  const file = workload('many.sql', Array.from({ length: 1_200 }, (_, i) => long(i)).join('\n'));
  let invoked = 0;
  rig.conductor.functions.fault = () => void invoked++;
  const ran = await ask('--stack', 'shop', '--workload', file);
  rig.conductor.functions.fault = () => undefined;
  expect(ran).toMatchObject({ code: 0, stdout: expect.stringContaining('1200 statements, 1200 plan') });
  expect(invoked).toBe(2);
});

test('parts are small enough, and none is empty', () => {
  const statement = (length: number) => ({
    text: 'x'.repeat(length),
    role: null,
    searchPath: null,
    calls: null,
  });
  expect(splitIntoParts([])).toEqual([]);
  const parts = splitIntoParts([600_000, 600_000, 2, 1_048_576, 1].map(statement));
  expect(parts.map((part) => part.map(({ text }) => text.length))).toEqual([
    [600_000],
    [600_000, 2],
    [1_048_576],
    [1],
  ]);
});

test('nothing is promised; wrong options; a function that dies', async () => {
  const none = await rig.scenario('none');
  await none.stack.create(await none.version(INDEXED));
  expect(await ask('--stack', 'none')).toMatchObject({
    code: 1,
    stdout: expect.stringContaining('nothing was checked'),
    stderr: expect.stringContaining('No deployment with a workload has succeeded'),
  });
  expect(await ask('--stack', 'shop', '--database-url', 'postgres://x')).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('--stack cannot be combined with --database-url'),
  });
  expect(await ask('--database-url', 'postgres://x', '--namespace', 'app')).toMatchObject({ code: 2 });
  rig.conductor.functions.fault = (name) => (name === 'shop-ask' ? { kind: 'kill', afterMs: 0 } : undefined);
  const died = await ask('--stack', 'shop');
  rig.conductor.functions.fault = () => undefined;
  expect(died.stderr).toContain('the function shop-ask crashed');
});
