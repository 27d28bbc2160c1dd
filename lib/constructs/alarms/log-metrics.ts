import { type CfnResource, Names, Stack, Token } from 'aws-cdk-lib';
import * as logs from 'aws-cdk-lib/aws-logs';
import type { Construct } from 'constructs';
import { LIMITS } from './log-patterns';

/** Metric filters that count into one metric: one a pattern, since a pattern knows no OR. */
export function countInLog(
  scope: Construct,
  id: string,
  logGroup: logs.ILogGroup,
  patterns: readonly string[],
  metric: { readonly namespace: string; readonly name: string },
): void {
  patterns.forEach((pattern, i) => {
    reserve(logGroup);
    const filter = new logs.MetricFilter(scope, `${id}${i + 1}`, {
      logGroup,
      filterPattern: logs.FilterPattern.literal(pattern),
      metricNamespace: metric.namespace,
      metricName: metric.name,
      // No default value: a minute without errors has no datapoint, and missing data does not breach.
      metricValue: '1',
    });
    chain(filter.node.defaultChild as CfnResource);
  });
}

/** Filters that CloudFormation may make at the same time. */
const CHAINS = 3;
const chained = new WeakMap<Stack, CfnResource[]>();

/**
 * Each filter of a stack waits for the third before it. CloudWatch Logs takes few requests a second, counted over all of
 * an account's groups, and CloudFormation fails a filter that was throttled instead of trying again.
 */
function chain(filter: CfnResource): void {
  const stack = Stack.of(filter);
  const before = chained.get(stack) ?? [];
  chained.set(stack, before);
  const previous = before.at(-CHAINS);
  if (previous) filter.node.addDependency(previous);
  before.push(filter);
}

const counts = new WeakMap<object, Map<string, number>>();

/** Ours alone: filters that others put on the group are not known here. */
function reserve(logGroup: logs.ILogGroup): void {
  const inApp = counts.get(logGroup.node.root) ?? new Map<string, number>();
  counts.set(logGroup.node.root, inApp);
  const name = Token.isUnresolved(logGroup.logGroupName) ? Names.uniqueId(logGroup) : logGroup.logGroupName;
  const count = (inApp.get(name) ?? 0) + 1;
  inApp.set(name, count);
  if (count > LIMITS.filtersPerLogGroup) {
    throw new Error(
      `More than ${LIMITS.filtersPerLogGroup} metric filters would be put on the log group of ${logGroup.node.path}, and CloudWatch takes no more. Use one SchemaAlarms for all schemas of a server.`,
    );
  }
}
