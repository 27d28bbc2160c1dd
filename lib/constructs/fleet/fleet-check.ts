import { Duration, Stack } from 'aws-cdk-lib';
import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import * as events from 'aws-cdk-lib/aws-events';
import * as targets from 'aws-cdk-lib/aws-events-targets';
import type * as lambda from 'aws-cdk-lib/aws-lambda';
import { Construct } from 'constructs';
import type { Manifest } from '../../../lambda/contract/manifest';
import { DRIFT_METRICS, FUNCTION_DIMENSION, METRIC_NAMESPACE } from '../../../lambda/migrate/metrics';
import { alarmsCheck, type SchemaAlarms } from '../alarms/schema-alarms';
import { SINGLE_DATAPOINT } from '../alarms/self-alarms';
import { MigrateFunction } from '../functions/migrate-function';
import { readSuppressionsFile } from '../migrations/compile';
import { type ScheduledAuditProps, scheduledAuditCheck } from '../migrations/schema-migrations-props';
import { checkProps, optional, type PropChecks, prefixErrors } from '../validation/prop-checks';
import { durationCheck } from '../validation/values';
import { buildStatusCommand } from './fleet-alarms';
import { type FleetServer, type SchemaFleet, schemaFleetCheck } from './schema-fleet';

/** Props of `FleetCheck`. */
export interface FleetCheckProps {
  /** Fleet whose tenants to check. */
  readonly fleet: SchemaFleet;
  /**
   * Alarms to add the check to. They are raised for tenants that have drifted, that have been behind for two days or that were not reached, for findings of
   * audits, and for a check that has not run. There is one alarm of each kind per server, never one per tenant.
   * @default - the fleet's alarms; if it has none, only the metrics exist
   */
  readonly alarms?: SchemaAlarms;
  /**
   * Interval between two runs, in whole minutes from 5 minutes to a day. Each run checks a part of the tenants, and the
   * runs of a day check all of them.
   * @default Duration.hours(1)
   */
  readonly interval?: Duration;
  /**
   * Options of the daily audit of each database, which looks for other problems in the catalog. `suppressions` applies to all
   * databases of the fleet. `scheduled: false` switches the audit off.
   * @default - every database is audited, and no finding is suppressed
   */
  readonly audit?: ScheduledAuditProps;
}

const CHECKS: PropChecks<FleetCheckProps> = {
  fleet: schemaFleetCheck,
  alarms: optional(alarmsCheck),
  interval: optional(durationCheck('minutes', 5, 24 * 60)),
  audit: optional(scheduledAuditCheck),
};

const ONE_DAY = Duration.days(1);
/** Lambda ends an invocation after 15 minutes. Tenants that were not reached by then are counted. */
const MAX_INVOCATION = Duration.minutes(15);

/**
 * Checks on a schedule that the migrations applied to a fleet's tenants still hold. Each run checks some of the
 * tenants, and every tenant is checked once a day. It needs no list, because it reads the tenants' names from the
 * ledgers of each server. It is read-only, except for what audits record in schema `trueup`.
 *
 * @example
 * new FleetCheck(stack, 'Check', { fleet, alarms, interval: Duration.minutes(30) });
 */
export class FleetCheck extends Construct {
  /** Functions that check the tenants, by server name. They cannot change a tenant. */
  readonly queryFunctions: Readonly<Record<string, lambda.Function>>;

  constructor(scope: Construct, id: string, props: FleetCheckProps) {
    super(scope, id);
    checkProps(this, props, CHECKS);
    const { fleet, alarms = fleet.alarms, interval = Duration.hours(1) } = props;
    const { suppressions: file, scheduled: audit = true } = props.audit ?? {};
    const suppressions =
      file === undefined ? undefined : prefixErrors(this, () => readSuppressionsFile(file));
    const manifest = { ...fleet._manifest, ...(suppressions ? { suppressions } : {}) };
    const checks = Math.max(1, Math.floor(ONE_DAY.toMinutes() / interval.toMinutes()));
    this.queryFunctions = Object.fromEntries(
      fleet._servers.map((server) => {
        const ask = this.queryFunction(fleet, server, manifest, checks);
        this.schedule(server.name, ask.function, interval, audit);
        if (alarms) this.alarm(alarms, fleet, server.name, ask, interval, checks);
        if (alarms && audit) this.alarmOnFindings(alarms, fleet, server.name, ask, interval);
        return [server.name, ask.function];
      }),
    );
  }

  private queryFunction(
    fleet: SchemaFleet,
    { name, database, migrate, file }: FleetServer,
    manifest: Manifest,
    checks: number,
  ): MigrateFunction {
    return new MigrateFunction(this, `Query-${name}`, {
      database,
      manifest,
      namespace: fleet.ledgerName,
      ownerRole: fleet.owner,
      workloadDays: undefined,
      timeout: MAX_INVOCATION,
      logGroup: fleet.logGroup,
      fleet: file,
      checksADay: checks,
      migrate,
      reservedConcurrency: undefined,
    });
  }

