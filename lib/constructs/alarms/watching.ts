import type * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import type { IFunction } from 'aws-cdk-lib/aws-lambda';
import type { Construct } from 'constructs';

/** What the parts of `SchemaAlarms` need of it: they are made by it, and do not import it. */
export interface Watching extends Construct {
  readonly pageFunction: IFunction;
  readonly metricNamespace: string;
  readonly errorAlarms: Readonly<Record<string, cloudwatch.Alarm>>;
  alarmDirectly(
    id: string,
    metric: cloudwatch.IMetric,
    props: Omit<cloudwatch.AlarmProps, 'metric'>,
  ): cloudwatch.Alarm;
  errorMetric(signature: string): cloudwatch.Metric;
}
