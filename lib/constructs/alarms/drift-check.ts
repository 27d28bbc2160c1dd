import { Duration } from 'aws-cdk-lib';
import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import * as events from 'aws-cdk-lib/aws-events';
import * as targets from 'aws-cdk-lib/aws-events-targets';
import { Construct } from 'constructs';
import type { SchemaMigrations } from '../migrations/schema-migrations';
import { type Checks, checkProps, optional } from '../validation/check';
import { schema as migrations, alarms as schemaAlarms } from '../validation/resources';
import { duration } from '../validation/values';
import { countInLog } from './log-metrics';
import { heartbeatPatterns } from './log-patterns';
import type { SchemaAlarms } from './schema-alarms';
import { ONCE } from './self-alarms';
import { driftMetric } from './watch-dashboard';

export interface DriftCheckProps {
  /** What is proved again. */
  readonly schema: SchemaMigrations;
  /**
   * Who is told: alarms on drift, on findings of the audit that are new, on statements of the application that no longer plan, on settings that hide errors, on a check that has not run, and on a heartbeat line that
   * has not arrived in the server's log.
   * @default - nobody; the metrics are there
   */
  readonly alarms?: SchemaAlarms;
  /**
   * Whole minutes, from 5 minutes to a day.
   * @default - 1 hour
   */
  readonly interval?: Duration;
}

const CHECKS: Checks<DriftCheckProps> = {
  schema: migrations,
  alarms: optional(schemaAlarms),
  interval: optional(duration('minutes', 5, 24 * 60)),
};

/**
 * Proves again, on a schedule, what was applied: the verify sections of every applied migration that no later one supersedes, the
 * log settings that the alarms rest on, and, with a workload, that the statements of the running application still plan. And it
 * audits the database: what else is wrong by the catalogue and by these statements (indexes that are INVALID, sequences behind
 * their tables, keys without a default) is paged once. It reads only, but for what it keeps in schema `trueup` (which findings it
 * has seen, and with a workload which statements ran), and writes one line into the server's log: when that line stops arriving,
 * the alarms are deaf.
 *
 * @example
 * new DriftCheck(stack, 'Drift', { schema, alarms, interval: Duration.minutes(30) });
 */
export class DriftCheck extends Construct {
  readonly rule: events.Rule;

  constructor(scope: Construct, id: string, props: DriftCheckProps) {
    super(scope, id);
    checkProps(this, props, CHECKS);
    const { schema, alarms, interval = Duration.hours(1) } = props;
    this.rule = new events.Rule(this, 'Schedule', {
      description: `Trueup: drift check of the schema ${schema.namespace}`,
      schedule: events.Schedule.rate(interval),
      targets: [
        new targets.LambdaFunction(schema.askFunction, {
          event: events.RuleTargetInput.fromObject({
            action: 'drift',
            ...(schema.audited ? {} : { audit: false }),
          }),
          retryAttempts: 2,
          maxEventAge: interval,
        }),
      ],
    });
    if (alarms) this.alarm(alarms, schema, interval);
  }

  private alarm(alarms: SchemaAlarms, schema: SchemaMigrations, interval: Duration): void {
    const name = schema.namespace;
    const more = `Details are in the log: ${schema.logCommand}`;
    // Two intervals, since the schedule drifts over their borders.
    const found = { ...ONCE, evaluationPeriods: 2 };
    alarms.alarmDirectly(`Drift ${schema.node.addr}`, driftMetric(schema, 'drift', 'Maximum', interval), {
      ...found,
      alarmDescription: `The schema ${name} is not what its migrations made it. ${more}`,
    });
    if (schema.manifest.workload) this.alarmOnWorkload(alarms, schema, interval);
    if (schema.audited) this.alarmOnFindings(alarms, schema, interval);
    alarms.alarmDirectly(`Blind ${schema.node.addr}`, driftMetric(schema, 'blind', 'Maximum', interval), {
      ...found,
      alarmDescription: `Log settings of the server of ${name} hide errors from the alarms. ${more}`,
    });

    const missing = {
      threshold: 1,
      comparisonOperator: cloudwatch.ComparisonOperator.LESS_THAN_THRESHOLD,
      evaluationPeriods: 2,
      treatMissingData: cloudwatch.TreatMissingData.BREACHING,
    };
    const notRun = alarms.alarmDirectly(
      `NotRun ${schema.node.addr}`,
      driftMetric(schema, 'checked', 'Sum', interval),
      {
        ...missing,
        alarmDescription: `The drift check of the schema ${name} has not completed. ${more}`,
      },
    );
    const heartbeat = `heartbeat-${schema.node.addr}`;
    countInLog(
      this,
      'Heartbeat',
      alarms.databaseLogGroup,
      heartbeatPatterns(schema.database.databaseName, name),
      {
        namespace: alarms.metricNamespace,
        name: heartbeat,
      },
    );
    const silent = alarms.alarmDirectly(
      `Heartbeat ${schema.node.addr}`,
      new cloudwatch.Metric({
        namespace: alarms.metricNamespace,
        metricName: heartbeat,
        statistic: 'Sum',
        period: interval,
      }),
      {
        ...missing,
        alarmDescription:
          `The heartbeat line of ${name} has not arrived in the server's log group: the log is not exported, its group was ` +
          'replaced, or its settings were changed, and no alarm on errors can be trusted. It also stops when the drift check does not run.',
      },
    );
    for (const alarm of [notRun, silent]) warmUp(alarm, interval);
  }

  private alarmOnFindings(alarms: SchemaAlarms, schema: SchemaMigrations, interval: Duration): void {
    alarms.alarmThroughPager('Findings', schema, {
      ...ONCE,
      metric: driftMetric(schema, 'unpaged', 'Maximum', interval),
      evaluationPeriods: 2,
      alarmDescription:
        `An audit found something wrong with the database of ${schema.namespace} that nobody was told of. ` +
        'The page that follows says what, and what to do. It ends by itself: each finding is paged once.',
    });
  }

  private alarmOnWorkload(alarms: SchemaAlarms, schema: SchemaMigrations, interval: Duration): void {
    alarms.alarmThroughPager('Workload', schema, {
      ...ONCE,
      metric: driftMetric(schema, 'workload', 'Maximum', interval),
      evaluationPeriods: 2,
      alarmDescription:
        `Statements that the running application of ${schema.namespace} sends no longer plan as when it was deployed. ` +
        'The page that follows says which, why, and what to do.',
    });
  }
}

/** A new alarm on missing data would go up before the first check has run. */
function warmUp(alarm: cloudwatch.Alarm, interval: Duration): void {
  (alarm.node.defaultChild as cloudwatch.CfnAlarm).warmUpConfiguration = {
    warmUpPeriodDurationInMinutes: 2 * interval.toMinutes(),
  };
}
