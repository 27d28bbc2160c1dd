import { Duration, Stack } from 'aws-cdk-lib';
import { Match, Template } from 'aws-cdk-lib/assertions';
import * as logs from 'aws-cdk-lib/aws-logs';
import { describe, expect, it } from 'vitest';
import { SchemaAlarms } from '../../../lib/constructs/alarms/schema-alarms';
import { FleetCheck } from '../../../lib/constructs/fleet/fleet-check';
import { SchemaMigrations } from '../../../lib/constructs/migrations/schema-migrations';
import { fleetDeployment } from '../../support/fleet';
import { folderOf, nagFindings, PEOPLE, resourcesOf } from '../../support/synth';

function checked(interval?: Duration) {
  const made = fleetDeployment({ owner: 'app_owner', sharedSchemas: ['shared'] });
  const { stack, server, fleet } = made;
  const databaseLogGroup = logs.LogGroup.fromLogGroupName(stack, 'DatabaseLog', server.logGroupName);
  const control = new SchemaMigrations(stack, 'Control', {
    database: server.database(),
    folder: folderOf({ '0001_people.sql': PEOPLE }),
    namespace: 'control',
  });
  const alarms = new SchemaAlarms(stack, 'Alarms', { databaseLogGroup, schemas: [control] });
  const check = new FleetCheck(stack, 'Check', { fleet, alarms, ...(interval ? { interval } : {}) });
  return { ...made, check };
}

interface Alarm {
  readonly MetricName: string;
  readonly Period: number;
  readonly EvaluationPeriods: number;
  readonly DatapointsToAlarm: number;
  readonly AlarmDescription: unknown;
}
const propertiesIn = (stack: Stack, type: string): unknown[] =>
  Object.values(resourcesOf(Template.fromStack(stack), type)).map(({ Properties }) => Properties);
const alarmsIn = (stack: Stack): Alarm[] =>
  (propertiesIn(stack, 'AWS::CloudWatch::Alarm') as Alarm[]).filter(({ AlarmDescription }) =>
    /fleet-drift/.test(JSON.stringify(AlarmDescription)),
  );
const variablesIn = (stack: Stack): Record<string, unknown>[] =>
  (
    propertiesIn(stack, 'AWS::Lambda::Function') as {
      Environment?: { Variables?: Record<string, unknown> };
    }[]
  ).flatMap(({ Environment: { Variables } = {} }) => (Variables === undefined ? [] : [Variables]));

describe('a check of a fleet, synthesized', () => {
  it('passes cdk-nag', () => {
    expect(nagFindings(checked().app)).toEqual([]);
  });

  it('asks a function that cannot change anything, as often as it is told', () => {
    const { stack } = checked(Duration.minutes(30));
    const template = Template.fromStack(stack);
    template.hasResourceProperties('AWS::Events::Rule', {
      ScheduleExpression: 'rate(30 minutes)',
      Targets: [Match.objectLike({ Input: '{"action":"drift","audit":true}' })],
    });
    const [ask] = variablesIn(stack).filter(({ TRUEUP_CHECKS_A_DAY: checks }) => checks !== undefined);
    expect(ask).toMatchObject({
      TRUEUP_CHECKS_A_DAY: '48',
      TRUEUP_ASKS_ONLY: 'true',
      TRUEUP_FLEET_FILE: 'fleet.json',
      TRUEUP_NAMESPACE: 'people',
      TRUEUP_OWNER_ROLE: 'app_owner',
    });
    expect(ask).not.toHaveProperty('TRUEUP_ADMIN_SECRET_ARN');
    expect(ask).not.toHaveProperty('TRUEUP_METRICS_OF');
  });

  it('has one alarm a kind, that stays up for the day in which everybody has a turn', () => {
    const windows = Object.fromEntries(
      alarmsIn(checked().stack).map(({ MetricName, Period, EvaluationPeriods, DatapointsToAlarm }) => [
        MetricName,
        [Period * EvaluationPeriods, DatapointsToAlarm],
      ]),
    );
    const day = 24 * 3_600;
    expect(windows).toEqual({
      Drift: [day, 1],
      AuditFindings: [day, 1],
      TenantsNotReached: [day, 1],
      UnreachableDatabases: [day, 1],
      LoggingProblems: [day, 1],
      PendingMigrations: [2 * day, 2],
      DriftChecked: [2 * 3_600, 2],
    });
    // CloudWatch's limits: a day where the period is less than an hour, else a week.
    for (const minutes of [5, 7, 60, 600, 24 * 60]) {
      for (const { Period, EvaluationPeriods } of alarmsIn(checked(Duration.minutes(minutes)).stack))
        expect(Period * EvaluationPeriods).toBeLessThanOrEqual(Period < 3_600 ? day : 7 * day);
    }
  });

  it('needs no alarms', () => {
    const { stack, fleet } = fleetDeployment();
    const check = new FleetCheck(new Stack(stack, 'Nested'), 'Check', { fleet, audit: false });
    expect(Object.keys(check.askFunctions)).toEqual(['main']);
  });
});
