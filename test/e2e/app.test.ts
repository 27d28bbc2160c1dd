/** The app of bin/app.ts as cdk.json runs it, with the migrations that are shipped: over RDS and over the Data API. */
import { cpSync, mkdtempSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { dumpCatalogue } from '../support/catalogue';
import { nodeApp, reason } from './support/cdk';
import { type Rds, startRds } from './support/rds';
import { available, cdk, localAws, ROOT, stackEvents, stackStatus, trueup } from './support/scenario';

const running: Rds[] = [];

afterAll(async () => {
  for (const rds of running) await rds.stop();
});

async function start(identifier: string): Promise<Rds> {
  const rds = await startRds(identifier);
  running.push(rds);
  return rds;
}

/** With the settings of our cdk.json, in a folder of its own: the command line writes cdk.context.json there. */
function options(settings: Record<string, string>) {
  const cwd = mkdtempSync(join(localAws().folder, 'app-'));
  cpSync(join(ROOT, 'cdk.json'), join(cwd, 'cdk.json'));
  const all = { migrations: join(ROOT, 'migrations'), ...settings };
  const context = Object.fromEntries(Object.entries(all).map(([key, value]) => [`trueup:${key}`, value]));
  return { cwd, context, app: nodeApp(join(ROOT, 'bin', 'app.ts')) };
}

describe.runIf(available())('all shipped databases on one RDS instance', () => {
  const context = { prefix: 'Shop', cheap: 'true', managedSecret: 'false' };
  const stacks = ['Appointments', 'Channels', 'Courses', 'Marketplace', 'Messaging'];
  let rds: Rds;

  test('deploy: with the attached secret and TLS, each database made by its first run', async () => {
    rds = await start('shopdatabase');
    const deployed = await cdk().deploy(['--all', '--concurrency', '3'], options(context));
    expect(deployed.exitCode, reason(deployed)).toBe(0);
    for (const name of stacks) expect(await stackStatus(`Shop${name}`)).toBe('CREATE_COMPLETE');
    const databases = await rds.run<{ datname: string }>(
      'postgres',
      `SELECT datname FROM pg_database WHERE datname !~ '^(template|postgres$|app$)' ORDER BY 1`,
    );
    expect(databases.map((each) => each.datname)).toEqual(stacks.map((name) => name.toLowerCase()));
  });

  test('the statement that failed in the incident succeeds', async () => {
    const buy = `INSERT INTO student_course_purchases (student_id, course_id, payment_id)
      VALUES ('00000000-0000-4000-8000-000000000001', '00000000-0000-4000-8000-000000000002', 'p1')
      ON CONFLICT (student_id, course_id) WHERE is_active DO NOTHING RETURNING id`;
    expect(await rds.run('courses', buy)).toHaveLength(1);
    expect(await rds.run('courses', buy)).toHaveLength(0);
  });

  test('by hand, through the deployed function', async () => {
    const status = await trueup('status', '--stack', 'ShopCourses');
    expect(status.exitCode, reason(status)).toBe(0);
    expect(status.output).toContain('0002_one_active_purchase');

    await rds.run('courses', 'DROP INDEX unique_active_purchase');
    const drifted = await trueup('verify', '--stack', 'ShopCourses');
    expect(drifted.exitCode).not.toBe(0);
    expect(drifted.output).toMatch(/student_course_purchases/);
  });

  test('destroy', async () => {
    const destroyed = await cdk().destroy(['--all'], options(context));
    expect(destroyed.exitCode, reason(destroyed)).toBe(0);
    for (const name of [...stacks, 'Database']) expect(await stackStatus(`Shop${name}`)).toBeUndefined();
  });
});

describe.runIf(available())('an Aurora cluster with the Data API', () => {
  const context = (migrations: string) => ({
    prefix: 'Cloud',
    cheap: 'true',
    engine: 'aurora',
    transport: 'data-api',
    migrations,
  });
  const folder = () => {
    const copy = mkdtempSync(join(localAws().folder, 'shipped-'));
    cpSync(join(ROOT, 'migrations', 'courses'), join(copy, 'courses'), { recursive: true });
    return copy;
  };
  let rds: Rds;

  test('deploy, with the secret that RDS manages', async () => {
    rds = await start('clouddatabase');
    const deployed = await cdk().deploy(['--all'], options(context(folder())));
    expect(deployed.exitCode, reason(deployed)).toBe(0);
    expect(deployed.output).toMatch(/Position\S* = 0002_one_active_purchase/);
    const status = await trueup('status', '--stack', 'CloudCourses');
    expect(status.exitCode, reason(status)).toBe(0);
  });

  test('a migration that fails is rolled back, and the catalogue is as it was', async () => {
    const before = await dumpCatalogue(rds.adminUrl('courses'));
    const next = folder();
    writeFileSync(
      join(next, 'courses', '0003_paid.sql'),
      `-- migrate:up
CREATE INDEX CONCURRENTLY purchases_paid ON student_course_purchases (payment_id);
-- migrate:verify
SELECT 'no index' WHERE to_regclass('purchases_paid') IS NULL;
-- migrate:down
DROP INDEX CONCURRENTLY purchases_paid;
`,
    );
    writeFileSync(
      join(next, 'courses', '0004_broken.sql'),
      `-- migrate:up
COMMENT ON TABLE student_course_purchases IS 'broken';
-- migrate:verify
SELECT 'this release is broken';
`,
    );
    const failed = await cdk().deploy(['CloudCourses'], options(context(next)));
    expect(failed.exitCode, reason(failed)).toBe(1);
    expect(await stackStatus('CloudCourses')).toBe('UPDATE_ROLLBACK_COMPLETE');
    const reasons = (await stackEvents('CloudCourses')).map((event) => event.ResourceStatusReason ?? '');
    expect(reasons.join('\n')).toContain('this release is broken');
    expect(await dumpCatalogue(rds.adminUrl('courses'))).toEqual(before);
  });

  test('destroy', async () => {
    const destroyed = await cdk().destroy(['--all'], options(context(folder())));
    expect(destroyed.exitCode, reason(destroyed)).toBe(0);
    expect(await stackStatus('CloudDatabase')).toBeUndefined();
  });
});

describe.runIf(available())('IAM authentication', () => {
  test('the role is made with the secret, and from then on only tokens are used', async () => {
    const rds = await start('tokendatabase');
    const context = { prefix: 'Token', cheap: 'true', auth: 'iam', databases: 'messaging' };
    const deployed = await cdk().deploy(['--all'], options(context));
    expect(deployed.exitCode, reason(deployed)).toBe(0);
    const member = await rds.run(
      'messaging',
      `SELECT pg_has_role(oid, 'rds_iam', 'MEMBER') AS token, rolsuper, rolcreaterole
         FROM pg_roles WHERE rolname ~ 'migrator$'`,
    );
    expect(member).toEqual([{ token: true, rolsuper: false, rolcreaterole: false }]);
    await rds.run('postgres', `ALTER ROLE postgres PASSWORD 'another'`);
    const again = await cdk().deploy(['TokenMessaging'], options({ ...context, runId: '2' }));
    expect(again.exitCode, reason(again)).toBe(0);
    const destroyed = await cdk().destroy(['--all'], options(context));
    expect(destroyed.exitCode, reason(destroyed)).toBe(0);
  });
});
