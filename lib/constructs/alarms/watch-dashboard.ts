import { Duration, Stack } from 'aws-cdk-lib';
import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import type { Construct } from 'constructs';
import { SIGNATURES } from '../../../lambda/defects/signatures';
import { DRIFT_METRICS, FUNCTION_DIMENSION, METRIC_NAMESPACE } from '../../../lambda/migrate/metrics';
import type { SchemaMigrations } from '../migrations/schema-migrations';
import type { AlarmScope } from './alarm-scope';

/** Returns a metric of a schema's drift check. */
export const createDriftMetric = (
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

const METRICS = ['verified', 'pending', 'drift', 'findings', 'workload', 'blind'] as const;

const hasMetric = (
  { _manifest: manifest, _audited: audited }: SchemaMigrations,
  name: (typeof METRICS)[number],
): boolean => (name === 'workload' ? manifest.workload !== undefined : name !== 'findings' || audited);

/**
 * Creates the dashboard: errors by kind, and for each schema its deployments with the ledger's position and the results
 * of the last verification.
 */
export function watchDashboard(
  scope: Construct,
  id: string,
  alarms: AlarmScope,
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
      // An alarm on everyday errors says nothing about the schema.
      alarms: SIGNATURES.filter(({ pagedWhen }) => pagedWhen !== 'diagnosed').map(
        ({ id }) => alarms.errorAlarms[id]!,
      ),
    }),
  );
  for (const schema of schemas) {
    dashboard.addWidgets(
      new cloudwatch.SingleValueWidget({
        title: `${schema.ledgerName}: last verification`,
        width: 8,
        metrics: METRICS.filter((name) => hasMetric(schema, name)).map((name) =>
          createDriftMetric(schema, name, 'Maximum', hour).with({ label: DRIFT_METRICS[name] }),
        ),
      }),
      new cloudwatch.LogQueryWidget({
        title: `${schema.ledgerName}: deployments`,
        width: 16,
        region: Stack.of(schema).region,
        logGroupNames: [schema.logGroup.logGroupName],
        view: cloudwatch.LogQueryVisualizationType.TABLE,
        queryLines: [
          'filter event = "deployment-ended"',
          'fields @timestamp, outcome, report.position, keptCount, reason',
          'sort @timestamp desc',
          'limit 20',
        ],
      }),
    );
  }
  return dashboard;
}
