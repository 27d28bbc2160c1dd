/** Everything that leaves the pager: CloudWatch Logs is searched, alarms are asked, `migrate` is invoked, a page is sent. */
import { CloudWatchClient, DescribeAlarmsCommand } from '@aws-sdk/client-cloudwatch';
import { CloudWatchLogsClient, FilterLogEventsCommand } from '@aws-sdk/client-cloudwatch-logs';
import { PublishCommand, SNSClient } from '@aws-sdk/client-sns';
import { within } from '../aws-timeouts';
import type { MigrateRequest } from '../contract/migrate';
import { type Invocation, migrateInvoker } from '../invoke-migrate';
import type { AlarmState } from './alarm';
import type { LogEvent } from './logs/error-reader';

export interface LogSearch {
  readonly logGroup: string;
  readonly fromMs: number;
  readonly toMs: number;
  /** CloudWatch's filter pattern; empty for every line. */
  readonly pattern: string;
}

export type WhichAlarms = readonly string[] | { readonly beginningWith: string };

/** What the handler needs of the world. */
export interface Outbound {
  /** Page by page, also through empty pages, to the last. Nothing for a log group that does not exist. */
  searchLogs(search: LogSearch): AsyncIterable<readonly LogEvent[]>;
  /** Of those that exist. */
  alarms(which: WhichAlarms): Promise<readonly AlarmState[]>;
  /** Never throws. */
  invokeMigrate(functionName: string, request: MigrateRequest, timeoutMs: number): Promise<Invocation>;
  publish(topicArn: string, page: { readonly subject?: string; readonly text: string }): Promise<void>;
}

/** Of one attempt: these services answer within a second or two. */
const ANSWER_TIMEOUT_MS = 15_000;

export function outbound(): Outbound {
  const logs = new CloudWatchLogsClient({ maxAttempts: 5, requestHandler: within(ANSWER_TIMEOUT_MS) });
  return {
    searchLogs: (search) => searchLogs(logs, search),
    async alarms(which) {
      const client = new CloudWatchClient({ maxAttempts: 5, requestHandler: within(ANSWER_TIMEOUT_MS) });
      const { MetricAlarms = [] } = await client.send(
        new DescribeAlarmsCommand({
          ...('beginningWith' in which
            ? { AlarmNamePrefix: which.beginningWith }
            : { AlarmNames: [...which] }),
          MaxRecords: 100,
        }),
      );
      return MetricAlarms.map((alarm) => ({
        name: alarm.AlarmName!,
        state: alarm.StateValue ?? '',
        sinceMs: (alarm.StateTransitionedTimestamp ?? alarm.StateUpdatedTimestamp ?? new Date()).getTime(),
        of: alarm.Dimensions?.find(({ Name }) => Name === 'FunctionName')?.Value ?? null,
      }));
    },
    invokeMigrate: (functionName, request, timeoutMs) =>
      migrateInvoker({ answerMs: timeoutMs, connectMs: 3_000 })(functionName, request),
    async publish(topicArn, { subject, text }) {
      const client = new SNSClient({ maxAttempts: 5, requestHandler: within(ANSWER_TIMEOUT_MS) });
      await client.send(new PublishCommand({ TopicArn: topicArn, Subject: subject, Message: text }));
    },
  };
}

async function* searchLogs(
  client: CloudWatchLogsClient,
  { logGroup, fromMs, toMs, pattern }: LogSearch,
): AsyncGenerator<readonly LogEvent[]> {
  let nextToken: string | undefined;
  do {
    let page: Awaited<ReturnType<typeof send>>;
    const send = () =>
      client.send(
        new FilterLogEventsCommand({
          logGroupName: logGroup,
          startTime: fromMs,
          endTime: toMs,
          ...(pattern === '' ? {} : { filterPattern: pattern }),
          ...(nextToken === undefined ? {} : { nextToken }),
        }),
      );
    try {
      page = await send();
    } catch (error) {
      if ((error as Error).name === 'ResourceNotFoundException') return;
      throw error;
    }
    yield (page.events ?? []).map((event) => ({
      message: event.message ?? '',
      timestampMs: event.timestamp,
      ingestedMs: event.ingestionTime,
      stream: event.logStreamName,
      logGroup,
    }));
    nextToken = page.nextToken;
  } while (nextToken !== undefined);
}
