/** Searches one log group in CloudWatch Logs. */
import { type CloudWatchLogsClient, FilterLogEventsCommand } from '@aws-sdk/client-cloudwatch-logs';
import type { LogEvent } from './error-reader';

export interface LogSearch {
  readonly logGroup: string;
  readonly fromMs: number;
  readonly toMs: number;
  /** CloudWatch's filter pattern. Empty for all lines. */
  readonly pattern: string;
}

/**
 * Yields the events page by page until the last one, including empty pages. Yields nothing if the log group does not
 * exist.
 */
export async function* searchLogs(
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
