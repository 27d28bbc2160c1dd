import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type CfnElement, Duration, Stack } from 'aws-cdk-lib';
import { Match, Template } from 'aws-cdk-lib/assertions';
import * as logs from 'aws-cdk-lib/aws-logs';
import { describe, expect, it } from 'vitest';
import { isFindingsAlarm } from '../../../lambda/page/alarm';
import { SchemaAlarms } from '../../../lib/constructs/alarms/schema-alarms';
import { FleetCheck, type FleetCheckProps } from '../../../lib/constructs/fleet/fleet-check';
import type { SchemaFleetProps } from '../../../lib/constructs/fleet/schema-fleet-props';
import { SchemaMigrations } from '../../../lib/constructs/migrations/schema-migrations';
import { fleetDeployment } from '../../support/fleet';
import { nagFindings, PEOPLE_FOLDER, resourcesOf } from '../../support/synth';

function checked(
  interval?: Duration,
  audit?: FleetCheckProps['audit'],
  change: Partial<SchemaFleetProps> = {},
) {
  const made = fleetDeployment({ owner: 'app_owner', sharedSchemas: ['shared'], ...change });
  const { stack, server, fleet } = made;
  const databaseLogGroup = logs.LogGroup.fromLogGroupName(stack, 'DatabaseLog', server.logGroupName);
  const control = new SchemaMigrations(stack, 'Control', {
    database: server.database(),
    folder: PEOPLE_FOLDER,
    ledgerName: 'control',
  });
  const alarms = new SchemaAlarms(stack, 'Alarms', { databaseLogGroup, schemas: [control] });
  const check = new FleetCheck(stack, 'Check', { fleet, alarms, audit, ...(interval ? { interval } : {}) });
  return { ...made, check, alarms };
}

interface Alarm {
  readonly MetricName: string;
  readonly Period: number;
  readonly EvaluationPeriods: number;
  readonly DatapointsToAlarm: number;
  readonly Statistic: string;
  readonly AlarmName?: string;
  readonly AlarmActions: readonly unknown[];
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
      TRUEUP_QUERY_ONLY: 'true',
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

  it('counts the tenants that are behind over a day, and says what to type first', () => {
    const behind = alarmsIn(checked().stack).find(({ MetricName }) => MetricName === 'PendingMigrations');
    expect(behind).toMatchObject({ Statistic: 'Sum', Period: 86_400 });
    expect(JSON.stringify(behind!.AlarmDescription)).toContain('npx trueup status --stack App --fleet');
  });

  it('has new findings paged, by a pager that may ask this function and knows what to call it', () => {
    const { stack, alarms, check } = checked();
    const template = Template.fromStack(stack);
    const ask = stack.getLogicalId(check.queryFunctions.main!.node.defaultChild as CfnElement);
    const found = (propertiesIn(stack, 'AWS::CloudWatch::Alarm') as Alarm[]).filter(
      ({ MetricName }) => MetricName === 'NewFindings',
    );
    expect(found).toEqual([
      expect.objectContaining({
        EvaluationPeriods: 2,
        DatapointsToAlarm: 1,
        Dimensions: [{ Name: 'FunctionName', Value: { Ref: ask } }],
        AlarmActions: [stack.resolve(alarms.pageFunction.functionArn)],
      }),
    ]);
    expect(isFindingsAlarm(found[0]!.AlarmName!.replace(/-findings-.*/, ''), found[0]!.AlarmName!)).toBe(
      true,
    );
    const [settings] = variablesIn(stack).flatMap(({ TRUEUP_PAGE: text }) => (text ? [text] : []));
    const filled = JSON.stringify(settings).replaceAll(/",\{"Ref":"(\w+)"\},"/g, '$1');
    expect(filled).toContain(`\\"fleets\\":{\\"${ask}\\":\\"people on main\\"}`);
    template.hasResourceProperties('AWS::IAM::Policy', {
      PolicyDocument: {
        Statement: Match.arrayWith([
          {
            Sid: 'QueryFleets',
            Effect: 'Allow',
            Action: 'lambda:InvokeFunction',
            Resource: { 'Fn::GetAtt': [ask, 'Arn'] },
          },
        ]),
      },
    });
  });

  it('suppresses only what a file lists, and only in its own function', () => {
    const file = join(mkdtempSync(join(tmpdir(), 'suppressions-')), 'suppressions.txt');
    writeFileSync(file, 'invalid-index public.orders  # rebuilt on Sunday\n');
    const codeOf = (stack: Stack): unknown =>
      (
        propertiesIn(stack, 'AWS::Lambda::Function') as {
          Code: unknown;
          Environment?: { Variables?: Record<string, unknown> };
        }[]
      ).find(({ Environment }) => Environment?.Variables?.TRUEUP_CHECKS_A_DAY !== undefined)!.Code;
    const [suppressing, plain] = [checked(undefined, { suppressions: file }), checked()];
    expect(codeOf(suppressing.stack)).not.toEqual(codeOf(plain.stack));
    expect(suppressing.fleet._manifest).not.toHaveProperty('suppressions');
    writeFileSync(file, 'invalid-index public.orders\n');
    expect(() => checked(undefined, { suppressions: file })).toThrow(`audit.suppressions: ${file}:1: `);
  });

  it('with a workload: the function has its statements, the resource its hash, and an alarm says for how many they fail', () => {
    const folder = PEOPLE_FOLDER;
    const workload = join(mkdtempSync(join(tmpdir(), 'trueup-')), 'people.sql');
    writeFileSync(workload, '-- role shop; calls 88\nSELECT id FROM people;\n');
    const { stack, fleet } = checked(undefined, undefined, { folder, workload });
    expect(fleet._manifest.workload?.statements).toMatchObject([
      { text: 'SELECT id FROM people', role: 'shop' },
    ]);
    Template.fromStack(stack).hasResourceProperties('Custom::TrueupFleet', {
      Workload: fleet._manifest.workload!.hash,
    });
    const [alarm, ...more] = alarmsIn(stack).filter((each) => each.MetricName === 'BrokenStatements');
    expect(more).toEqual([]);
    expect(alarm).toMatchObject({ Statistic: 'Maximum', EvaluationPeriods: 24, DatapointsToAlarm: 1 });
    expect(alarmsIn(checked().stack).map((each) => each.MetricName)).not.toContain('BrokenStatements');
  });

  it('does not audit where it is told not to, and has no alarm on it', () => {
    const { stack } = checked(undefined, { scheduled: false });
    expect(JSON.stringify(propertiesIn(stack, 'AWS::CloudWatch::Alarm'))).not.toContain('NewFindings');
    Template.fromStack(stack).hasResourceProperties('AWS::Events::Rule', {
      Targets: [Match.objectLike({ Input: '{"action":"drift","audit":false}' })],
    });
  });

  it('needs no alarms', () => {
    const { stack, fleet } = fleetDeployment();
    const check = new FleetCheck(new Stack(stack, 'Nested'), 'Check', { fleet, audit: { scheduled: false } });
    expect(Object.keys(check.queryFunctions)).toEqual(['main']);
  });
});
