/** How many schemas a stack holds, as docs/constructs.md says it; and what a server's log group holds. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import * as logs from 'aws-cdk-lib/aws-logs';
import { expect, test } from 'vitest';
import { DriftCheck } from '../../lib/constructs/alarms/drift-check';
import { SchemaAlarms } from '../../lib/constructs/alarms/schema-alarms';
import { SchemaMigrations } from '../../lib/constructs/migrations/schema-migrations';
import { DatabaseStack } from '../../lib/stacks/database-stack';
import { fleetDeployment } from '../support/fleet';
import { PEOPLE_FOLDER, testApp } from '../support/synth';

const folder = PEOPLE_FOLDER;
const MAX_RESOURCES = 500;
const page = readFileSync(join(__dirname, '../../docs/constructs.md'), 'utf8');

/** @param servers that share the schemas; each has one SchemaAlarms */
function resources(schemas: number, servers: number): number {
  const app = testApp();
  const stack = new Stack(app, 'App');
  const { vpc } = new DatabaseStack(app, 'Vpc');
  for (let i = 0; i < servers; i++) {
    const server = new DatabaseStack(app, `Server${i}`, { vpc });
    const all = Array.from(
      { length: schemas / servers },
      (_, k) =>
        new SchemaMigrations(stack, `Schema${i}-${k}`, {
          database: server.database({ databaseName: `d${k}` }),
          folder,
          ledgerName: `n${i}-${k}`,
        }),
    );
    const databaseLogGroup = logs.LogGroup.fromLogGroupName(stack, `Log${i}`, server.logGroupName);
    const alarms = new SchemaAlarms(stack, `Alarms${i}`, { databaseLogGroup, schemas: all });
    all.forEach((schema, k) => {
      new DriftCheck(stack, `Drift${i}-${k}`, { schema, alarms });
    });
  }
  return Object.keys(Template.fromStack(stack).toJSON().Resources).length;
}

/** Of so many, each needing the same, what still fits. */
const fit = (one: number, two: number): number => 1 + Math.floor((MAX_RESOURCES - one) / (two - one));

test('of schemas with a server each four, of one server nine', () => {
  expect(fit(resources(1, 1), resources(2, 2))).toBe(4);
  // Ten without any workload; nine with one each, whose alarms come on top.
  expect([9, 10]).toContain(fit(resources(1, 1), resources(2, 1)));
  expect(page).toContain('four fit in a stack, each on its own server');
  expect(page).toMatch(/are about 50 each: nine fit/);
  const fleet = Object.keys(Template.fromStack(fleetDeployment().stack).toJSON().Resources).length;
  expect(fleet).toBeLessThan(60);
});

test('more metric filters than a log group holds: the limit, and the way', () => {
  const app = testApp();
  const server = new DatabaseStack(app, 'Server');
  const stack = new Stack(app, 'App');
  const databaseLogGroup = logs.LogGroup.fromLogGroupName(stack, 'Log', server.logGroupName);
  const schemas = Array.from(
    { length: 34 },
    (_, i) =>
      new SchemaMigrations(new Stack(app, `S${i}`), 'Schema', {
        database: server.database({ databaseName: `d${i}` }),
        folder,
        ledgerName: `n${i}`,
      }),
  );
  const alarms = new SchemaAlarms(stack, 'Alarms', { databaseLogGroup, schemas });
  const drift = (i: number) => new DriftCheck(stack, `Drift${i}`, { schema: schemas[i]!, alarms });
  for (let i = 0; i < 33; i++) drift(i);
  expect(() => drift(33)).toThrow(
    /CloudWatch takes no more than 100 on one\. SchemaAlarms takes 34 and each DriftCheck 2.*33 schemas.*a second server/,
  );
});
