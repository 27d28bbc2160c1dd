/**
 * One stack's life through the real command line, on an RDS instance with the attached secret and verified TLS. Each
 * test goes on from where the one before it left the stack.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { compileFolder } from '../../lib/compiler';
import { dumpCatalog } from '../support/dump-catalog';
import { reason, testApp } from './support/cdk';
import { deployments, type File, histories, migrationFolder } from './support/migrations';
import { type Rds, startRds } from './support/rds';
import { available, cdk, logEvents, physicalId, stackEvents, stackStatus } from './support/scenario';
import type { Finished } from './support/supervised';

const NAME = 'orders';
const STACK = `${NAME}-service`;
const SERVER = `${NAME}-server`;
const DATABASE = 'app';
const app = testApp('schema');

const ORDERS: File = {
  up: `CREATE TABLE orders (id uuid PRIMARY KEY, status text, note text);
CREATE TABLE lines (order_id uuid, amount int);`,
  holds: `to_regclass('orders') IS NOT NULL`,
};
const STATUS: File = {
  up: `ALTER TABLE orders ALTER COLUMN status SET DEFAULT 'new';`,
  holds: `EXISTS (SELECT FROM pg_attrdef WHERE adrelid = 'orders'::regclass)`,
  down: 'ALTER TABLE orders ALTER COLUMN status DROP DEFAULT;',
};
const label = (text: string): File => ({
  up: `CREATE OR REPLACE FUNCTION label() RETURNS text LANGUAGE sql AS $$ SELECT '${text}' $$;`,
  holds: `EXISTS (SELECT FROM pg_proc WHERE proname = 'label' AND prosrc LIKE '%${text}%')`,
});
const NOTE: File = {
  up: `ALTER TABLE orders ALTER COLUMN note SET DEFAULT '';`,
  holds: `(SELECT count(*) FROM pg_attrdef WHERE adrelid = 'orders'::regclass) = 2`,
  down: 'ALTER TABLE orders ALTER COLUMN note DROP DEFAULT;',
};
const INDEX: File = {
  up: 'CREATE INDEX CONCURRENTLY orders_status ON orders (status);',
  holds: `EXISTS (SELECT FROM pg_index WHERE indexrelid = to_regclass('orders_status') AND indisvalid)`,
  down: 'DROP INDEX CONCURRENTLY orders_status;',
};
const LINKS: File = {
  up: 'ALTER TABLE lines ADD CONSTRAINT lines_order FOREIGN KEY (order_id) REFERENCES orders (id) NOT VALID;',
  holds: `EXISTS (SELECT FROM pg_constraint WHERE conname = 'lines_order')`,
  down: 'ALTER TABLE lines DROP CONSTRAINT lines_order;',
};
const AMOUNT: File = {
  up: 'ALTER TABLE lines ALTER COLUMN amount SET DEFAULT 1;',
  holds: `EXISTS (SELECT FROM pg_attrdef WHERE adrelid = 'lines'::regclass)`,
  down: 'ALTER TABLE lines ALTER COLUMN amount DROP DEFAULT;',
};
const COMMENTED: File = {
  up: `COMMENT ON TABLE orders IS 'of the shop';`,
  holds: `obj_description('orders'::regclass) = 'of the shop'`,
  down: 'COMMENT ON TABLE orders IS NULL;',
};
/** Runs after all others, and its verify never holds. */
const BROKEN: File = {
  up: 'CREATE OR REPLACE FUNCTION zz_broken() RETURNS int LANGUAGE sql AS $$ SELECT 1 $$;',
  holds: 'false',
};

const FIRST = { '0001_orders': ORDERS, R__label: label('one') };
const SECOND = { ...FIRST, '0002_status': STATUS };
const THIRD = { ...SECOND, '0003_note': NOTE, '0004_index': INDEX, '0005_links': LINKS };
const FOURTH = { ...THIRD, '0006_amount': AMOUNT };
const FIFTH = { ...FOURTH, '0007_comment': COMMENTED };

