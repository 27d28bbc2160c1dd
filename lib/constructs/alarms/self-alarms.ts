/** Alarms on Trueup's own functions, straight to the topic. */
import { Duration } from 'aws-cdk-lib';
import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import { Construct } from 'constructs';
import type { SchemaMigrations } from '../migrations/schema-migrations';
import type { HttpsNotice } from '../notify/https-notice';
import type { HttpsTarget } from '../notify/notify';
import { countInLog } from './log-metrics';
import type { Watching } from './watching';

/** One datapoint of several is enough, since it may arrive late; no data is good news. */
export const ONCE = {
  threshold: 1,
  comparisonOperator: cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
  evaluationPeriods: 5,
  datapointsToAlarm: 1,
  treatMissingData: cloudwatch.TreatMissingData.NOT_BREACHING,
} as const;

const A_MINUTE = { period: Duration.minutes(1), statistic: 'Sum' };

/** That it fails, that events never reach it, and that not even the raw alarm could be sent. */
export function watchPager(alarms: Watching): void {
  const { pageFunction } = alarms;
  alarms.alarmDirectly('PagerFails', pageFunction.metricErrors(A_MINUTE), {
    ...ONCE,
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
    alarms.alarmDirectly(id, pageFunction.metric(metricName, A_MINUTE), {
      ...ONCE,
      alarmDescription: `${what} Check by hand the alarms whose metrics are in ${alarms.metricNamespace}.`,
    });
  }
}

/** That a page did not reach a receiver: it was refused, or not taken for a quarter of an hour. */
export function watchNotice(alarms: Watching, { form }: HttpsTarget, notice: HttpsNotice): void {
  const what = form === 'pagerduty' ? 'PagerDuty' : 'the webhook';
  const deadLetters = notice.deadLetters.metricApproximateNumberOfMessagesVisible({
    period: Duration.minutes(1),
    statistic: 'Maximum',
  });
  alarms.alarmDirectly(`NotDelivered ${notice.node.id}`, deadLetters, {
    ...ONCE,
    alarmDescription:
      `A page was not delivered to ${what}; the topic of this alarm has its text. Why is in the log ` +
      `${notice.function.logGroup.logGroupName}. The page waits in ${notice.deadLetters.queueName}: move it back, or purge it.`,
  });
}

/** For the lines that the deployment's functions write. */
export const DEPLOYMENT_PATTERNS = {
  failed: '{ $.event = "deployment" && $.outcome != "done" }',
  kept: '{ $.event = "deployment" && $.keptCount > 0 }',
} as const;

/** From those lines. */
export function watchDeployments(alarms: Watching, schema: SchemaMigrations): void {
  const scope = new Construct(alarms, `Deployments ${schema.node.addr}`);
  for (const [id, what] of [
    ['failed', 'failed, or its rollback gave up waiting for the database'],
    ['kept', 'was rolled back, and some of what it applied was kept'],
  ] as const) {
    const metric = { namespace: alarms.metricNamespace, name: `deployment-${id}-${schema.node.addr}` };
    countInLog(scope, `Count ${id} `, schema.logGroup, [DEPLOYMENT_PATTERNS[id]], metric);
    alarms.alarmDirectly(
      `Deployment ${id} ${schema.node.addr}`,
      new cloudwatch.Metric({ namespace: metric.namespace, metricName: metric.name, ...A_MINUTE }),
      {
        ...ONCE,
        alarmDescription: `A deployment of the schema ${schema.namespace} ${what}. See the stack's events and the log: ${schema.logCommand}`,
      },
    );
  }
}
