import { Duration } from 'aws-cdk-lib';
import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import * as events from 'aws-cdk-lib/aws-events';
import * as targets from 'aws-cdk-lib/aws-events-targets';
import { Construct } from 'constructs';
import { type SchemaMigrations, schemaCheck } from '../migrations/schema-migrations';
import { checkProps, optional, type PropChecks } from '../validation/prop-checks';
import { durationCheck } from '../validation/values';
import { countInLog } from './log-metrics';
import { buildHeartbeatPatterns } from './log-patterns';
import { alarmsCheck, type SchemaAlarms } from './schema-alarms';
import { SINGLE_DATAPOINT } from './self-alarms';
import { createDriftMetric } from './watch-dashboard';

/** Props of `DriftCheck`. */
export interface DriftCheckProps {
  /** Schema to check. */
  readonly schema: SchemaMigrations;
  /**
   * Alarms to add the check to. They are raised for drift, for new findings of the audit, for statements of the application that no longer plan, for
   * settings that hide errors, for a check that has not run, and for a heartbeat line that has not arrived in the
   * server's log.
   * @default - no alarms; only the metrics exist
   */
  readonly alarms?: SchemaAlarms;
  /**
   * Interval between two checks, in whole minutes from 5 minutes to a day.
   * @default Duration.hours(1)
   */
  readonly interval?: Duration;
}

const CHECKS: PropChecks<DriftCheckProps> = {
  schema: schemaCheck,
  alarms: optional(alarmsCheck),
  interval: optional(durationCheck('minutes', 5, 24 * 60)),
};

/**
 * Checks on a schedule that the applied migrations still hold: the verify sections of every applied migration that no
 * later one supersedes, the log settings that the alarms rely on, and, with a workload, that the statements of the
 * running application still plan. It also audits the database for other problems that the catalog and these statements
 * show (e.g. indexes that are INVALID, sequences that are behind their tables, keys without a default). Each finding is
 * paged once.
 *
 * The check is read-only, except for what it records in schema `trueup` (the findings that it has seen and, with a
 * workload, the statements that ran) and for one line in the server's log. If that line stops arriving, the alarms no
 * longer see errors.
 *
 * @example
 * new DriftCheck(stack, 'Drift', { schema, alarms, interval: Duration.minutes(30) });
 */
export class DriftCheck extends Construct {
  /** Rule of EventBridge that runs the check. */
  readonly rule: events.Rule;

  constructor(scope: Construct, id: string, props: DriftCheckProps) {
    super(scope, id);
    checkProps(this, props, CHECKS);
    const { schema, alarms, interval = Duration.hours(1) } = props;
    this.rule = new events.Rule(this, 'Schedule', {
      description: `Trueup: drift check of the schema ${schema.ledgerName}`,
      schedule: events.Schedule.rate(interval),
      targets: [
        new targets.LambdaFunction(schema.queryFunction, {
          event: events.RuleTargetInput.fromObject({
            action: 'drift',
            ...(schema._audited ? {} : { audit: false }),
          }),
          retryAttempts: 2,
          maxEventAge: interval,
        }),
      ],
    });
    if (alarms) this.alarm(alarms, schema, interval);
  }

  private alarm(alarms: SchemaAlarms, schema: SchemaMigrations, interval: Duration): void {
    const name = schema.ledgerName;
    const more = `Details are in the log: ${schema.logCommand}`;
    // Two intervals, because runs of the schedule do not stay aligned with the metric's periods.
    const found = { ...SINGLE_DATAPOINT, evaluationPeriods: 2 };
    alarms._addDirectAlarm(
      `Drift ${schema.node.addr}`,
      createDriftMetric(schema, 'drift', 'Maximum', interval),
      {
        ...found,
        alarmDescription: `The schema ${name} is not what its migrations made it. ${more}`,
      },
    );
    if (schema._manifest.workload) this.alarmOnWorkload(alarms, schema, interval);
    if (schema._audited) this.alarmOnFindings(alarms, schema, interval);
    alarms._addDirectAlarm(
      `Blind ${schema.node.addr}`,
      createDriftMetric(schema, 'blind', 'Maximum', interval),
      {
        ...found,
        alarmDescription: `Log settings of the server of ${name} hide errors from the alarms. ${more}`,
      },
    );

    const missing = {
      threshold: 1,
      comparisonOperator: cloudwatch.ComparisonOperator.LESS_THAN_THRESHOLD,
      evaluationPeriods: 2,
      treatMissingData: cloudwatch.TreatMissingData.BREACHING,
    };
    const notRun = alarms._addDirectAlarm(
      `NotRun ${schema.node.addr}`,
      createDriftMetric(schema, 'checked', 'Sum', interval),
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
      buildHeartbeatPatterns(schema.database.databaseName, name),
      {
        namespace: alarms.metricNamespace,
        name: heartbeat,
      },
    );
    const silent = alarms._addDirectAlarm(
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
          'replaced, or its settings were changed, and no alarm on errors can be trusted. This metric also stops when the drift check does not run.',
      },
    );
    for (const alarm of [notRun, silent]) warmUp(alarm, interval);
  }

  private alarmOnFindings(alarms: SchemaAlarms, schema: SchemaMigrations, interval: Duration): void {
    alarms._addPagedAlarm('Findings', schema, {
      ...SINGLE_DATAPOINT,
      metric: createDriftMetric(schema, 'unpaged', 'Maximum', interval),
      evaluationPeriods: 2,
      alarmDescription:
        `An audit of the database of ${schema.ledgerName} has findings that have not been paged yet. ` +
        'The page that follows has the findings and the remedies. The alarm ends automatically, because each finding is paged once.',
    });
  }

  private alarmOnWorkload(alarms: SchemaAlarms, schema: SchemaMigrations, interval: Duration): void {
    alarms._addPagedAlarm('Workload', schema, {
      ...SINGLE_DATAPOINT,
      metric: createDriftMetric(schema, 'workload', 'Maximum', interval),
      evaluationPeriods: 2,
      alarmDescription:
        `Statements that the running application of ${schema.ledgerName} sends no longer plan as when it was deployed. ` +
        'The page that follows says which, why, and what to do.',
    });
  }
}

/** Keeps a new alarm from being raised before the first check has run: it treats missing data as breaching. */
function warmUp(alarm: cloudwatch.Alarm, interval: Duration): void {
  (alarm.node.defaultChild as cloudwatch.CfnAlarm).warmUpConfiguration = {
    warmUpPeriodDurationInMinutes: 2 * interval.toMinutes(),
  };
}