describe.runIf(available())('a stack, from its first deployment to its end', () => {
  let rds: Rds;
  let assembly: string;

  const deploy = (files: Record<string, File>, flags: string[] = [], service = '1'): Promise<Finished> =>
    cdk().deploy([STACK], {
      app,
      context: { name: NAME, folder: migrationFolder(files), service },
      flags: ['--exclusively', ...flags],
    });
  const catalog = () => dumpCatalog(rds.adminUrl(DATABASE));
  const history = () => histories(rds, DATABASE, NAME);
  const lastDeployment = async () => (await deployments(rds, DATABASE, NAME)).at(-1)!;
  const hashOf = async (files: Record<string, File>) => (await compileFolder(migrationFolder(files))).hash;

  /** The last line that says how a request ended. */
  async function reported() {
    const group = await physicalId(STACK, 'AWS::Logs::LogGroup');
    const ends = (await logEvents(group)).filter((each) => each.event === 'deployment-ended');
    return ends.at(-1) as { outcome: string; keptCount?: number; reason?: string; direction?: string };
  }

  /** What CloudFormation's events say of our own resource's last failure. */
  async function failure(): Promise<string> {
    const failed = (await stackEvents(STACK)).filter(
      (event) =>
        event.ResourceType === 'Custom::TrueupSchema' && event.ResourceStatus?.endsWith('_FAILED') === true,
    );
    return failed.at(-1)?.ResourceStatusReason ?? '';
  }

  /** Deploys while a lock on `lines` stops it at the first migration that needs that table. */
  async function deployAndStopAtLines(
    files: Record<string, File>,
    before: string,
    meanwhile: () => Promise<void>,
  ): Promise<Finished> {
    const times = (await history())[before]?.length ?? 0;
    const holder = new Client({ connectionString: rds.adminUrl(DATABASE) });
    holder.on('error', () => {});
    await holder.connect();
    await holder.query('BEGIN; LOCK TABLE lines IN ACCESS EXCLUSIVE MODE');
    try {
      const running = deploy(files);
      for (
        const end = Date.now() + 60_000;
        ((await history())[before]?.length ?? 0) === times;
        await sleep(100)
      ) {
        if (Date.now() > end) throw new Error(`${before} was not applied: ${(await running).output}`);
      }
      await meanwhile();
      await holder.query('ROLLBACK').catch(() => {});
      return await running;
    } finally {
      await holder.end().catch(() => {});
    }
  }

  beforeAll(async () => {
    rds = await startRds(SERVER);
    const made = await cdk().deploy([SERVER], {
      app,
      context: { name: NAME, folder: migrationFolder(FIRST) },
    });
    assembly = made.assembly;
    expect(made.exitCode, reason(made)).toBe(0);
  });

  afterAll(async () => {
    await rds?.stop();
  });

  test('create', async () => {
    const created = await deploy(FIRST);
    expect(created.exitCode, reason(created)).toBe(0);
    expect(created.output).toMatch(/Position\S* = 0001_orders/);
    expect(await history()).toEqual({ '0001_orders': ['applied'], R__label: ['applied'] });
  });

  test('no change: nothing is invoked', async () => {
    const before = (await deployments(rds, DATABASE, NAME)).length;
    const again = await deploy(FIRST);
    expect(again.exitCode, reason(again)).toBe(0);
    expect(again.output).toContain('no changes');
    expect(await deployments(rds, DATABASE, NAME)).toHaveLength(before);
  });

  test('update', async () => {
    const updated = await deploy(SECOND);
    expect(updated.exitCode, reason(updated)).toBe(0);
    expect(updated.output).toMatch(/Applied\S* = 0002_status/);
    expect(await history()).toMatchObject({ '0001_orders': ['applied'], '0002_status': ['applied'] });
  });

  test('a migration fails: the old bundle takes back what the deployment did, and the catalog is as it was', async () => {
    const before = await catalog();
    const failed = await deploy({ ...THIRD, R__label: label('two'), R__zz_broken: BROKEN });
    expect(failed.exitCode, reason(failed)).toBe(1);
    expect(await stackStatus(STACK)).toBe('UPDATE_ROLLBACK_COMPLETE');
    expect(await failure()).toMatch(/R__zz_broken.*R__zz_broken does not hold/);
    expect(await catalog()).toEqual(before);

    expect(await history()).toMatchObject({
      '0003_note': ['applied', 'undone'],
      '0004_index': [expect.stringMatching('applied|unverified'), 'undone'],
      '0005_links': ['applied', 'undone'],
    });
    const last = await lastDeployment();
    expect(last).toMatchObject({ direction: 'rollback', outcome: 'done', report: { kept: [] } });
    expect(last.manifest_hash).toBe(await hashOf(SECOND));
    expect(last.report.undone).toEqual(['0005_links', '0004_index', '0003_note']);
    expect(await reported()).toMatchObject({ outcome: 'done', direction: 'rollback', keptCount: 0 });
  });

  test('a ledger row that somebody changed in between: kept, and reported', async () => {
    const before = await catalog();
    const evil = JSON.stringify([['transaction', 'DROP TABLE orders', 'DROP TABLE', [], 1]]);
    const failed = await deployAndStopAtLines({ ...THIRD, R__zz_broken: BROKEN }, '0004_index', async () => {
      await rds.run(DATABASE, `UPDATE trueup.migrations SET down = $1 WHERE name = '0003_note'`, [evil]);
    });
    expect(failed.exitCode, reason(failed)).toBe(1);
    expect(await stackStatus(STACK)).toBe('UPDATE_ROLLBACK_COMPLETE');

    const { report } = await lastDeployment();
    expect(report.undone).toEqual(['0005_links', '0004_index']);
    expect(report.kept).toEqual([
      { name: '0003_note', reason: expect.stringContaining('has changed since the deployment') },
    ]);
    expect(await reported()).toMatchObject({ outcome: 'done', keptCount: 1 });
    const after = await catalog();
    expect(after.filter((line) => !before.includes(line))).toEqual([
      `column public.orders.note text default ''::text`,
    ]);
  });

  test('the next deployment goes on from what was kept', async () => {
    const next = await deploy(THIRD);
    expect(next.exitCode, reason(next)).toBe(0);
    expect(await history()).toMatchObject({ '0003_note': ['applied', 'undone', 'applied'] });
    expect((await lastDeployment()).report.applied).toEqual(['0004_index', '0005_links']);
  });

  test('a later resource fails: the schema had succeeded, so it stays, and says so', async () => {
    const failed = await deploy(FOURTH, [], 'fails');
    expect(failed.exitCode, reason(failed)).toBe(1);
    expect(failed.output).toContain('the service does not come up');
    expect(await stackStatus(STACK)).toBe('UPDATE_ROLLBACK_COMPLETE');
    const { direction, report } = await lastDeployment();
    expect(direction).toBe('rollback');
    expect(report.undone).toEqual([]);
    expect(report.kept).toEqual([
      { name: '0006_amount', reason: expect.stringContaining('new application may be running') },
    ]);
    expect(await reported()).toMatchObject({ outcome: 'done', keptCount: 1 });

    const next = await deploy(FOURTH, [], '2');
    expect(next.exitCode, reason(next)).toBe(0);
    expect((await history())['0006_amount']).toEqual(['applied']);
  });

  test('--no-rollback: the stack stays where it failed, and the next deployment goes on', async () => {
    const failed = await deploy({ ...FIFTH, R__zz_broken: BROKEN }, ['--no-rollback'], '2');
    expect(failed.exitCode, reason(failed)).toBe(1);
    expect(await stackStatus(STACK)).toBe('UPDATE_FAILED');
    expect((await history())['0007_comment']).toEqual(['applied']);

    const next = await deploy(FIFTH, ['--no-rollback'], '2');
    expect(next.exitCode, reason(next)).toBe(0);
    expect(await stackStatus(STACK)).toBe('UPDATE_COMPLETE');
    expect((await history())['0007_comment']).toEqual(['applied']);
  });

  test('a database that is down during a rollback: the stack rolls back, and the schema is ahead', async () => {
    const files = {
      ...FIFTH,
      '0008_status': {
        up: `ALTER TABLE orders ALTER COLUMN status SET DEFAULT 'fresh';`,
        holds: `pg_get_expr((SELECT adbin FROM pg_attrdef WHERE adrelid = 'orders'::regclass AND adnum = 2), 'orders'::regclass) LIKE '%fresh%'`,
        down: `ALTER TABLE orders ALTER COLUMN status SET DEFAULT 'new';`,
      },
      '0009_amount': {
        up: 'ALTER TABLE lines ALTER COLUMN amount SET DEFAULT 2;',
        holds: 'true',
        down: 'ALTER TABLE lines ALTER COLUMN amount SET DEFAULT 1;',
      },
    };
    const failed = await deployAndStopAtLines(files, '0008_status', async () => {
      // All but the last transaction of a message are written to disk a little later.
      const lsn = async (of: 'insert' | 'flush') =>
        (
          await rds.run<{ bytes: string }>(DATABASE, `SELECT pg_current_wal_${of}_lsn() - '0/0' AS bytes`)
        )[0]!;
      const written = Number((await lsn('insert')).bytes);
      await expect.poll(async () => Number((await lsn('flush')).bytes)).toBeGreaterThanOrEqual(written);
      await rds.server.stopServer('immediate');
    });
    expect(failed.exitCode, reason(failed)).toBe(1);
    expect(await stackStatus(STACK)).toBe('UPDATE_ROLLBACK_COMPLETE');
    expect(await failure()).toMatch(/cannot be reached|ECONNREFUSED/);
    expect(await reported()).toMatchObject({
      outcome: 'given-up',
      reason: expect.stringMatching(/reached|ECONNREFUSED/),
    });

    await rds.server.startServer();
    expect((await history())['0008_status']).toEqual(['applied']);
    const next = await deploy(files, [], '2');
    expect(next.exitCode, reason(next)).toBe(0);
    expect(await history()).toMatchObject({ '0008_status': ['applied'], '0009_amount': ['applied'] });
  });

  test('destroy: the stacks are gone, the schema stays', async () => {
    const before = await catalog();
    const destroyed = await cdk().destroy(['--all'], { app: assembly });
    expect(destroyed.exitCode, reason(destroyed)).toBe(0);
    expect([await stackStatus(STACK), await stackStatus(SERVER)]).toEqual([undefined, undefined]);
    expect(await catalog()).toEqual(before);
  });
});
