/** Writes to the log group that a stack's alarms watch. */
import { buildRequestTimeouts } from '../../../lambda/aws-timeouts';
import { readStackOutputs, requireOutput } from './stack-outputs';

/** The destination of test lines, in place of a server's own log. */
export interface LogWriter {
  /** Writes the lines as events into a separate stream. */
  write(lines: readonly string[], now: Date): Promise<void>;
}

const ANSWER_TIMEOUT_MS = 30_000;

export async function openLogWriter(
  stackName: string,
): Promise<{ readonly logGroupName: string; readonly writer: LogWriter }> {
  const logGroupName = requireOutput(
    stackName,
    await readStackOutputs(stackName),
    'WatchedLogGroup',
    'It must be the stack that contains SchemaAlarms.',
  );
  return { logGroupName, writer: { write: (lines, now) => writeLogEvents(logGroupName, lines, now) } };
}

/** Creates a separate stream for each test, because the server's streams belong to the log export. */
async function writeLogEvents(logGroupName: string, lines: readonly string[], now: Date): Promise<void> {
  const { CloudWatchLogsClient, CreateLogStreamCommand, PutLogEventsCommand } = await import('./aws.js');
  const client = new CloudWatchLogsClient({
    requestHandler: buildRequestTimeouts(ANSWER_TIMEOUT_MS, 10_000),
  });
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
