/** The app of bin/app.ts on an Aurora cluster, through the Data API: no function in a VPC. */
import { cpSync, mkdtempSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { dumpCatalog } from '../support/dump-catalog';
import { reason } from './support/cdk';
import { type Rds, startRds } from './support/rds';
import { available, cdk, localAws, ROOT, stackEvents, stackStatus, trueup } from './support/scenario';
import { shippedApp } from './support/shipped-app';

describe.runIf(available())('an Aurora cluster with the Data API', () => {
  const context = (migrations: string) => ({
    prefix: 'Cloud',
    minimalCost: 'true',
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
  let assembly: string;

  afterAll(() => rds?.stop());

  test('deploy, with the secret that RDS manages', async () => {
    rds = await startRds('clouddatabase');
    const deployed = await cdk().deploy(['--all'], shippedApp(context(folder())));
    assembly = deployed.assembly;
    expect(deployed.exitCode, reason(deployed)).toBe(0);
    expect(deployed.output).toMatch(/Position\S* = 0002_one_active_purchase/);
    const status = await trueup('status', '--stack', 'CloudCourses');
    expect(status.exitCode, reason(status)).toBe(0);
  });

  test('a migration that fails is rolled back, and the catalog is as it was', async () => {
    const before = await dumpCatalog(rds.adminUrl('courses'));
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
    const failed = await cdk().deploy(['CloudCourses'], {
      ...shippedApp(context(next)),
      flags: ['--exclusively'],
    });
    expect(failed.exitCode, reason(failed)).toBe(1);
    expect(await stackStatus('CloudCourses')).toBe('UPDATE_ROLLBACK_COMPLETE');
    const reasons = (await stackEvents('CloudCourses')).map((event) => event.ResourceStatusReason ?? '');
    expect(reasons.join('\n')).toContain('this release is broken');
    expect(await dumpCatalog(rds.adminUrl('courses'))).toEqual(before);
  });

  test('destroy', async () => {
    const destroyed = await cdk().destroy(['--all'], { app: assembly });
    expect(destroyed.exitCode, reason(destroyed)).toBe(0);
    expect(await stackStatus('CloudDatabase')).toBeUndefined();
  });
});
