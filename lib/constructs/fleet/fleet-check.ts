import { Duration, Stack } from 'aws-cdk-lib';
import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import * as events from 'aws-cdk-lib/aws-events';
import * as targets from 'aws-cdk-lib/aws-events-targets';
import type * as lambda from 'aws-cdk-lib/aws-lambda';
import { Construct } from 'constructs';
import type { Manifest } from '../../../lambda/contract/manifest';
import { DRIFT_METRICS, FUNCTION_DIMENSION, METRIC_NAMESPACE } from '../../../lambda/migrate/metrics';
import type { SchemaAlarms } from '../alarms/schema-alarms';
import { ONCE } from '../alarms/self-alarms';
import { MigrateFunction } from '../functions/migrate-function';
import { acceptedIn } from '../migrations/compile';
import { type ScheduledAuditProps, scheduledAudit } from '../migrations/schema-migrations-props';
import { type Checks, checkProps, optional, within } from '../validation/check';
import { alarms as schemaAlarms, schemaFleet } from '../validation/resources';
import { duration } from '../validation/values';
import { statusCommand } from './fleet-alarms';
import type { FleetServer, SchemaFleet } from './schema-fleet';

export interface FleetCheckProps {
  /** Whose tenants are looked at. */
  readonly fleet: SchemaFleet;
  /**
   * Who is told: alarms on tenants that have drifted, that are behind for two days, or that were not reached, on what audits
   * find, and on a check that has not run. One for each of these and each server, never one for a tenant.
   * @default - those of the fleet; where it has none, nobody is told, and the metrics are there
   */
  readonly alarms?: SchemaAlarms;
  /**
   * Whole minutes, from 5 minutes to a day. Each run looks at its part of the tenants, and all runs of a day at everybody.
   * @default - 1 hour
   */
  readonly interval?: Duration;
  /**
   * Each database is audited once a day as well: what else is wrong by the catalogue. `accept` holds for all databases of the
   * fleet.
   * @default - they are audited, and nothing is accepted
   */
  readonly audit?: ScheduledAuditProps;
}

const CHECKS: Checks<FleetCheckProps> = {
  fleet: schemaFleet,
  alarms: optional(schemaAlarms),
  interval: optional(duration('minutes', 5, 24 * 60)),
  audit: optional(scheduledAudit),
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
    const { fleet, alarms = fleet.alarms, interval = Duration.hours(1) } = props;
    const { accept, scheduled: audit = true } = props.audit ?? {};
    const accepted = accept === undefined ? undefined : within(this, () => acceptedIn(accept));
    const manifest = { ...fleet.manifest, ...(accepted ? { accepted } : {}) };
    const checks = Math.max(1, Math.floor(DAY.toMinutes() / interval.toMinutes()));
    this.askFunctions = Object.fromEntries(
      fleet.servers.map((server) => {
        const ask = this.askFunction(fleet, server, manifest, checks);
        this.schedule(server.name, ask.function, interval, audit);
        if (alarms) this.alarm(alarms, fleet, server.name, ask, interval, checks);
        if (alarms && audit) this.alarmOnFindings(alarms, fleet, server.name, ask, interval);
        return [server.name, ask.function];
      }),
    );
  }

  private askFunction(
    fleet: SchemaFleet,
    { name, database, migrate, file }: FleetServer,
    manifest: Manifest,
    checks: number,
  ): MigrateFunction {
    return new MigrateFunction(this, `Ask-${name}`, {
      database,
      manifest,
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
    const { namespace, logGroup } = fleet;
    const of = `of ${namespace} on ${server}`;
    const more = `Which, and why, by kind: aws logs tail ${logGroup.logGroupName} --since 1d --filter-pattern '"fleet-drift"' --region ${Stack.of(this).region}`;
    const metric = metricsOf(ask);
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
    if (fleet.manifest.workload)
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
    add('Unreachable', `Databases ${of} could not be asked.`, today('unreachable'), {});
    add('Blind', `Log settings of the server ${server} hide errors from the alarms.`, today('blind'), {});
    // Each has one turn a day, so the sum of a day is how many they are.
    add(
      'Behind',
      `Tenants ${of} are behind, two days in a row; the alarm's value is how many. First: ${statusCommand(fleet)}.`,
      metric('pending', 'Sum', DAY),
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
    // It would go up before the first check has run.
    (notRun.node.defaultChild as cloudwatch.CfnAlarm).warmUpConfiguration = {
      warmUpPeriodDurationInMinutes: 2 * interval.toMinutes(),
    };
  }
  /** Through the pager, which says a kind once a day, with the number of databases. */
  private alarmOnFindings(
    alarms: SchemaAlarms,
    { namespace }: SchemaFleet,
    server: string,
    ask: MigrateFunction,
    interval: Duration,
  ): void {
    alarms.askAbout(ask.function, `${namespace} on ${server}`);
    alarms.alarmThroughPager('Findings', ask, {
      ...ONCE,
      metric: metricsOf(ask.function)('unpaged', 'Maximum', interval),
      // Two intervals, since the schedule drifts over their borders.
      evaluationPeriods: 2,
      alarmDescription:
        `Audits of the databases of ${namespace} on ${server} found something wrong that nobody was told of. ` +
        'The page that follows says what, in how many databases, and what to do. It ends by itself.',
    });
  }
}

const metricsOf =
  (ask: lambda.Function) =>
  (name: keyof typeof DRIFT_METRICS, statistic: string, period: Duration): cloudwatch.Metric =>
    new cloudwatch.Metric({
      namespace: METRIC_NAMESPACE,
      metricName: DRIFT_METRICS[name],
      dimensionsMap: { [FUNCTION_DIMENSION]: ask.functionName },
      statistic,
      period,
    });
