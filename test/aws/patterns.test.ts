import { type App, Duration, Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import * as logs from 'aws-cdk-lib/aws-logs';
import { describe, expect, it, test } from 'vitest';
import { DriftCheck } from '../../lib/constructs/alarms/drift-check';
import { LOG_FILTER_LIMITS } from '../../lib/constructs/alarms/log-patterns';
import { SchemaAlarms } from '../../lib/constructs/alarms/schema-alarms';
import { SchemaMigrations } from '../../lib/constructs/migrations/schema-migrations';
import { Notify } from '../../lib/constructs/notify/notify';
import { DatabaseStack } from '../../lib/stacks/database-stack';
import { compileFilterPattern } from '../support/filter-pattern';
import { PEOPLE_FOLDER, testApp } from '../support/synth';
import { filtersAtOnce } from './apps/small';
import { libraryPatterns, sampleEvents, WATCHED } from './patterns';

/** The filters of everything that the library watches with, as they would be deployed. */
function synthesized(app: App): string[] {
  const server = new DatabaseStack(app, 'server', { minimalCost: true });
  const stack = new Stack(app, 'all');
  const group = (id: string) => logs.LogGroup.fromLogGroupName(stack, id, id);
  const { database, namespace, excludedRoles, ignore, json } = WATCHED;
  const schema = new SchemaMigrations(stack, 'Schema', {
    database: server.database({ databaseName: database }),
    folder: PEOPLE_FOLDER,
    ledgerName: namespace,
  });
  const alarms = new SchemaAlarms(stack, 'Alarms', {
    databaseLogGroup: group('server-log'),
    notify: [Notify.email('on-call@example.com')],
    schemas: [schema],
    applicationLogGroups: [
      { logGroup: group('text') },
      { logGroup: group('json'), json: { sqlstate: json.sqlstate, message: json.message } },
    ],
    excludedRoles: [...excludedRoles],
    ignore: [...ignore],
  });
  new DriftCheck(stack, 'Drift', { schema, alarms, interval: Duration.hours(1) });
  return Object.values(Template.fromStack(stack).findResources('AWS::Logs::MetricFilter')).map(
    ({ Properties }) => Properties.FilterPattern as string,
  );
}

test('every filter that the library makes is tried', () => {
  const known = libraryPatterns().map(({ pattern }) => pattern);
  const made = synthesized(testApp());
  expect(made.length).toBeGreaterThan(60);
  expect(made.filter((pattern) => !known.includes(pattern))).toEqual([]);
});

test('those that are made at once fit on one log group', () => {
  expect(filtersAtOnce().length).toBeGreaterThan(60);
  expect(filtersAtOnce().length).toBeLessThan(LOG_FILTER_LIMITS.filtersPerLogGroup);
});

describe('the lines', () => {
  it('each pattern matches some and not all', async () => {
    const events = await sampleEvents();
    for (const { use, pattern } of libraryPatterns()) {
      const matching = events.filter(compileFilterPattern(pattern)).length;
      expect(matching, `${use}: ${pattern}`).toBeGreaterThan(0);
      expect(matching, `${use}: ${pattern}`).toBeLessThan(events.length);
    }
  });
  it('what CloudWatch takes: distinct, none empty', async () => {
    const events = await sampleEvents();
    expect(new Set(events).size).toBe(events.length);
    expect(events.filter((event) => event.trim() === '')).toEqual([]);
  });
});
