import { Duration, Stack } from 'aws-cdk-lib';
import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import * as events from 'aws-cdk-lib/aws-events';
import * as targets from 'aws-cdk-lib/aws-events-targets';
import type * as lambda from 'aws-cdk-lib/aws-lambda';
import { Construct } from 'constructs';
import { DRIFT_METRICS, FUNCTION_DIMENSION, METRIC_NAMESPACE } from '../../../lambda/migrate/metrics';
import type { SchemaAlarms } from '../alarms/schema-alarms';
import { MigrateFunction } from '../functions/migrate-function';
import { type Checks, checkProps, optional } from '../validation/check';
import { alarms as schemaAlarms, schemaFleet } from '../validation/resources';
import { duration, flag } from '../validation/values';
import type { FleetServer, SchemaFleet } from './schema-fleet';

export interface FleetCheckProps {
  /** Whose tenants are looked at. */
  readonly fleet: SchemaFleet;
  /**
   * Who is told: alarms on tenants that have drifted, that are behind for two days, or that were not reached, on what audits
   * find, and on a check that has not run. One for each of these and each server, never one for a tenant.
   * @default - nobody; the metrics are there
   */
  readonly alarms?: SchemaAlarms;
  /**
   * Whole minutes, from 5 minutes to a day. Each run looks at its part of the tenants, and all runs of a day at everybody.
   * @default - 1 hour
   */
  readonly interval?: Duration;
  /**
   * Audit each database once a day as well: what else is wrong by the catalogue.
   * @default - they are audited
   */
  readonly audit?: boolean;
}

const CHECKS: Checks<FleetCheckProps> = {
  fleet: schemaFleet,
  alarms: optional(schemaAlarms),
  interval: optional(duration('minutes', 5, 24 * 60)),
  audit: optional(flag),
};

const DAY = Duration.days(1);
/** An invocation ends after 15 minutes at most. What is not reached is counted. */
const LONGEST = Duration.minutes(15);

/**
 * Proves again, on a schedule, what was applied to the tenants of a fleet: a part in each run, everybody once a day. Who the
 * tenants are is read from the ledgers of each server, so it needs no list. It reads only, but for what audits keep in schema
 * `trueup`.
 *
 * @example
 * new FleetCheck(stack, 'Check', { fleet, alarms, interval: Duration.minutes(30) });
 */
export class FleetCheck extends Construct {
  /** The function of each server that looks; it cannot change a tenant. */
  readonly askFunctions: Readonly<Record<string, lambda.Function>>;

  constructor(scope: Construct, id: string, props: FleetCheckProps) {
    super(scope, id);
    checkProps(this, props, CHECKS);
    const { fleet, alarms, interval = Duration.hours(1), audit = true } = props;
    const checks = Math.max(1, Math.floor(DAY.toMinutes() / interval.toMinutes()));
    this.askFunctions = Object.fromEntries(
      fleet.servers.map((server) => {
        const ask = this.askFunction(fleet, server, checks);
        this.schedule(server.name, ask, interval, audit);
        if (alarms) this.alarm(alarms, fleet, server.name, ask, interval, checks);
        return [server.name, ask];
      }),
    );
  }

  private askFunction(
    fleet: SchemaFleet,
    { name, database, migrate, file }: FleetServer,
    checks: number,
  ): lambda.Function {
    const ask = new MigrateFunction(this, `Ask-${name}`, {
      database,
      manifest: fleet.manifest,
      namespace: fleet.namespace,
      ownerRole: fleet.owner,
      workloadDays: undefined,
      timeout: LONGEST,
      logGroup: fleet.logGroup,
      fleet: file,
      checksADay: checks,
      migrate,
      reservedConcurrency: undefined,
    });
    return ask.function;
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
    { namespace, logGroup }: SchemaFleet,
    server: string,
    ask: lambda.Function,
    interval: Duration,
    checks: number,
  ): void {
    const of = `of ${namespace} on ${server}`;
    const more = `Which, and why, by kind: aws logs tail ${logGroup.logGroupName} --since 1d --filter-pattern '"fleet-drift"' --region ${Stack.of(this).region}`;
    const metric = (name: keyof typeof DRIFT_METRICS, statistic: string, period: Duration) =>
      new cloudwatch.Metric({
        namespace: METRIC_NAMESPACE,
        metricName: DRIFT_METRICS[name],
        dimensionsMap: { [FUNCTION_DIMENSION]: ask.functionName },
        statistic,
        period,
      });
    const add = (id: string, what: string, of: cloudwatch.IMetric, props: Partial<cloudwatch.AlarmProps>) =>
      alarms.alarmDirectly(`${id} ${server} ${this.node.addr}`, of, {
        threshold: 1,
        comparisonOperator: cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
        evaluationPeriods: checks,
        datapointsToAlarm: 1,
        treatMissingData: cloudwatch.TreatMissingData.NOT_BREACHING,
        ...props,
        alarmDescription: `${what} ${more}`,
      });
    // Everybody's turn comes within a day: so long the alarm stays up, and is one page.
    const today = (name: keyof typeof DRIFT_METRICS) => metric(name, 'Maximum', interval);
    add('Drift', `Tenants ${of} are not what their migrations made them.`, today('drift'), {});
    add('Findings', `Audits of the databases ${of} found something wrong.`, today('findings'), {});
    add(
      'NotReached',
      `The check had no time for some tenants ${of}: make it run more often.`,
      today('notReached'),
      {},
    );
    add('Unreachable', `Databases ${of} could not be asked.`, today('unreachable'), {});
    add('Blind', `Log settings of the server ${server} hide errors from the alarms.`, today('blind'), {});
    add('Behind', `Tenants ${of} are behind, two days in a row.`, metric('pending', 'Maximum', DAY), {
      evaluationPeriods: 2,
      datapointsToAlarm: 2,
    });
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
    // It would go up before the first check has run.
    (notRun.node.defaultChild as cloudwatch.CfnAlarm).warmUpConfiguration = {
      warmUpPeriodDurationInMinutes: 2 * interval.toMinutes(),
    };
  }
}
