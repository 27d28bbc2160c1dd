import { Duration, Stack } from 'aws-cdk-lib';
import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import type { Construct } from 'constructs';
import { SIGNATURES } from '../../../lambda/defects/signatures';
import { DRIFT_METRICS, FUNCTION_DIMENSION, METRIC_NAMESPACE } from '../../../lambda/migrate/metrics';
import type { SchemaMigrations } from '../migrations/schema-migrations';
import type { Watching } from './watching';

/** A metric of the drift check of this schema. */
export const driftMetric = (
  schema: SchemaMigrations,
  name: keyof typeof DRIFT_METRICS,
  statistic: string,
  period: Duration,
): cloudwatch.Metric =>
  new cloudwatch.Metric({
    namespace: METRIC_NAMESPACE,
    metricName: DRIFT_METRICS[name],
    dimensionsMap: { [FUNCTION_DIMENSION]: schema.migrateFunction.functionName },
    statistic,
    period,
  });

const METRICS = ['proved', 'pending', 'drift', 'findings', 'workload', 'blind'] as const;

const isThere = ({ manifest, audited }: SchemaMigrations, name: (typeof METRICS)[number]): boolean =>
  name === 'workload' ? manifest.workload !== undefined : name !== 'findings' || audited;

/** Errors by kind; for each schema its deployments with the ledger's position, and what the last verification found. */
export function watchDashboard(
  scope: Construct,
  id: string,
  alarms: Watching,
  schemas: readonly SchemaMigrations[],
): cloudwatch.Dashboard {
  const dashboard = new cloudwatch.Dashboard(scope, id, { defaultInterval: Duration.days(1) });
  const hour = Duration.hours(1);
  dashboard.addWidgets(
    new cloudwatch.GraphWidget({
      title: 'Errors that a schema raises, a minute',
      width: 12,
      left: SIGNATURES.map((signature) => alarms.errorMetric(signature.id).with({ label: signature.title })),
    }),
    new cloudwatch.AlarmStatusWidget({
      title: 'Alarms',
      width: 12,
      // One that is up over everyday errors says nothing of the schema.
      alarms: SIGNATURES.filter(({ pagedWhen }) => pagedWhen !== 'diagnosed').map(
        ({ id }) => alarms.errorAlarms[id]!,
      ),
    }),
  );
  for (const schema of schemas) {
    dashboard.addWidgets(
      new cloudwatch.SingleValueWidget({
        title: `${schema.namespace}: last verification`,
        width: 8,
        metrics: METRICS.filter((name) => isThere(schema, name)).map((name) =>
          driftMetric(schema, name, 'Maximum', hour).with({ label: DRIFT_METRICS[name] }),
        ),
      }),
      new cloudwatch.LogQueryWidget({
        title: `${schema.namespace}: deployments`,
        width: 16,
        region: Stack.of(schema).region,
        logGroupNames: [schema.logGroup.logGroupName],
        view: cloudwatch.LogQueryVisualizationType.TABLE,
        queryLines: [
          'filter event = "deployment"',
          'fields @timestamp, outcome, report.position, keptCount, reason',
          'sort @timestamp desc',
          'limit 20',
        ],
      }),
    );
  }
  return dashboard;
}
