/** All outgoing calls of the pager: searches CloudWatch Logs, reads alarms, invokes `migrate` and publishes pages. */
import {
  CloudWatchClient,
  DescribeAlarmsCommand,
  type DescribeAlarmsCommandOutput,
  type MetricAlarm,
} from '@aws-sdk/client-cloudwatch';
import { CloudWatchLogsClient } from '@aws-sdk/client-cloudwatch-logs';
import { PublishCommand, SNSClient } from '@aws-sdk/client-sns';
import { buildRequestTimeouts } from '../aws-timeouts';
import type { MigrateRequest } from '../contract/migrate';
import { type MigrateInvocation, makeMigrateInvoker } from '../invoke-migrate';
import type { AlarmState } from './alarm';
import type { LogEvent } from './logs/error-reader';
import { type LogSearch, searchLogs } from './logs/search';

export type AlarmSelection = readonly string[] | { readonly beginningWith: string };

/** The outgoing calls that the handler needs. */
export interface PageOutbound {
  /**
   * Yields the events page by page until the last one, including empty pages. Yields nothing if the log group does not
   * exist.
   */
  searchLogs(search: LogSearch): AsyncIterable<readonly LogEvent[]>;
  /** Returns the alarms that exist among those requested. */
  alarms(which: AlarmSelection): Promise<readonly AlarmState[]>;
  /** Invokes `migrate`. Never throws. */
  invokeMigrate(functionName: string, request: MigrateRequest, timeoutMs: number): Promise<MigrateInvocation>;
  publish(topicArn: string, page: { readonly subject?: string; readonly text: string }): Promise<void>;
}

/** Timeout of one attempt. These services usually answer within a second or two. */
const ANSWER_TIMEOUT_MS = 15_000;

/** Maximum number of names that one call of DescribeAlarms accepts, and of alarms that it returns. */
const MAX_ALARMS_PER_CALL = 100;

function splitIntoChunks<T>(all: readonly T[], size: number): T[][] {
  const chunks: T[][] = [];
  for (let from = 0; from < all.length; from += size) chunks.push(all.slice(from, from + size));
  return chunks;
}

export function makePageOutbound(): PageOutbound {
  const logs = new CloudWatchLogsClient({
    maxAttempts: 5,
    requestHandler: buildRequestTimeouts(ANSWER_TIMEOUT_MS),
  });
  return {
    searchLogs: (search) => searchLogs(logs, search),
    async alarms(which) {
      const client = new CloudWatchClient({
        maxAttempts: 5,
        requestHandler: buildRequestTimeouts(ANSWER_TIMEOUT_MS),
      });
      const found: MetricAlarm[] = [];
      for (const names of 'beginningWith' in which ? [null] : splitIntoChunks(which, MAX_ALARMS_PER_CALL)) {
        let NextToken: string | undefined;
        do {
          const page: DescribeAlarmsCommandOutput = await client.send(
            new DescribeAlarmsCommand({
              ...('beginningWith' in which
                ? { AlarmNamePrefix: which.beginningWith }
                : { AlarmNames: names! }),
              MaxRecords: MAX_ALARMS_PER_CALL,
              ...(NextToken === undefined ? {} : { NextToken }),
            }),
          );
          found.push(...(page.MetricAlarms ?? []));
          NextToken = page.NextToken;
        } while (NextToken !== undefined);
      }
      return found.map((alarm) => ({
        name: alarm.AlarmName!,
        state: alarm.StateValue ?? '',
        sinceMs: (alarm.StateTransitionedTimestamp ?? alarm.StateUpdatedTimestamp ?? new Date()).getTime(),
        of: alarm.Dimensions?.find(({ Name }) => Name === 'FunctionName')?.Value ?? null,
      }));
    },
    invokeMigrate: (functionName, request, timeoutMs) =>
      makeMigrateInvoker({ answerMs: timeoutMs, connectMs: 3_000 })(functionName, request),
    async publish(topicArn, { subject, text }) {
      const client = new SNSClient({
        maxAttempts: 5,
        requestHandler: buildRequestTimeouts(ANSWER_TIMEOUT_MS),
      });
      await client.send(new PublishCommand({ TopicArn: topicArn, Subject: subject, Message: text }));
    },
  };
}
