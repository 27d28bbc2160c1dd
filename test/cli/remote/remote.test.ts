/** `--stack`: the real program invokes the deployed function of a stack that the conductor plays. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { BROKEN, DEFAULT, INDEXED, TABLE } from '../../deployment/files';
import { Rig, type Scenario } from '../../support/conductor';
import { type Ran, trueup } from '../trueup';

let rig: Rig;
let shop: Scenario;
beforeAll(async () => {
  rig = await Rig.start();
  shop = await rig.scenario('shop');
  await shop.stack.create(await shop.version(INDEXED));
});
afterAll(() => rig?.close());

const environment = () => ({
  AWS_ENDPOINT_URL: rig.conductor.endpoint,
  AWS_REGION: 'us-east-1',
  AWS_ACCESS_KEY_ID: 'test',
  AWS_SECRET_ACCESS_KEY: 'test',
});
const ask = (...args: string[]): Promise<Ran> => trueup(args, { env: environment() });

test('status, plan and verify of what is deployed', async () => {
  const status = await ask('status', '--stack', 'shop');
  expect(status).toMatchObject({ code: 0, stderr: expect.not.stringContaining('error') });
  expect(status.stdout).toMatch(/^stack shop, PostgreSQL 18/);
  expect(status.stdout).toContain('3 applied, 0 pending; at 0003_customer_index.');
  expect((await ask('plan', '--stack', 'shop')).stdout).toContain('stack shop: nothing to do.');
  expect((await ask('verify', '--stack', 'shop')).stdout).toContain('3 migrations verified, none drifted.');
  const json = JSON.parse((await ask('status', '--stack', 'shop', '--json')).stdout);
  expect(json).toMatchObject({ namespace: 'app', position: '0003_customer_index' });
});

/** Names of the functions that were invoked while `work` ran. */
async function invokedBy(work: () => Promise<unknown>): Promise<string[]> {
  const invoked = new Set<string>();
  rig.conductor.functions.fault = (name) => void invoked.add(name);
  await work();
  rig.conductor.functions.fault = () => undefined;
  return [...invoked];
}

test('who only asks never reaches the function that changes, and the other way round', async () => {
  for (const command of ['status', 'plan', 'verify']) {
    expect(await invokedBy(() => ask(command, '--stack', 'shop'))).toEqual(['shop-ask']);
  }
  const log = join(rig.folder, 'server.log');
  writeFileSync(
    log,
    '2026-11-22 10:00:00 UTC:10.0.0.1(1):app@shop:[7]:ERROR:  null value in column "customer" of relation "orders" violates not-null constraint\n',
  );
  expect(await invokedBy(() => ask('explain', log, '--stack', 'shop'))).toEqual(['shop-ask']);
  expect(await invokedBy(() => ask('baseline', '0001_orders', '--stack', 'shop'))).toEqual(['shop-migrate']);
});

