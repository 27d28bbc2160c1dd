/**
 * A fleet's life through the real command line: databases and schemas of one server, brought up by a run of Step Functions.
 * Each test goes on from where the one before it left the stack.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { splitIntoWaves } from '../../lambda/fleet/waves';
import { dumpCatalog } from '../support/dump-catalog';
import { reason, testApp } from './support/cdk';
import { bySchema, crash, Tenants, workloadsIn } from './support/fleet';
import { FIRST, READ, REMARK, SECOND, SIZE, THIRD, WRITE } from './support/fleet-files';
import { type File, migrationFolder, workloadFile } from './support/migrations';
import { type Rds, startRds } from './support/rds';
import { available, cdk, logEvents, physicalId, stackEvents, stackStatus, trueup } from './support/scenario';
import type { Finished } from './support/supervised';

const NAME = 'fleet';
const STACK = `${NAME}-service`;
const OTHER = `${NAME}-other`;
const LOGINS = `${NAME}-logins`;
const SERVER = `${NAME}-server`;
const DATABASES = ['tenant_a', 'tenant_b', 'tenant_c'];
const SCHEMAS = ['shop_x', 'shop_y'];
const FIVE = [...DATABASES, ...SCHEMAS];
const SIX = [...DATABASES, 'tenant_d', ...SCHEMAS];
/** Who is in which wave. */
const [CANARY, EARLY, REST] = splitIntoWaves(SIX.map((name) => ({ name, database: name }))).map(
  ({ tenants }) => tenants.map(({ name }) => name),
) as [string[], string[], string[]];
const BAD = [CANARY[0]!, EARLY[0]!, REST[0]!];
const app = testApp('fleet');

