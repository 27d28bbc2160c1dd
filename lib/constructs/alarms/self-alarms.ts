/** Creates alarms on Trueup's own functions, which notify the topic directly. */
import { Duration } from 'aws-cdk-lib';
import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import { Construct } from 'constructs';
import type { SchemaMigrations } from '../migrations/schema-migrations';
import { type HttpsNotifier, RECEIVER_NAMES } from '../notify/https-notice';
import type { HttpsTarget } from '../notify/notify';
import type { AlarmScope } from './alarm-scope';
import { countInLog } from './log-metrics';

/** One data point of several is enough, because it may arrive late. Missing data means that there was no error. */
export const SINGLE_DATAPOINT = {
  threshold: 1,
  comparisonOperator: cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
  evaluationPeriods: 5,
  datapointsToAlarm: 1,
  treatMissingData: cloudwatch.TreatMissingData.NOT_BREACHING,
} as const;

const PER_MINUTE = { period: Duration.minutes(1), statistic: 'Sum' };

/**
 * Adds alarms for a pager that fails, for events that never reach it, and for a raw alarm that could not be sent
 * either.
 */
export function watchPager(alarms: AlarmScope): void {
  const { pageFunction } = alarms;
  alarms._addDirectAlarm('PagerFails', pageFunction.metricErrors(PER_MINUTE), {
    ...SINGLE_DATAPOINT,
    alarmDescription: "Trueup's pager fails. The raw alarm was sent instead of the page; see its log.",
  });
  for (const [id, metricName, what] of [
    [
      'PagerDrops',
      'AsyncEventsDropped',
      'Events for the pager were dropped: an alarm may not have been paged.',
    ],
    [
      'PagerSilent',
      'DestinationDeliveryFailures',
      'The pager failed, and the raw alarm could not be sent either.',
    ],
  ] as const) {
    alarms._addDirectAlarm(id, pageFunction.metric(metricName, PER_MINUTE), {
      ...SINGLE_DATAPOINT,
      alarmDescription: `${what} Check by hand the alarms whose metrics are in ${alarms.metricNamespace}.`,
    });
  }
}

/**
 * Adds an alarm for pages that did not reach a receiver, because it refused them or did not accept them for a quarter
 * of an hour.
 */
export function watchNotifier(alarms: AlarmScope, { form }: HttpsTarget, notice: HttpsNotifier): void {
  const what = RECEIVER_NAMES[form].the;
  const deadLetters = notice.deadLetters.metricApproximateNumberOfMessagesVisible({
    period: Duration.minutes(1),
    statistic: 'Maximum',
  });
  alarms._addDirectAlarm(`NotDelivered ${notice.node.id}`, deadLetters, {
    ...SINGLE_DATAPOINT,
    alarmDescription:
      `A page was not delivered to ${what}; the topic of this alarm has its text. Why is in the log ` +
      `${notice.function.logGroup.logGroupName}. The page waits in ${notice.deadLetters.queueName}: move it back, or purge it.`,
  });
}

/** Filter patterns for the lines that the deployment's functions write. */
export const DEPLOYMENT_PATTERNS = {
  failed: '{ $.event = "deployment-ended" && $.outcome != "done" }',
  kept: '{ $.event = "deployment-ended" && $.keptCount > 0 }',
} as const;

/** Adds alarms on a schema's deployments, counted from those lines. */
export function watchDeployments(alarms: AlarmScope, schema: SchemaMigrations): void {
  const scope = new Construct(alarms, `Deployments ${schema.node.addr}`);
  for (const [id, what] of [
    ['failed', 'failed, or its rollback gave up waiting for the database'],
    ['kept', 'was rolled back, and some of what it applied was kept'],
  ] as const) {
    const metric = { namespace: alarms.metricNamespace, name: `deployment-${id}-${schema.node.addr}` };
    countInLog(scope, `Count ${id} `, schema.logGroup, [DEPLOYMENT_PATTERNS[id]], metric);
    alarms._addDirectAlarm(
      `Deployment ${id} ${schema.node.addr}`,
      new cloudwatch.Metric({ namespace: metric.namespace, metricName: metric.name, ...PER_MINUTE }),
      {
        ...SINGLE_DATAPOINT,
        alarmDescription: `A deployment of the schema ${schema.ledgerName} ${what}. See the stack's events and the log: ${schema.logCommand}`,
      },
    );
  }
}
