/** Writes into the log group that a stack's alarms watch. */
import type { LogWriter } from './alarm-test';
import { stackOutput } from './stack-outputs';

export async function logWriterOf(
  stackName: string,
): Promise<{ readonly logGroupName: string; readonly writer: LogWriter }> {
  const logGroupName = await stackOutput(
    stackName,
    'WatchedLogGroup',
    'It is the stack that holds SchemaAlarms.',
  );
  return { logGroupName, writer: { write: (lines, now) => write(logGroupName, lines, now) } };
}

/** A stream of its own for each test: a server's streams are the exporter's. */
async function write(logGroupName: string, lines: readonly string[], now: Date): Promise<void> {
  const { CloudWatchLogsClient, CreateLogStreamCommand, PutLogEventsCommand } = await import(
    '@aws-sdk/client-cloudwatch-logs'
  );
  const client = new CloudWatchLogsClient({});
  const logStreamName = `trueup-alarm-test-${now.toISOString().replace(/[:.]/g, '-')}`;
  await client.send(new CreateLogStreamCommand({ logGroupName, logStreamName }));
  const timestamp = now.getTime();
  await client.send(
    new PutLogEventsCommand({
      logGroupName,
      logStreamName,
      logEvents: lines.map((message) => ({ message, timestamp })),
    }),
  );
}
