import { type CfnResource, Names, Stack, Token } from 'aws-cdk-lib';
import * as logs from 'aws-cdk-lib/aws-logs';
import type { Construct } from 'constructs';
import { LOG_FILTER_LIMITS } from './log-patterns';

/** Adds metric filters that count into one metric, one filter per pattern, because a pattern cannot express OR. */
export function countInLog(
  scope: Construct,
  id: string,
  logGroup: logs.ILogGroup,
  patterns: readonly string[],
  metric: { readonly namespace: string; readonly name: string },
): void {
  patterns.forEach((pattern, i) => {
    reserveFilter(logGroup);
    const filter = new logs.MetricFilter(scope, `${id}${i + 1}`, {
      logGroup,
      filterPattern: logs.FilterPattern.literal(pattern),
      metricNamespace: metric.namespace,
      metricName: metric.name,
      // No default value: a minute without errors has no data point, and missing data does not breach.
      metricValue: '1',
    });
    chainFilter(filter.node.defaultChild as CfnResource);
  });
}

/** Number of filters that CloudFormation may create at the same time. */
const MAX_PARALLEL_FILTERS = 3;
const filtersByStack = new WeakMap<Stack, CfnResource[]>();

/**
 * Makes each filter of a stack depend on the third one before it. CloudWatch Logs accepts only a few requests per
 * second for all log groups of an account, and CloudFormation fails a throttled filter instead of retrying.
 */
function chainFilter(filter: CfnResource): void {
  const stack = Stack.of(filter);
  const before = filtersByStack.get(stack) ?? [];
  filtersByStack.set(stack, before);
  const previous = before.at(-MAX_PARALLEL_FILTERS);
  if (previous) filter.node.addDependency(previous);
  before.push(filter);
}

const filterCounts = new WeakMap<object, Map<string, number>>();

/**
 * Counts a filter towards the limit of its log group. Only our own filters count: filters that others put on the group
 * are unknown here.
 */
function reserveFilter(logGroup: logs.ILogGroup): void {
  const inApp = filterCounts.get(logGroup.node.root) ?? new Map<string, number>();
  filterCounts.set(logGroup.node.root, inApp);
  const name = Token.isUnresolved(logGroup.logGroupName) ? Names.uniqueId(logGroup) : logGroup.logGroupName;
  const count = (inApp.get(name) ?? 0) + 1;
  inApp.set(name, count);
  if (count > LOG_FILTER_LIMITS.filtersPerLogGroup) {
    throw new Error(
      `More than ${LOG_FILTER_LIMITS.filtersPerLogGroup} metric filters would be put on the log group of ${logGroup.node.path}, and CloudWatch takes no more than ${LOG_FILTER_LIMITS.filtersPerLogGroup} on one. SchemaAlarms takes 34 and each DriftCheck 2, so that a server has room for one SchemaAlarms with 33 schemas that are checked. Use one SchemaAlarms for all schemas of a server, fewer DriftChecks, or a second server.`,
    );
  }
}