  private schedule(server: string, ask: lambda.Function, interval: Duration, audit: boolean): void {
    new events.Rule(this, `Schedule-${server}`, {
      description: `Trueup: check of the tenants on ${server}`,
      schedule: events.Schedule.rate(interval),
      targets: [
        new targets.LambdaFunction(ask, {
          event: events.RuleTargetInput.fromObject({ action: 'drift', audit }),
          retryAttempts: 2,
          maxEventAge: interval,
        }),
      ],
    });
  }

  private alarm(
    alarms: SchemaAlarms,
    fleet: SchemaFleet,
    server: string,
    { function: ask }: MigrateFunction,
    interval: Duration,
    checks: number,
  ): void {
    const { ledgerName, logGroup } = fleet;
    const of = `of ${ledgerName} on ${server}`;
    const more = `Which, and why, by kind: aws logs tail ${logGroup.logGroupName} --since 1d --filter-pattern '"fleet-drift"' --region ${Stack.of(this).region}`;
    const metric = createMetricFactory(ask);
    const add = (id: string, what: string, of: cloudwatch.IMetric, props: Partial<cloudwatch.AlarmProps>) =>
      alarms._addDirectAlarm(`${id} ${server} ${this.node.addr}`, of, {
        threshold: 1,
        comparisonOperator: cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
        evaluationPeriods: checks,
        datapointsToAlarm: 1,
        treatMissingData: cloudwatch.TreatMissingData.NOT_BREACHING,
        ...props,
        alarmDescription: `${what} ${more}`,
      });
    // Every tenant is checked once within a day, so the alarm stays raised for a day and sends one page.
    const today = (name: keyof typeof DRIFT_METRICS) => metric(name, 'Maximum', interval);
    add('Drift', `Tenants ${of} are not what their migrations made them.`, today('drift'), {});
    if (fleet._manifest.workload)
      add(
        'Workload',
        `Statements of the application no longer plan for tenants ${of}; the alarm's value is how many.`,
        today('workload'),
        {},
      );
    add(
      'NotReached',
      `The check had no time for some tenants ${of}: make it run more often.`,
      today('notReached'),
      {},
    );
    add('Unreachable', `Databases ${of} could not be queried.`, today('unreachable'), {});
    add('Blind', `Log settings of the server ${server} hide errors from the alarms.`, today('blind'), {});
    // Each tenant is checked once a day, so the sum over a day is the number of tenants.
    add(
      'Behind',
      `Tenants ${of} are behind, two days in a row; the alarm's value is how many. First: ${buildStatusCommand(fleet)}.`,
      metric('pending', 'Sum', ONE_DAY),
      {
        evaluationPeriods: 2,
        datapointsToAlarm: 2,
      },
    );
    const notRun = add(
      'NotRun',
      `The check of the tenants ${of} has not completed.`,
      metric('checked', 'Sum', interval),
      {
        comparisonOperator: cloudwatch.ComparisonOperator.LESS_THAN_THRESHOLD,
        evaluationPeriods: 2,
        datapointsToAlarm: 2,
        treatMissingData: cloudwatch.TreatMissingData.BREACHING,
      },
    );
    // Keeps the alarm from being raised before the first check has run.
    (notRun.node.defaultChild as cloudwatch.CfnAlarm).warmUpConfiguration = {
      warmUpPeriodDurationInMinutes: 2 * interval.toMinutes(),
    };
  }
  /** Adds the alarm on findings. The pager sends one page per check and day, with the number of databases. */
  private alarmOnFindings(
    alarms: SchemaAlarms,
    { ledgerName }: SchemaFleet,
    server: string,
    ask: MigrateFunction,
    interval: Duration,
  ): void {
    alarms._addQueryFunction(ask.function, `${ledgerName} on ${server}`);
    alarms._addPagedAlarm('Findings', ask, {
      ...SINGLE_DATAPOINT,
      metric: createMetricFactory(ask.function)('unpaged', 'Maximum', interval),
      // Two intervals, because runs of the schedule do not stay aligned with the metric's periods.
      evaluationPeriods: 2,
      alarmDescription:
        `Audits of the databases of ${ledgerName} on ${server} have findings that have not been paged yet. ` +
        'The page that follows has the findings, the number of databases and the remedies. The alarm ends automatically.',
    });
  }
}

const createMetricFactory =
  (ask: lambda.Function) =>
  (name: keyof typeof DRIFT_METRICS, statistic: string, period: Duration): cloudwatch.Metric =>
    new cloudwatch.Metric({
      namespace: METRIC_NAMESPACE,
      metricName: DRIFT_METRICS[name],
      dimensionsMap: { [FUNCTION_DIMENSION]: ask.functionName },
      statistic,
      period,
    });
