/** `--stack`: the real program invokes the deployed function of a stack that the conductor plays. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { DEFAULT, INDEXED, TABLE } from '../local/conductor/files';
import { Rig, type Scenario } from '../support/conductor';
import { type Ran, trueup } from './trueup';

let rig: Rig;
let shop: Scenario;
beforeAll(async () => {
  rig = await Rig.start();
  shop = await rig.scenario('shop');
  await shop.stack.create(await shop.version(INDEXED));
});
afterAll(() => rig?.close());

const ask = (...args: string[]): Promise<Ran> =>
  trueup(args, {
    env: {
      AWS_ENDPOINT_URL: rig.conductor.endpoint,
      AWS_REGION: 'us-east-1',
      AWS_ACCESS_KEY_ID: 'test',
      AWS_SECRET_ACCESS_KEY: 'test',
    },
  });

test('status, plan and verify of what is deployed', async () => {
  const status = await ask('status', '--stack', 'shop');
  expect(status).toMatchObject({ code: 0, stderr: expect.not.stringContaining('error') });
  expect(status.stdout).toMatch(/^stack shop, PostgreSQL 18/);
  expect(status.stdout).toContain('3 applied, 0 waiting; at 0003_customer_index.');
  expect((await ask('plan', '--stack', 'shop')).stdout).toContain('stack shop: nothing to do.');
  expect((await ask('verify', '--stack', 'shop')).stdout).toContain('3 migrations proved, none drifted.');
  const json = JSON.parse((await ask('status', '--stack', 'shop', '--json')).stdout);
  expect(json).toMatchObject({ namespace: 'app', position: '0003_customer_index' });
});

test('down by name, and verify finds what was done by hand', async () => {
  const down = await ask('down', '0003_customer_index', '--stack', 'shop');
  expect(down).toMatchObject({ code: 0 });
  expect(down.stdout).toContain('0003_customer_index is undone; at 0002_customer_default.');
  await shop.client.query('ALTER TABLE orders ALTER customer DROP DEFAULT');
  const verify = await ask('verify', '--stack', 'shop');
  expect(verify.stdout).toContain('drifted  0002_customer_default');
  expect(verify.code).toBeGreaterThan(0);
});

test('baseline of a database that existed before', async () => {
  const old = await rig.scenario('old');
  await old.client.query('CREATE TABLE orders (id bigint PRIMARY KEY, customer text NOT NULL)');
  // Deployed without having run: the code is there, and the resource is not.
  await old.stack.create({ ...(await old.version(TABLE)), schema: null });
  const baseline = await ask('baseline', '0001_orders', '--stack', 'old');
  expect(baseline).toMatchObject({
    code: 0,
    stdout: expect.stringContaining('1 migration marked as applied'),
  });
  const unknown = await ask('baseline', '0007_nothing', '--stack', 'old');
  expect(unknown.stderr).toContain('there is no migration 0007_nothing');
  expect(await old.stack.update(await old.version(DEFAULT))).toBe('UPDATE_COMPLETE');
  expect(old.stack.attributes).toMatchObject({ Applied: '0002_customer_default' });
});

test('what can be wrong is said in one sentence', async () => {
  const nothing = await ask('status', '--stack', 'nothing');
  expect(nothing.stderr).toContain('the stack nothing cannot be read');
  expect((await ask('status', '--stack', 'shop', '--database-url', 'postgres://x')).stderr).toContain(
    '--stack goes neither with --database-url nor with --owner-role',
  );
  rig.conductor.functions.fault = (name) =>
    name === 'shop-migrate' ? { kind: 'kill', afterMs: 0 } : undefined;
  const died = await ask('status', '--stack', 'shop');
  rig.conductor.functions.fault = () => undefined;
  expect(died.stderr).toContain('the function shop-migrate died (Runtime.ExitError)');
  expect(died.stderr).toContain('LogCommand');
  expect(died.code).toBeGreaterThan(0);
});