test('a stack of an older version has one function, which is asked with a word', async () => {
  const old = await rig.scenario('older');
  const { code, schema } = await old.version(INDEXED);
  await old.stack.create({ code: { ...code!, ask: undefined }, schema });
  let status: Ran | undefined;
  expect(await invokedBy(async () => (status = await ask('status', '--stack', 'older')))).toEqual([
    'older-migrate',
  ]);
  expect(status).toMatchObject({
    code: 0,
    stdout: expect.stringContaining('3 applied, 0 pending'),
    stderr: expect.stringContaining('note: older was deployed by an older version of Trueup'),
  });
  expect((await ask('status', '--stack', 'older', '--json')).stdout).toMatch(/^\{/);
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
  const status = (await ask('status', '--stack', 'old')).stdout;
  expect(status).toMatch(/applied +0001_orders .* recorded by a baseline; never run$/m);
  const unknown = await ask('baseline', '0007_nothing', '--stack', 'old');
  expect(unknown.stderr).toContain('there is no migration 0007_nothing');
  expect(await old.stack.update(await old.version(DEFAULT))).toBe('UPDATE_COMPLETE');
  expect(old.stack.attributes).toMatchObject({ Applied: '0002_customer_default' });
});

test('of a deployment whose end nobody recorded: which it was, and what to do', async () => {
  const s = await rig.scenario('cut');
  await s.stack.create(await s.version(TABLE));
  const { rows } = await s.client.query(
    "UPDATE trueup.deployments SET outcome = 'interrupted', result = NULL RETURNING id",
  );
  const { stdout } = await ask('status', '--stack', 'cut');
  expect(stdout).toMatch(
    new RegExp(
      `^The deployment of 20.* UTC, request ${rows[0].id}, began, but its end is not recorded: .* The events of cut .* Deploy again: `,
      'm',
    ),
  );
  await s.client.query(
    "UPDATE trueup.deployments SET outcome = 'running', finished_at = NULL; UPDATE trueup.events SET at = clock_timestamp()",
  );
  const open = (await ask('status', '--stack', 'cut')).stdout;
  expect(open).toContain(`nobody will record its end (request ${rows[0].id}): deploy again.`);
});

test('what a rollback undid and kept, and how to go on', async () => {
  const s = await rig.scenario('rolled');
  await s.stack.create(await s.version(TABLE));
  const files = BROKEN({
    ...DEFAULT,
    '0004_note': `-- migrate:up
ALTER TABLE orders ADD note text;
-- migrate:verify
SELECT * FROM trueup.has_column('orders', 'note');
-- migrate:down
ALTER TABLE orders DROP COLUMN note;
`,
  });
  expect(await s.stack.update(await s.version(files))).toBe('UPDATE_ROLLBACK_COMPLETE');
  const { stdout } = await ask('status', '--stack', 'rolled');
  expect(stdout).toMatch(/^Undone by the last rollback, 20\d\d-.* UTC: 0002_customer_default\.$/m);
  expect(stdout).toMatch(
    /^Kept by the last rollback, .* UTC: 0004_note: its down section runs only when a person names it: trueup down 0004_note\.$/m,
  );
  expect(stdout).toMatch(/^ *applied +0004_note .* no file in this version$/m);
  expect(stdout).not.toContain('missing');
  const failed = /^The last deployment, 20\d\d-.* UTC, failed: 0009_broken, line \d+: .+ \[SQLSTATE TU001\]/m;
  expect(stdout).toMatch(failed);
  const colored = await trueup(['status', '--stack', 'rolled'], {
    env: { ...environment(), FORCE_COLOR: '1' },
  });
  expect(colored.stdout).toContain('\u001b[32m');
  expect(colored.stdout).not.toContain('\u001b[31m');
  const down = await ask('down', '0004_note', '--stack', 'rolled');
  expect(down.stdout).toContain('or with another forceRunToken');
  // What came after by hand does not hide it.
  const afterDown = (await ask('status', '--stack', 'rolled')).stdout;
  expect(afterDown).toContain('Undone by the last rollback');
  expect(afterDown).toMatch(failed);
  expect(await s.stack.update(await s.version(DEFAULT))).toBe('UPDATE_COMPLETE');
  expect((await ask('status', '--stack', 'rolled')).stdout).not.toMatch(/rollback|failed/);
  const marked = await ask('baseline', '0001_orders', '--stack', 'rolled');
  expect(marked).toMatchObject({
    code: 0,
    stdout: expect.stringContaining('nothing to mark: 0001_orders is already recorded'),
  });
});

test('what can be wrong is said in one sentence', async () => {
  const nothing = await ask('status', '--stack', 'nothing');
  expect(nothing.stderr).toContain('the stack nothing cannot be read');
  expect((await ask('status', '--stack', 'shop', '--database-url', 'postgres://x')).stderr).toContain(
    '--stack cannot be combined with --database-url or --owner-role',
  );
  rig.conductor.functions.fault = (name) => (name === 'shop-ask' ? { kind: 'kill', afterMs: 0 } : undefined);
  const died = await ask('status', '--stack', 'shop');
  rig.conductor.functions.fault = () => undefined;
  expect(died.stderr).toContain('the function shop-ask crashed (Runtime.ExitError: Runtime exited');
  expect(died.stderr).toContain('LogCommand');
  expect(died.code).toBeGreaterThan(0);
});
