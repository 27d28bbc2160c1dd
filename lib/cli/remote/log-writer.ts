/** Writes into the log group that a stack's alarms watch. */
import { within } from '../../../lambda/aws-timeouts';
import { outputOf, stackOutputs } from './stack-outputs';

/** Where lines go, in place of a server's own log. */
export interface LogWriter {
  /** Writes events into a stream of its own. */
  write(lines: readonly string[], now: Date): Promise<void>;
}

const ANSWER_TIMEOUT_MS = 30_000;

export async function logWriterOf(
  stackName: string,
): Promise<{ readonly logGroupName: string; readonly writer: LogWriter }> {
  const logGroupName = outputOf(
    stackName,
    await stackOutputs(stackName),
    'WatchedLogGroup',
    'It must be the stack that contains SchemaAlarms.',
  );
  return { logGroupName, writer: { write: (lines, now) => write(logGroupName, lines, now) } };
}

/** A stream of its own for each test: a server's streams are the exporter's. */
async function write(logGroupName: string, lines: readonly string[], now: Date): Promise<void> {
  const { CloudWatchLogsClient, CreateLogStreamCommand, PutLogEventsCommand } = await import(
    '@aws-sdk/client-cloudwatch-logs'
  );
  const client = new CloudWatchLogsClient({ requestHandler: within(ANSWER_TIMEOUT_MS, 10_000) });
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
