/** A first deployment that fails, the next one, and what stands in a stack's events when something is wrong around it. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { dumpCatalog } from '../support/dump-catalog';
import { reason, testApp } from './support/cdk';
import { makeCertificates } from './support/certificates';
import { deployments, type File, histories, migrationFolder } from './support/migrations';
import { type Rds, startRds } from './support/rds';
import { available, cdk, logEvents, physicalId, stackEvents, stackStatus } from './support/scenario';

const NAME = 'shop';
const STACK = `${NAME}-service`;
const DATABASE = 'app';
const app = testApp('schema');

const GOODS: File = {
  up: `CREATE TABLE goods (id uuid PRIMARY KEY, name text);`,
  holds: `to_regclass('goods') IS NOT NULL`,
  down: 'DROP TABLE goods;',
};
const NAMED: File = {
  up: `ALTER TABLE goods ALTER COLUMN name SET DEFAULT '';`,
  holds: `EXISTS (SELECT FROM pg_attrdef WHERE adrelid = 'goods'::regclass)`,
  down: 'ALTER TABLE goods ALTER COLUMN name DROP DEFAULT;',
};
const BROKEN: File = { up: `COMMENT ON TABLE goods IS 'broken';`, holds: 'false' };

const deploy = (name: string, files: Record<string, File>, context: Record<string, string> = {}) =>
  cdk().deploy([context.stack ?? `${name}-service`], {
    app,
    context: { name, folder: migrationFolder(files), ...context },
    flags: ['--exclusively'],
  });

/** What CloudFormation's events say of our own resource's last failure. */
async function sentence(stackName: string): Promise<string> {
  const failed = (await stackEvents(stackName)).filter(
    (event) =>
      event.ResourceType === 'Custom::TrueupSchema' && event.ResourceStatus?.endsWith('_FAILED') === true,
  );
  return failed.at(-1)?.ResourceStatusReason ?? '';
}

async function server(name: string, options?: Parameters<typeof startRds>[1]): Promise<Rds> {
  const rds = await startRds(`${name}-server`, options);
  const context = { name, folder: migrationFolder({ '0001_goods': GOODS }) };
  const made = await cdk().deploy([`${name}-server`], { app, context });
  expect(made.exitCode, reason(made)).toBe(0);
  return rds;
}

describe.runIf(available())('a first deployment', () => {
  let rds: Rds;

  beforeAll(async () => {
    rds = await server(NAME);
  });

  afterAll(async () => {
    await rds?.stop();
  });

  test('fails: what is harmless is taken back, what would destroy is kept, and the stack is rolled back', async () => {
    const failed = await deploy(NAME, { '0001_goods': GOODS, '0002_named': NAMED, '0003_broken': BROKEN });
    expect(failed.exitCode, reason(failed)).toBe(1);
    expect(await stackStatus(STACK)).toBe('ROLLBACK_COMPLETE');
    expect(await sentence(STACK)).toContain('0003_broken does not hold');
    const last = (await deployments(rds, DATABASE, NAME)).at(-1)!;
    expect(last).toMatchObject({
      direction: 'rollback',
      outcome: 'done',
      report: { undone: ['0002_named'] },
    });
    expect(last.report.kept).toEqual([
      { name: '0001_goods', reason: expect.stringContaining('trueup down 0001_goods') },
    ]);
    expect((await dumpCatalog(rds.adminUrl(DATABASE))).join('\n')).not.toContain('default');
  });

  test('the next deployment replaces the stack and goes on', async () => {
    const next = await deploy(NAME, { '0001_goods': GOODS, '0002_named': NAMED });
    expect(next.exitCode, reason(next)).toBe(0);
    expect(await stackStatus(STACK)).toBe('CREATE_COMPLETE');
    expect(await histories(rds, DATABASE, NAME)).toEqual({
      '0001_goods': ['applied'],
      '0002_named': ['applied', 'undone', 'applied'],
    });
  });

  test('an update that fails: the last line of the log, which `cdk deploy` prints last, is the reason', async () => {
    const failed = await deploy(NAME, { '0001_goods': GOODS, '0002_named': NAMED, '0003_broken': BROKEN });
    expect(failed.exitCode, reason(failed)).toBe(1);
    expect(await stackStatus(STACK)).toBe('UPDATE_ROLLBACK_COMPLETE');
    const group = await physicalId(STACK, 'AWS::Logs::LogGroup');
    expect(failed.output).toContain(`Logs from ${group}:`);
    // The provider framework writes there too here: this AWS does not know the log level that its functions have.
    expect((await logEvents(group)).at(-1)).toMatchObject({
      event: 'deployment-ended',
      message: expect.stringMatching(
        /^Rolled back; undone: none; kept: none\. What failed: 0003_broken, line 5: .*Fix it, .* deploy again\.$/,
      ),
    });
  });

  test('a second stack on the namespace is refused', async () => {
    const before = await dumpCatalog(rds.adminUrl(DATABASE));
    const second = await deploy(NAME, { '0001_goods': GOODS }, { stack: 'shop-again' });
    expect(second.exitCode, reason(second)).toBe(1);
    expect(await stackStatus('shop-again')).toBe('ROLLBACK_COMPLETE');
    expect(await sentence('shop-again')).toMatch(/shop-service/);
    expect(await dumpCatalog(rds.adminUrl(DATABASE))).toEqual(before);
  });

  test('a secret of the master user that is wrong, where the login of the migrations is refused too', async () => {
    await rds.run(DATABASE, `ALTER ROLE ${DATABASE}_migrator NOLOGIN`);
    await rds.run('postgres', `ALTER ROLE postgres PASSWORD 'another'`);
    const files = { '0001_goods': GOODS, '0002_named': NAMED, '0003_broken': { ...BROKEN, holds: 'true' } };
    const failed = await deploy(NAME, files);
    expect(failed.exitCode, reason(failed)).toBe(1);
    expect(await stackStatus(STACK)).toBe('UPDATE_ROLLBACK_COMPLETE');
    expect(await sentence(STACK)).toMatch(/database refused the password .*28P01/);
  });
});

describe.runIf(available())('an expired certificate', () => {
  test('is refused with its reason, and the stack is rolled back', async () => {
    const rds = await server('expired', { tls: await makeCertificates({ expired: true }) });
    try {
      const failed = await deploy('expired', { '0001_goods': GOODS });
      expect(failed.exitCode, reason(failed)).toBe(1);
      expect(await stackStatus('expired-service')).toBe('ROLLBACK_COMPLETE');
      expect(await sentence('expired-service')).toMatch(/certificate/);
      expect((await dumpCatalog(rds.adminUrl(DATABASE))).join('\n')).not.toContain('goods');
    } finally {
      await rds.stop();
    }
  });
});
