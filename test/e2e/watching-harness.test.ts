/** What the tests of alarms rely on: metric filters, the embedded metric format, and alarms that go by the clock. */
import {
  CloudWatchClient,
  DescribeAlarmsCommand,
  PutMetricAlarmCommand,
  type PutMetricAlarmCommandInput,
} from '@aws-sdk/client-cloudwatch';
import {
  CreateLogGroupCommand,
  CreateLogStreamCommand,
  PutLogEventsCommand,
  PutMetricFilterCommand,
} from '@aws-sdk/client-cloudwatch-logs';
import { CreateTopicCommand, SNSClient } from '@aws-sdk/client-sns';
import { beforeAll, describe, expect, test } from 'vitest';
import { shiftClock } from './support/emulator';
import { Queue } from './support/queue';
import { available, clientConfig, localAws, logsClient } from './support/scenario';

const NAMESPACE = 'Harness';

describe.runIf(available())('watching on the local AWS', () => {
  let topicArn: string;
  let queue: Queue;

  const cloudWatch = () => new CloudWatchClient(clientConfig());

  const alarm = (name: string, rest: Partial<PutMetricAlarmCommandInput>) =>
    cloudWatch().send(
      new PutMetricAlarmCommand({
        AlarmName: name,
        Namespace: NAMESPACE,
        Statistic: 'Sum',
        Period: 60,
        EvaluationPeriods: 5,
        DatapointsToAlarm: 1,
        Threshold: 1,
        ComparisonOperator: 'GreaterThanOrEqualToThreshold',
        TreatMissingData: 'notBreaching',
        AlarmActions: [topicArn],
        OKActions: [topicArn],
        ...rest,
      }),
    );

  async function state(name: string): Promise<string | undefined> {
    const { MetricAlarms } = await cloudWatch().send(new DescribeAlarmsCommand({ AlarmNames: [name] }));
    return MetricAlarms?.[0]?.StateValue;
  }

  const log = (...messages: string[]) =>
    logsClient().send(
      new PutLogEventsCommand({
        logGroupName: 'harness',
        logStreamName: 'one',
        logEvents: messages.map((message) => ({ message, timestamp: Date.now() })),
      }),
    );

  beforeAll(async () => {
    const { TopicArn } = await new SNSClient(clientConfig()).send(
      new CreateTopicCommand({ Name: 'harness' }),
    );
    topicArn = TopicArn!;
    queue = await Queue.subscribedTo(topicArn, 'harness');
    await logsClient().send(new CreateLogGroupCommand({ logGroupName: 'harness' }));
    await logsClient().send(new CreateLogStreamCommand({ logGroupName: 'harness', logStreamName: 'one' }));
    for (const [name, filterPattern] of [
      ['Errors', '"ERROR:" "violates not-null" -":migrator@"'],
      ['Beats', '"heartbeat"'],
    ] as const) {
      await logsClient().send(
        new PutMetricFilterCommand({
          logGroupName: 'harness',
          filterName: name,
          filterPattern,
          metricTransformations: [{ metricNamespace: NAMESPACE, metricName: name, metricValue: '1' }],
        }),
      );
    }
  });

  test('a line becomes a metric, an alarm and a message, and the alarm ends when the errors do', async () => {
    await alarm('errors', { MetricName: 'Errors' });
    await log('u@db: ERROR:  another', ':migrator@db: ERROR:  violates not-null', 'LOG:  violates not-null');
    expect(await state('errors')).not.toBe('ALARM');
    await log('u@db: ERROR:  null value violates not-null constraint');
    const { message } = await queue.waitFor((each) => each.subject.startsWith('ALARM'), 10_000);
    expect(JSON.parse(message)).toMatchObject({ AlarmName: 'errors', NewStateValue: 'ALARM' });
    try {
      shiftClock(localAws().folder, 240);
      await new Promise((later) => setTimeout(later, 1_500));
      expect(await state('errors')).toBe('ALARM');
      shiftClock(localAws().folder, 600);
      await queue.waitFor((each) => each.subject.startsWith('OK'), 10_000);
    } finally {
      shiftClock(localAws().folder, 0);
    }
  });

  test('a metric that stops is noticed, and one of other dimensions does not count', async () => {
    const embedded = (check: string) =>
      JSON.stringify({
        _aws: {
          Timestamp: Date.now(),
          CloudWatchMetrics: [{ Namespace: NAMESPACE, Dimensions: [['Check']], Metrics: [{ Name: 'Ran' }] }],
        },
        Check: check,
        Ran: 1,
      });
    await log('heartbeat', embedded('a'));
    const stopped = {
      Threshold: 1,
      ComparisonOperator: 'LessThanThreshold',
      TreatMissingData: 'breaching',
      EvaluationPeriods: 2,
      DatapointsToAlarm: 2,
      Period: 3600,
    } as const;
    await alarm('beats', { MetricName: 'Beats', ...stopped });
    await alarm('a', { MetricName: 'Ran', Dimensions: [{ Name: 'Check', Value: 'a' }], ...stopped });
    await alarm('b', { MetricName: 'Ran', Dimensions: [{ Name: 'Check', Value: 'b' }], ...stopped });
    expect([await state('beats'), await state('a'), await state('b')]).toEqual(['OK', 'OK', 'ALARM']);
    try {
      shiftClock(localAws().folder, 3 * 3600);
      const seen: Parameters<typeof queue.waitFor>[2] = [];
      await queue.waitFor((each) => each.subject.startsWith('ALARM: "beats"'), 10_000, seen);
      await queue.waitFor((each) => each.subject.startsWith('ALARM: "a"'), 10_000, seen);
    } finally {
      shiftClock(localAws().folder, 0);
    }
  });
});
