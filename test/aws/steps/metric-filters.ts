import { LimitExceededException, PutMetricFilterCommand } from '@aws-sdk/client-cloudwatch-logs';
import { LOG_FILTER_LIMITS } from '../../../lib/constructs/alarms/log-patterns';
import { filtersAtOnce } from '../apps/small';
import { eventsOf } from '../stack';
import { found, type Step } from '../step';

const FILTER = 'AWS::Logs::MetricFilter';

export const metricFilters: Step = {
  id: 'metric-filters',
  part: 'stack',
  title: 'all metric filters of the library on one log group, made by CloudFormation',
  locally: { why: 'the local AWS makes one after the other and throttles nothing' },
  async run({ aws, stack, record }) {
    const events = (await eventsOf(aws, stack.name)).filter(({ ResourceType }) => ResourceType === FILTER);
    const lines = events.map(({ LogicalResourceId, ResourceStatus, ResourceStatusReason, Timestamp }) => ({
      of: LogicalResourceId ?? '',
      status: ResourceStatus ?? '',
      reason: ResourceStatusReason ?? null,
      at: Timestamp?.getTime() ?? 0,
    }));
    record({ filters: filtersAtOnce().length, events: lines });
    const made = new Set(lines.filter(({ status }) => status === 'CREATE_COMPLETE').map(({ of }) => of)).size;
    const failed = lines.filter(({ status }) => status.endsWith('_FAILED'));
    return [
      found(
        made === filtersAtOnce().length && failed.length === 0,
        `CloudFormation made all ${made} filters in ${seconds(lines)} s, none was throttled.`,
        `CloudFormation made ${made} of ${filtersAtOnce().length} filters: ${failed[0]?.reason ?? 'no reason given'}.`,
      ),
    ];
  },
};

const seconds = (lines: readonly { readonly at: number }[]): number =>
  lines.length === 0 ? 0 : Math.round((lines.at(-1)!.at - lines[0]!.at) / 1_000);

export const metricFilterLimit: Step = {
  id: 'metric-filter-limit',
  part: 'stack',
  title: 'how many metric filters a log group takes',
  locally: { why: 'the local AWS has no limits', skip: true },
  async run({ aws, stack, record, tell }) {
    const { WatchedLog } = await stack.outputs();
    let taken = filtersAtOnce().length;
    // They go with the log group, which the stack deletes.
    for (; taken <= LOG_FILTER_LIMITS.filtersPerLogGroup; taken++) {
      try {
        await aws.logs.send(
          new PutMetricFilterCommand({
            logGroupName: WatchedLog,
            filterName: `more-${taken}`,
            filterPattern: '"nothing that is ever logged"',
            metricTransformations: [{ metricNamespace: stack.name, metricName: 'more', metricValue: '1' }],
          }),
        );
      } catch (error) {
        if (!(error instanceof LimitExceededException)) throw error;
        break;
      }
      if (taken % 20 === 0) tell(`${taken} filters`);
    }
    record({ taken });
    return [
      found(
        taken === LOG_FILTER_LIMITS.filtersPerLogGroup,
        `A log group takes ${taken} metric filters and refuses the next.`,
        `A log group takes ${taken > LOG_FILTER_LIMITS.filtersPerLogGroup ? 'more than ' : ''}${Math.min(taken, LOG_FILTER_LIMITS.filtersPerLogGroup)} metric filters; Trueup counts on ${LOG_FILTER_LIMITS.filtersPerLogGroup}.`,
      ),
    ];
  },
};
