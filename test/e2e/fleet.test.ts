/**
 * A fleet's life through the real command line: databases and schemas of one server, brought up by a run of Step Functions.
 * Each test goes on from where the one before it left the stack.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { reason, testApp } from './support/cdk';
import { type File, histories, migrationFolder } from './support/migrations';
import { type Rds, startRds } from './support/rds';
import { available, cdk, logEvents, physicalId, stackEvents, stackStatus, trueup } from './support/scenario';
import type { Finished } from './support/supervised';

const NAME = 'fleet';
const STACK = `${NAME}-service`;
const SERVER = `${NAME}-server`;
const DATABASES = ['tenant_a', 'tenant_b', 'tenant_c'];
const SCHEMAS = ['shop_x', 'shop_y'];
const app = testApp('fleet');

const ORDERS: File = {
  up: 'CREATE TABLE orders (id uuid PRIMARY KEY, note text);',
  holds: `to_regclass('orders') IS NOT NULL`,
};
const TOTAL: File = {
  up: 'ALTER TABLE orders ADD COLUMN total numeric;',
  holds: `EXISTS (SELECT FROM pg_attribute WHERE attrelid = to_regclass('orders') AND attname = 'total')`,
};
const SIZE: File = {
  up: 'ALTER TABLE orders ADD COLUMN size int;',
  holds: `EXISTS (SELECT FROM pg_attribute WHERE attrelid = to_regclass('orders') AND attname = 'size')`,
  down: 'ALTER TABLE orders DROP COLUMN size;',
};
const NOTE: File = {
  up: `ALTER TABLE orders ALTER COLUMN note SET DEFAULT '';`,
  holds: `EXISTS (SELECT FROM pg_attrdef WHERE adrelid = 'orders'::regclass)`,
  down: 'ALTER TABLE orders ALTER COLUMN note DROP DEFAULT;',
};
const FIRST = { '0001_orders': ORDERS };
const SECOND = { ...FIRST, '0002_note': NOTE };
const THIRD = { ...SECOND, '0003_total': TOTAL };

describe.runIf(available())('a fleet, from its first deployment to its end', () => {
  let rds: Rds;

  const deploy = (files: Record<string, File>, context: Record<string, string> = {}): Promise<Finished> =>
    cdk().deploy([STACK], {
      app,
      context: { name: NAME, folder: migrationFolder(files), ...context },
      flags: ['--exclusively'],
    });
  const historyOf = (tenant: string): Promise<Record<string, string[]>> =>
    tenant.startsWith('shop_') ? histories(rds, 'app', `${NAME}/${tenant}`) : histories(rds, tenant, NAME);
  const everywhere = async (tenants = [...DATABASES, ...SCHEMAS]) =>
    Object.fromEntries(
      await Promise.all(tenants.map(async (each) => [each, await historyOf(each)] as const)),
    );

  async function failure(): Promise<string> {
    const failed = (await stackEvents(STACK)).filter(
      (event) =>
        event.ResourceType === 'Custom::TrueupFleet' && event.ResourceStatus?.endsWith('_FAILED') === true,
    );
    return failed.at(-1)?.ResourceStatusReason ?? '';
  }

  async function reported() {
    const group = await physicalId(STACK, 'AWS::Logs::LogGroup');
    const ends = (await logEvents(group)).filter((each) => each.event === 'deployment');
    return ends.at(-1) as { outcome: string; reason?: string; direction?: string };
  }

  beforeAll(async () => {
    rds = await startRds(SERVER);
    const made = await cdk().deploy([SERVER], {
      app,
      context: { name: NAME, folder: migrationFolder(FIRST) },
    });
    expect(made.exitCode, reason(made)).toBe(0);
    for (const name of DATABASES) await rds.run('app', `CREATE DATABASE ${name} OWNER postgres`);
    for (const name of SCHEMAS) await rds.run('app', `CREATE SCHEMA ${name} AUTHORIZATION postgres`);
  });

  afterAll(async () => {
    await rds?.stop();
  });

  test('create: every tenant once', async () => {
    const created = await deploy(FIRST);
    expect(created.exitCode, reason(created)).toBe(0);
    expect(created.output).toMatch(/Tenants\S* = 5 tenants: 5 at version/);
    for (const history of Object.values(await everywhere()))
      expect(history).toEqual({ '0001_orders': ['applied'] });
  });

  test('update: a tenant that was made since is there too', async () => {
    await rds.run('app', 'CREATE DATABASE tenant_d OWNER postgres');
    const updated = await deploy(SECOND);
    expect(updated.exitCode, reason(updated)).toBe(0);
    for (const history of Object.values(await everywhere([...DATABASES, 'tenant_d', ...SCHEMAS])))
      expect(history).toEqual({ '0001_orders': ['applied'], '0002_note': ['applied'] });
  });

  test('a bad tenant: the wave ends, no later one begins, and what was done is undone', async () => {
    await rds.run('tenant_b', 'ALTER TABLE orders ADD COLUMN total int');
    const failed = await deploy(THIRD);
    expect(failed.exitCode, reason(failed)).toBe(1);
    expect(await stackStatus(STACK)).toBe('UPDATE_ROLLBACK_COMPLETE');
    expect(await failure()).toMatch(/tenant_b on main \(failed\): 0003_total.*already exists/);
    expect(await reported()).toMatchObject({ direction: 'rollback', outcome: 'done' });
    const after = await everywhere([...DATABASES, 'tenant_d', ...SCHEMAS]);
    expect(after.tenant_b).not.toHaveProperty('0003_total');
    for (const history of Object.values(after)) expect(history['0002_note']).toEqual(['applied']);
  });

  test('tolerated: all others are at version, and the answer names the one', async () => {
    const tolerated = await deploy(THIRD, { tolerated: '1' });
    expect(tolerated.exitCode, reason(tolerated)).toBe(0);
    expect(tolerated.output).toMatch(/Failed\S* = tenant_b on main/);
    const { tenant_b: bad, ...others } = await everywhere([...DATABASES, 'tenant_d', ...SCHEMAS]);
    expect(bad).not.toHaveProperty('0003_total');
    for (const history of Object.values(others)) expect(history['0003_total']!.at(-1)).toBe('applied');
  });

  test('the command line: where all tenants are, and one that was repaired is brought up', async () => {
    const status = await trueup('status', '--stack', STACK, '--fleet', '--json', '--exit-code');
    expect(JSON.parse(status.output)).toMatchObject({ targets: 6, states: { 'at version': 5, behind: 1 } });
    expect(status.exitCode).toBe(3);

    await rds.run('tenant_b', 'ALTER TABLE orders DROP COLUMN total');
    const up = await trueup('up', '--stack', STACK, '--target', 'tenant_b', '--quiet');
    expect(up.output).toBe('1 tenant: 1 at version.\n');
    expect(up.exitCode).toBe(0);
    expect((await historyOf('tenant_b'))['0003_total']).toEqual(['applied']);

    const wrong = await trueup('up', '--stack', STACK, '--target', 'nobody');
    expect(wrong.output).toContain('nobody is not in the list of 6 targets');
    expect(wrong.exitCode).toBe(2);
  });

  test('a service that does not come up: the tenants had succeeded, so they stay, and the answer says so', async () => {
    const failed = await deploy({ ...THIRD, '0004_size': SIZE }, { service: 'fails' });
    expect(failed.exitCode, reason(failed)).toBe(1);
    expect(await stackStatus(STACK)).toBe('UPDATE_ROLLBACK_COMPLETE');
    expect(await reported()).toMatchObject({ direction: 'rollback', outcome: 'done', keptCount: 6 });
    for (const history of Object.values(await everywhere()))
      expect(history['0004_size']).toEqual(['applied']);
  });

  test('destroy: the stack is gone, the tenants stay', async () => {
    const destroyed = await cdk().destroy([STACK], {
      app,
      context: { name: NAME, folder: migrationFolder(THIRD) },
    });
    expect(destroyed.exitCode, reason(destroyed)).toBe(0);
    expect(await stackStatus(STACK)).not.toBe('DELETE_FAILED');
    expect((await historyOf('tenant_a'))['0001_orders']).toEqual(['applied']);
  });
});
