/** The app of bin/app.ts as cdk.json runs it, with all migrations that are shipped, on an RDS instance. */
import { afterAll, describe, expect, test } from 'vitest';
import { reason } from './support/cdk';
import { type Rds, startRds } from './support/rds';
import { available, cdk, stackStatus, trueup } from './support/scenario';
import { shippedApp } from './support/shipped-app';

const running: Rds[] = [];

afterAll(async () => {
  for (const rds of running) await rds.stop();
});

async function start(identifier: string): Promise<Rds> {
  const rds = await startRds(identifier);
  running.push(rds);
  return rds;
}

describe.runIf(available())('all shipped databases on one RDS instance', () => {
  const context = { prefix: 'Shop', minimalCost: 'true', managedSecret: 'false' };
  const stacks = ['Appointments', 'Channels', 'Courses', 'Marketplace', 'Messaging'];
  let rds: Rds;
  let assembly: string;

  test('deploy: with the attached secret and TLS, each database made by its first run', async () => {
    rds = await start('shopdatabase');
    const deployed = await cdk().deploy(['--all', '--concurrency', '3'], shippedApp(context));
    assembly = deployed.assembly;
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
    const destroyed = await cdk().destroy(['--all'], { app: assembly });
    expect(destroyed.exitCode, reason(destroyed)).toBe(0);
    for (const name of [...stacks, 'Database']) expect(await stackStatus(`Shop${name}`)).toBeUndefined();
  });
});

describe.runIf(available())('IAM authentication', () => {
  test('the role is made with the secret, and from then on only tokens are used', async () => {
    const rds = await start('tokendatabase');
    const context = { prefix: 'Token', minimalCost: 'true', auth: 'iam', databases: 'messaging' };
    const deployed = await cdk().deploy(['--all'], shippedApp(context));
    expect(deployed.exitCode, reason(deployed)).toBe(0);
    const member = await rds.run(
      'messaging',
      `SELECT pg_has_role(oid, 'rds_iam', 'MEMBER') AS token, rolsuper, rolcreaterole
         FROM pg_roles WHERE rolname ~ 'migrator$'`,
    );
    expect(member).toEqual([{ token: true, rolsuper: false, rolcreaterole: false }]);
    await rds.run('postgres', `ALTER ROLE postgres PASSWORD 'another'`);
    const again = await cdk().deploy(['TokenMessaging'], {
      ...shippedApp({ ...context, forceRunToken: '2' }),
      flags: ['--exclusively'],
    });
    expect(again.exitCode, reason(again)).toBe(0);
    const destroyed = await cdk().destroy(['--all'], { app: again.assembly });
    expect(destroyed.exitCode, reason(destroyed)).toBe(0);
  });
});