describe.runIf(available())('a fleet, from its first deployment to its end', () => {
  let rds: Rds;
  let tenants: Tenants;

  const deploy = (
    files: Record<string, File>,
    context: Record<string, string> = {},
    stack = STACK,
    statements = [READ],
  ): Promise<Finished> =>
    cdk().deploy([stack], {
      app,
      context: {
        name: NAME,
        folder: migrationFolder(files),
        workload: workloadFile(statements),
        ...context,
      },
      flags: ['--exclusively'],
    });
  const each = <T>(tenants: readonly string[], value: T) =>
    Object.fromEntries(tenants.map((tenant) => [tenant, value]));

  async function failure(stack = STACK): Promise<string> {
    const failed = (await stackEvents(stack)).filter(
      (event) =>
        event.ResourceType === 'Custom::TrueupFleet' && event.ResourceStatus?.endsWith('_FAILED') === true,
    );
    return failed.at(-1)?.ResourceStatusReason ?? '';
  }

  /** Expects this of the last report in the log, which arrives after the deployment has ended. */
  async function expectReport(report: object): Promise<void> {
    const group = await physicalId(STACK, 'AWS::Logs::LogGroup');
    const last = async () => (await logEvents(group)).findLast((each) => each.event === 'deployment-ended');
    await expect.poll(last, { interval: 500 }).toMatchObject(report);
  }

  beforeAll(async () => {
    rds = await startRds(SERVER);
    tenants = new Tenants(rds, NAME);
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

  test('create: every tenant once, and each has the workload, on its own path', async () => {
    const created = await deploy(FIRST);
    expect(created.exitCode, reason(created)).toBe(0);
    expect(created.output).toMatch(/Tenants\S* = 5 tenants: 5 up to date/);
    for (const history of Object.values(await tenants.histories(FIVE)))
      expect(history).toEqual({ '0001_orders': ['applied'] });
    expect(await tenants.statements(FIVE)).toEqual(each(FIVE, [READ]));
    expect((await workloadsIn(rds, 'app')).map(({ paths }) => paths)).toEqual(SCHEMAS.map((name) => [name]));
  });

  test('update: a tenant that was made since is there too', async () => {
    await rds.run('app', 'CREATE DATABASE tenant_d OWNER postgres');
    const updated = await deploy(SECOND);
    expect(updated.exitCode, reason(updated)).toBe(0);
    for (const history of Object.values(await tenants.histories([...DATABASES, 'tenant_d', ...SCHEMAS])))
      expect(history).toEqual({ '0001_orders': ['applied'], '0002_note': ['applied'] });
  });

  test('a bad tenant in each wave: its wave ends, no later one begins, and what was done is undone', async () => {
    for (const tenant of BAD) await tenants.spoil(tenant);
    const reached: string[] = [];
    for (const [wave, bad] of [
      ['canary', CANARY],
      ['early', EARLY],
      ['rest', REST],
    ] as const) {
      const before = await tenants.done('0003_short', SIX);
      const failed = await deploy(THIRD);
      expect(failed.exitCode, reason(failed)).toBe(1);
      expect(await stackStatus(STACK)).toBe('UPDATE_ROLLBACK_COMPLETE');
      expect(await failure()).toMatch(
        new RegExp(
          `Stopped after wave ${wave}: 1 tenant failed.*${bad[0]} on main \\(failed\\): 0003_short.*already exists`,
        ),
      );
      // All others of the wave had their turn.
      reached.push(...bad.slice(1));
      expect(await tenants.done('0003_short', SIX)).toEqual(
        Object.fromEntries(
          Object.entries(before).map(([tenant, events]) => [
            tenant,
            reached.includes(tenant) ? [...events, 'applied', 'undone'] : events,
          ]),
        ),
      );
      await expectReport({ direction: 'rollback', outcome: 'done', keptCount: 0 });
      await tenants.repair(bad[0]!);
      reached.push(bad[0]!);
    }
  });

  test('one in each wave is bad, and three are tolerated: all others are up to date, and the answer names the three', async () => {
    for (const tenant of BAD) await tenants.spoil(tenant);
    const tolerant = await deploy(THIRD, { maxFailures: '3' });
    expect(tolerant.exitCode, reason(tolerant)).toBe(0);
    for (const tenant of BAD) expect(tolerant.output).toMatch(new RegExp(`Failed\\S* = .*${tenant} on main`));
    for (const [tenant, events] of Object.entries(await tenants.done('0003_short', SIX)))
      expect(events.at(-1) === 'applied', tenant).toBe(!BAD.includes(tenant));
  });

  test('the command line: where all tenants are, and those that were repaired are brought up', async () => {
    const status = await trueup('status', '--stack', STACK, '--fleet', '--json', '--exit-code');
    expect(JSON.parse(status.output)).toMatchObject({
      tenantCount: 6,
      states: { 'up to date': 3, behind: 3 },
    });
    expect(status.exitCode).toBe(3);

    for (const tenant of BAD) await tenants.repair(tenant);
    const up = await trueup('up', '--stack', STACK, ...BAD.flatMap((name) => ['--tenant', name]), '--quiet');
    expect(up.output).toBe('3 tenants: 3 up to date.\n');
    expect(up.exitCode).toBe(0);
    for (const events of Object.values(await tenants.done('0003_short', SIX)))
      expect(events.at(-1)).toBe('applied');

    const wrong = await trueup('up', '--stack', STACK, '--tenant', 'nobody');
    expect(wrong.output).toContain('nobody is not in the list of 6 tenants');
    expect(wrong.exitCode).toBe(2);
  });

  test('a version that breaks what the running application sends: refused at the canary, with the statement; all is as before', async () => {
    const [before, ledger] = [
      await tenants.catalogs([...DATABASES, 'tenant_d']),
      await tenants.histories(SIX),
    ];
    const mended = [READ.replace('note', 'remark')];
    const failed = await deploy({ ...THIRD, '0004_remark': REMARK }, {}, STACK, mended);
    expect(failed.exitCode, reason(failed)).toBe(1);
    expect(await stackStatus(STACK)).toBe('UPDATE_ROLLBACK_COMPLETE');
    const why = `Stopped after wave canary: 1 tenant failed, and none may fail. ${CANARY[0]} on main (failed): 0004_remark: 1 statement that the running application sends would no longer work [SQLSTATE 42703]. ${READ}: a column that it names does not exist`;
    expect(await failure()).toContain(why);
    expect(failed.output).toContain(why);
    await expectReport({ direction: 'rollback', outcome: 'done', keptCount: 0 });
    expect(await tenants.catalogs([...DATABASES, 'tenant_d'])).toEqual(before);
    expect(await tenants.histories(SIX)).toEqual(ledger);
    expect(await tenants.statements(SIX)).toEqual(each(SIX, [READ]));
  });

  test('another workload alone: no migration, and every tenant has it but one, which the status names', async () => {
    const [bad] = REST;
    await tenants.sql(bad!, 'ALTER TABLE orders DROP CONSTRAINT orders_pkey');
    const ledger = await tenants.histories(SIX);
    const deployed = await deploy(THIRD, { maxFailures: '1' }, STACK, [WRITE, READ]);
    expect(deployed.exitCode, reason(deployed)).toBe(0);
    expect(deployed.output).toMatch(/Tenants\S* = 6 tenants: 5 up to date, 1 failed/);
    expect(await tenants.histories(SIX)).toEqual(ledger);
    expect(await tenants.statements(SIX)).toEqual({ ...each(SIX, [WRITE, READ]), [bad!]: [READ] });

    const status = await trueup('status', '--stack', STACK, '--fleet', '--exit-code');
    expect(status.output).toContain(`behind  ${bad} on main  at 0003_short, with a different workload\n`);
    expect(status.exitCode).toBe(3);
    const up = () => trueup('up', '--stack', STACK, '--tenant', bad!, '--quiet');
    expect((await up()).output).toMatch(/1 statement of the new workload does not plan.*ON CONFLICT/s);
    await tenants.sql(bad!, 'ALTER TABLE orders ADD PRIMARY KEY (id)');
    expect((await up()).output).toBe('1 tenant: 1 up to date.\n');
    expect(await tenants.statements(SIX)).toEqual(each(SIX, [WRITE, READ]));
  });

  test('a service that does not come up: the tenants had succeeded, so they stay. Two stacks at the same time: one is told whose they are, one that secrets are gone', async () => {
    const files = { ...THIRD, '0004_size': SIZE };
    await tenants.makeLogins();
    const [failed, other, logins] = await Promise.all([
      deploy(files, { service: 'fails' }, STACK, [WRITE, READ]),
      deploy(files, { stack: 'other' }, OTHER),
      deploy(FIRST, { stack: 'logins' }, LOGINS),
    ]);
    expect(failed.exitCode, reason(failed)).toBe(1);
    expect(await stackStatus(STACK)).toBe('UPDATE_ROLLBACK_COMPLETE');
    await expectReport({ direction: 'rollback', outcome: 'done', keptCount: 6 });
    for (const history of Object.values(await tenants.histories(SIX)))
      expect(history['0004_size']).toEqual(['applied']);

    expect(other.exitCode, reason(other)).toBe(1);
    expect(await failure(OTHER)).toMatch(/Nothing was changed: 6 tenants cannot be migrated.*\(foreign\)/);
    expect(await stackStatus(OTHER)).toBe('ROLLBACK_COMPLETE');

    expect(logins.exitCode, reason(logins)).toBe(1);
    const gone = await failure(LOGINS);
    expect(gone).toMatch(/Nothing was changed: 2 tenants cannot be migrated, and none may fail\. own_/);
    for (const [name, error] of [
      ['own_never', 'ResourceNotFoundException'],
      ['own_deleted', 'InvalidRequestException'],
    ])
      expect(gone).toContain(
        `${name} on main (unreachable): The secret ${NAME}/tenants/${name} could not be read (${error}).`,
      );
    expect(gone).toMatch(/ 3 tenants: (1 behind, 2 unreachable|2 unreachable, 1 behind)\./);
    expect(await stackStatus(LOGINS)).toBe('ROLLBACK_COMPLETE');
    expect(await rds.run('own_ok', `SELECT FROM pg_namespace WHERE nspname = 'trueup'`)).toEqual([]);
  });

  test('200 tenants, and the server crashes in the middle: each has each migration once, and the catalog of one migrated alone', async () => {
    const added = Array.from({ length: 194 }, (_, i) => `shop_${String(i).padStart(3, '0')}`);
    await rds.run('app', added.map((name) => `CREATE SCHEMA ${name} AUTHORIZATION postgres`).join(';'));
    const files = { ...THIRD, '0004_size': SIZE };
    const deployed = deploy(files, {}, STACK, [WRITE, READ]);
    await crash(rds, added.length / 2, deployed);
    const { exitCode, ...finished } = await deployed;
    expect(exitCode, finished.output).toBe(0);
    expect(finished.output).toMatch(/Tenants\S* = 200 tenants: 200 up to date/);
    const folder = migrationFolder(files);
    const names = Object.keys(files);
    expect(await tenants.eventsOf(added)).toEqual(new Map(added.map((name) => [name, names])));
    for (const { namespace, statements, paths } of await workloadsIn(rds, 'app'))
      expect([statements, paths]).toEqual([[WRITE, READ], [namespace.split('/')[1]]]);

    await rds.run('postgres', 'CREATE DATABASE alone OWNER postgres');
    const alone = await trueup(
      'up',
      folder,
      '--database-url',
      rds.adminUrl('alone'),
      '--owner-role',
      'postgres',
    );
    expect(alone.exitCode, alone.output).toBe(0);
    const wanted = await dumpCatalog(rds.adminUrl('alone'));
    for (const tenant of [...DATABASES, 'tenant_d'])
      expect(await dumpCatalog(rds.adminUrl(tenant)), tenant).toEqual(wanted);
    const schemas = await bySchema(rds.adminUrl('app'));
    expect(schemas.size).toBe(196);
    for (const [name, lines] of schemas)
      expect(lines, name).toEqual(wanted.filter((line) => line.includes('public.')));
  });

  test('destroy: the stack is gone, the tenants stay', async () => {
    const destroyed = await cdk().destroy([STACK], {
      app,
      context: { name: NAME, folder: migrationFolder(THIRD) },
    });
    expect(destroyed.exitCode, reason(destroyed)).toBe(0);
    expect(await stackStatus(STACK)).not.toBe('DELETE_FAILED');
    expect((await tenants.historyOf('tenant_a'))['0001_orders']).toEqual(['applied']);
  });
});
