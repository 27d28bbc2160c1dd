import type * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import type { IFunction } from 'aws-cdk-lib/aws-lambda';
import type { Construct } from 'constructs';

/** The part of `SchemaAlarms` that its helpers use. `SchemaAlarms` imports them, so they cannot import it. */
export interface AlarmScope extends Construct {
  readonly pageFunction: IFunction;
  readonly metricNamespace: string;
  readonly errorAlarms: Readonly<Record<string, cloudwatch.Alarm>>;
  _addDirectAlarm(
    id: string,
    metric: cloudwatch.IMetric,
    props: Omit<cloudwatch.AlarmProps, 'metric'>,
  ): cloudwatch.Alarm;
  errorMetric(signature: string): cloudwatch.Metric;
}
