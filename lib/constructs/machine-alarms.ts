/** Alarms on the machine itself, straight to the topic. */
import { Duration } from 'aws-cdk-lib';
import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import { Construct } from 'constructs';
import { countInLog } from './log-metrics';
import type { SchemaAlarms } from './schema-alarms';
import type { SchemaMigrations } from './schema-migrations';

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
export function watchPager(alarms: SchemaAlarms): void {
  const { pageFunction } = alarms;
  alarms.alarmDirectly('PagerFails', pageFunction.metricErrors(A_MINUTE), {
    ...ONCE,
    alarmDescription: "Trueup's pager fails. The raw alarm was sent in place of the page; its log says why.",
  });
  for (const [id, metricName, what] of [
    [
      'PagerDrops',
      'AsyncEventsDropped',
      'Events for the pager were dropped: an alarm may have gone unheard.',
    ],
    [
      'PagerSilent',
      'DestinationDeliveryFailures',
      'The pager failed, and the raw alarm could not be sent either.',
    ],
  ] as const) {
    alarms.alarmDirectly(id, pageFunction.metric(metricName, A_MINUTE), {
      ...ONCE,
      alarmDescription: `${what} Look at the alarms whose metrics are in ${alarms.metricNamespace} by hand.`,
    });
  }
}

/** From the lines that the deployment's functions write. */
export function watchDeployments(alarms: SchemaAlarms, schema: SchemaMigrations): void {
  const scope = new Construct(alarms, `Deployments ${schema.node.addr}`);
  for (const [id, pattern, what] of [
    [
      'failed',
      '{ $.event = "deployment" && $.outcome != "done" }',
      'failed, or a rollback gave up waiting for the database',
    ],
    [
      'kept',
      '{ $.event = "deployment" && $.keptCount > 0 }',
      'was rolled back, and something that it had applied was kept',
    ],
  ] as const) {
    const metric = { namespace: alarms.metricNamespace, name: `deployment-${id}-${schema.node.addr}` };
    countInLog(scope, `Count ${id} `, schema.logGroup, [pattern], metric);
    alarms.alarmDirectly(
      `Deployment ${id} ${schema.node.addr}`,
      new cloudwatch.Metric({ namespace: metric.namespace, metricName: metric.name, ...A_MINUTE }),
      {
        ...ONCE,
        alarmDescription: `A deployment of the schema ${schema.namespace} ${what}. The stack's events and its log say more: ${schema.logCommand}`,
      },
    );
  }
}
