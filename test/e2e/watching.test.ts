/**
 * From a line that a real server logs to a message in a queue: metric filter, metric, alarm, pager, diagnosis in the
 * database, topic. The pager's and the migrator's own bundles run as they are deployed.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  CloudWatchClient,
  DescribeAlarmsCommand,
  PutMetricAlarmCommand,
  type PutMetricAlarmCommandInput,
  SetAlarmStateCommand,
} from '@aws-sdk/client-cloudwatch';
import {
  CreateLogGroupCommand,
  CreateLogStreamCommand,
  PutLogEventsCommand,
  PutMetricFilterCommand,
} from '@aws-sdk/client-cloudwatch-logs';
import { InvokeCommand, LambdaClient, UpdateFunctionConfigurationCommand } from '@aws-sdk/client-lambda';
import { CreateTopicCommand, SNSClient } from '@aws-sdk/client-sns';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { reason } from './support/cdk';
import { shiftClock } from './support/emulator';
import type { File } from './support/migrations';
import { Queue } from './support/queue';
import type { Rds } from './support/rds';
import type { Receiver } from './support/receiver';
import {
  available,
  clientConfig,
  localAws,
  logEvents,
  logLines,
  logsClient,
  physicalId,
  stackEvents,
  stackStatus,
  trueup,
} from './support/scenario';
import { BROKEN, ID_DEFAULT, Watched, WITHIN_MS } from './support/watched';

const NAME = 'watched';
const WATCH = `${NAME}-watch`;
const MARK = 'CANARY';
const REPAIRED: Record<string, File> = { ...BROKEN, '0002_id_default': ID_DEFAULT };

const RENAME: File = {
  up: 'ALTER TABLE web_sessions RENAME COLUMN note TO remark;',
  holds: `NOT EXISTS (SELECT trueup.has_column('web_sessions', 'remark'))`,
};
const REMARK: Record<string, File> = { ...BROKEN, '0003_remark': RENAME };
const WITH_CONSENT: Record<string, File> = {
  ...REPAIRED,
  '0003_remark': { ...RENAME, consent: 'breaks the report is switched off' },
};

describe.runIf(available())('watching', () => {
  const watched = new Watched(NAME);
  const { seen } = watched;
  let rds: Rds;
  let queue: Queue;
  let receiver: Receiver;
  let pager: string;
  let migrate: string;

  const alarms = async () => {
    const client = new CloudWatchClient(clientConfig());
    return (await client.send(new DescribeAlarmsCommand({}))).MetricAlarms ?? [];
  };
  /** How often the drift check has run to its end. */
  const checks = async () => {
    const group = await physicalId(`${NAME}-schema`, 'AWS::Logs::LogGroup');
    return (await logEvents(group)).filter((each) => 'DriftChecked' in each).length;
  };
  const lambda = () => new LambdaClient(clientConfig());
  const deploy = watched.deploy.bind(watched);
  const failing = watched.failing.bind(watched);
  const posted = watched.posted.bind(watched);
  const message = watched.message.bind(watched);

  beforeAll(async () => {
    await watched.start();
    ({ rds, queue, receiver } = watched);
    pager = await physicalId(WATCH, 'AWS::Lambda::Function', /Pager/);
    migrate = await physicalId(`${NAME}-schema`, 'AWS::Lambda::Function', /Migrate/);
  });

  afterAll(async () => {
    await watched.stop();
    // Nobody was told a value.
    expect(JSON.stringify([seen, receiver?.pages])).not.toContain(MARK);
  });

  test('an error: one page, with what the catalog says', async () => {
    await watched.expectPageOfMissingDefault(MARK);
  });

  test('an error of another kind has an alarm of its own; a receiver that refuses it neither delays nor repeats the text', async () => {
    receiver.answer = 400;
    await failing(
      `INSERT INTO student_course_purchases VALUES (1, 2, true, '${MARK}') ON CONFLICT (student_id, course_id) DO NOTHING`,
    );
    const page = await message(/unique_active_purchase/, /^\[Trueup\] app: public\.student_course_purchases/);
    expect(page.message).toContain('is partial, WHERE is_active');
    // Not tried again: it waits for a person.
    const deadLetters = await physicalId(WATCH, 'AWS::SQS::Queue', /DeadLetters/);
    await expect.poll(() => Queue.waiting(deadLetters), { timeout: WITHIN_MS }).toBe(1);
    receiver.answer = 200;
    // Once with the secret that was kept, and once with the one that was read again.
    expect(receiver.refused).toBeLessThanOrEqual(2);
    seen.push(...(await queue.receive()));
    expect(seen.filter(({ subject }) => /student_course_purchases/.test(subject))).toHaveLength(1);
  });

  test('another table while the alarm is up is found by looking again, once', async () => {
    await failing(`INSERT INTO web_sessions (id, note) VALUES (1, '${MARK}')`);
    await failing(`INSERT INTO lead_purchases (note) VALUES ('${MARK}')`);
    // The export of the log takes a moment. Then the schedule is due.
    const lines = () => logLines(`/aws/rds/instance/${NAME}-server/postgresql`);
    await expect
      .poll(async () =>
        (await lines()).filter((line) => /column "id" of relation "lead_purchases"/.test(line)),
      )
      .toHaveLength(2);
    shiftClock(localAws().folder, 5 * 60 + 1);
    const page = await message(/web_sessions/, /^\[Trueup\] also app: public\.web_sessions\.lead_id/);
    shiftClock(localAws().folder, 0);
    expect(page.message).not.toContain('lead_purchases');
  });

  test('a migration that breaks what the application sends is refused, and the deployment is rolled back', async () => {
    const deployed = await deploy(REMARK, `${NAME}-schema`);
    expect(deployed.exitCode).not.toBe(0);
    const failed = (await stackEvents(`${NAME}-schema`)).findLast(
      (event) =>
        event.ResourceType === 'Custom::TrueupSchema' && event.ResourceStatus?.endsWith('_FAILED') === true,
    );
    expect(failed?.ResourceStatusReason).toContain(
      '0003_remark: 1 statement that the running application sends would no longer work',
    );
    expect(failed?.ResourceStatusReason).toContain(
      'SELECT id, note FROM web_sessions WHERE id = $1 (role shop, 12 calls seen)',
    );
    expect(await stackStatus(`${NAME}-schema`)).toBe('UPDATE_ROLLBACK_COMPLETE');
    expect(await rds.run('app', 'SELECT note FROM web_sessions')).toEqual([]);
  });

  test('repaired: the page’s migration is applied, and the statement is silent; the other one passes with consent', async () => {
    const deployed = await deploy(WITH_CONSENT, `${NAME}-schema`);
    expect(deployed.exitCode, reason(deployed)).toBe(0);
    await failing(`INSERT INTO lead_purchases (note) VALUES ('${MARK}')`);
    expect(await rds.run('app', 'SELECT FROM lead_purchases')).toHaveLength(1);
    expect(await rds.run('app', 'SELECT remark FROM web_sessions')).toEqual([]);
  });

  test('the end of a page: its alarm is OK, and the catalog shows the repair', async () => {
    expect(posted('resolve', 'public.lead_purchases.id')).toEqual([]);
    const { folder } = localAws();
    try {
      // The alarm looks back for a quarter of an hour; the schedule is due every five minutes.
      for (let minutes = 17; minutes < 60 && posted('resolve').length === 0; minutes += 6) {
        shiftClock(folder, minutes * 60);
        for (const until = Date.now() + 8_000; Date.now() < until && posted('resolve').length === 0; )
          await sleep(250);
      }
      await expect.poll(() => posted('resolve', 'public.lead_purchases.id')).not.toEqual([]);
    } finally {
      shiftClock(folder, 0);
    }
    const [end] = posted('resolve', 'public.lead_purchases.id');
    const [page] = posted('trigger', 'public.lead_purchases.id');
    expect(page).toMatch(/^trueup:/);
    expect(end).toBe(page);
    const { message: text } = await message(
      /resolved after/,
      /^\[Trueup\] resolved: app: public\.lead_purchases\.id/,
    );
    expect(text).toContain('public.lead_purchases.id has a default now');
    // What nobody has repaired goes on.
    expect(posted('resolve', 'public.web_sessions.lead_id')).toEqual([]);
  });

  test('by hand: an error of each kind, written into the log group', async () => {
    const status = await trueup('alarm-test', '--stack', WATCH);
    expect(status.exitCode, status.output).toBe(0);
    expect(status.output).toMatch(/was not tested/);
    // Two of its alarms are up already; the others tell at once.
    for (const about of ['uuid_generate_v4', 'uuid = character varying', 'trueup_alarm_test_pkey'])
      await message(new RegExp(about), /^\[Trueup test\]/);
  });

  test('by hand: a line explained, through the deployed function', async () => {
    const file = join(localAws().folder, 'some.log');
    writeFileSync(
      file,
      `2026-11-21 09:01:22 UTC:10.0.1.7(53124):shop@app:[4711]:ERROR:  null value in column "lead_id" of relation "web_sessions" violates not-null constraint\n`,
    );
    const explained = await trueup('explain', '--stack', `${NAME}-schema`, file);
    expect(explained.exitCode, explained.output).toBe(0);
    expect(explained.output).toContain('public.web_sessions.lead_id is NOT NULL and has no default.');
  });

  test('drift of the schema, and of what the application sends: one page says which statement, and why', async () => {
    await rds.run('app', 'ALTER TABLE lead_purchases ALTER COLUMN id DROP DEFAULT, DROP COLUMN note');
    const { Payload } = await lambda().send(
      new InvokeCommand({ FunctionName: migrate, Payload: JSON.stringify({ action: 'drift' }) }),
    );
    const { drift } = JSON.parse(Buffer.from(Payload!).toString());
    expect(drift.verification.findings).toHaveLength(1);
    expect(drift.logging).toEqual([]);
    // What a migration broke with consent is none.
    expect(drift.workload).toMatchObject({ statements: 2, plan: 0, broken: 1, failing: 1, notRecorded: 0 });
    await message(/Drift/, /^ALARM/);
    const page = await message(
      /lead_purchases\.note existed/,
      /^\[Trueup\] app: public\.lead_purchases\.note/,
    );
    expect(page.message).toContain(
      'as shop, 1,204 calls seen when the workload was recorded: SELECT note FROM lead_purchases',
    );
    const rehearsed = await trueup('check-workload', '--stack', `${NAME}-schema`);
    expect(rehearsed.exitCode, rehearsed.output).toBe(4);
    expect(rehearsed.output).toMatch(/2 statements, 0 plan, 2 broken, none undecided/);
  });

  test('the audit of the check: a new finding is paged once, a suppressed one never, and its alarm ends', async () => {
    const check = async () => {
      const { Payload } = await lambda().send(
        new InvokeCommand({ FunctionName: migrate, Payload: JSON.stringify({ action: 'drift' }) }),
      );
      return JSON.parse(Buffer.from(Payload!).toString()).drift.audit;
    };
    const alarm = async () => (await alarms()).find(({ AlarmName }) => /findings-/.test(AlarmName!));
    for (const table of ['broken', 'meant'])
      await rds.run(
        'app',
        `CREATE TABLE ${table} (code text); CREATE INDEX half_${table} ON ${table} (code);
         UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'half_${table}'::regclass`,
      );
    expect(await check()).toMatchObject({ suppressed: 1, obsolete: [], problem: null });
    // It is up since the check before, which found the broken statements: the pager looks for more every five minutes.
    await expect.poll(async () => (await alarm())?.StateValue, { timeout: WITHIN_MS }).toBe('ALARM');
    const { folder } = localAws();
    const pages = () => seen.filter((each) => each.message.includes('half_broken'));
    try {
      // The schedule went by the clock of an earlier test: when it is due next is later than in five minutes.
      for (let minutes = 6; minutes < 90 && pages().length === 0; minutes += 6) {
        shiftClock(folder, minutes * 60);
        for (const until = Date.now() + 3_000; Date.now() < until && pages().length === 0; await sleep(250))
          seen.push(...(await queue.receive()));
      }
      await expect
        .poll(async () => {
          seen.push(...(await queue.receive()));
          return pages();
        })
        .not.toEqual([]);
    } finally {
      shiftClock(folder, 0);
    }
    expect(pages()).toHaveLength(1);
    expect(pages()[0]!.message).toContain('The audit found it, not an error. Confidence A, confirmed.');
    // It was told, and is not new any more.
    expect(await check()).toMatchObject({ unpaged: 0 });
    try {
      // It looks at two hours.
      for (let hours = 1; hours < 6 && (await alarm())?.StateValue !== 'OK'; hours++) {
        shiftClock(folder, hours * 3_660);
        for (const until = Date.now() + 4_000; Date.now() < until && (await alarm())?.StateValue !== 'OK'; )
          await sleep(250);
      }
      await expect.poll(async () => (await alarm())?.StateValue).toBe('OK');
    } finally {
      shiftClock(folder, 0);
    }
    seen.push(...(await queue.receive()));
    const told = [...seen.map((each) => each.message), ...receiver.pages.map((each) => JSON.stringify(each))];
    expect(pages()).toHaveLength(1);
    expect(told.filter((each) => each.includes('half_meant'))).toEqual([]);
    expect(posted('trigger', 'public.broken')).toHaveLength(1);
    expect(posted('resolve', 'public.broken')).toEqual([]);
  });

  test('the pager fails: the raw alarm arrives', async () => {
    await lambda().send(
      new UpdateFunctionConfigurationCommand({ FunctionName: pager, Environment: { Variables: {} } }),
    );
    const name = (await alarms()).find((alarm) => alarm.AlarmName!.endsWith('-uuid-function'))!.AlarmName!;
    // It is up since the test by hand. Told that all is well, it finds the error again.
    await new CloudWatchClient(clientConfig()).send(
      new SetAlarmStateCommand({ AlarmName: name, StateValue: 'OK', StateReason: 'a test' }),
    );
    const raw = await queue.waitFor(
      (each) => each.message.includes('requestPayload') && each.message.includes(`"${name}"`),
      WITHIN_MS,
      seen,
    );
    expect(JSON.parse(raw.message)).toMatchObject({ requestPayload: { alarmData: { alarmName: name } } });
    await message(/pager fails/, /^ALARM: .*PagerFails/);
  });

  test('the heartbeat stops: only that is said, while the schedule goes on', async () => {
    const state = async (metric: string) =>
      (await alarms()).find((alarm) => alarm.MetricName?.startsWith(metric))?.StateValue;
    const { folder } = localAws();
    let hours = 0;
    /** AWS invokes again what failed; the local one waits for the next hour. */
    const nextCheck = async () => {
      const before = await checks();
      for (const last = hours + 3; hours < last; ) {
        shiftClock(folder, ++hours * 3_660);
        const until = Date.now() + WITHIN_MS;
        while (Date.now() < until && (await checks()) === before) await sleep(250);
        if ((await checks()) > before) return;
      }
      const group = await physicalId(`${NAME}-schema`, 'AWS::Logs::LogGroup');
      throw new Error(
        `No drift check ran. Its last lines: ${JSON.stringify((await logEvents(group)).slice(-5))}`,
      );
    };
    try {
      // The first two hours are the warm-up; each time the check is due, runs, and its line arrives.
      for (const _ of [1, 2]) await nextCheck();
      await expect.poll(() => state('heartbeat')).toBe('OK');
      expect(await state('DriftChecked')).toBe('OK');

      await watched.exported.stop();
      for (const _ of [1, 2, 3]) await nextCheck();
      await message(/heartbeat line/, /^ALARM: .*Heartbeat/);
      expect(await state('DriftChecked')).toBe('OK');
    } finally {
      shiftClock(folder, 0);
    }
  });

  test('no log of ours holds a value', async () => {
    const functions = await Promise.all(
      [WATCH, `${NAME}-schema`].map((stack) =>
        physicalId(stack, 'AWS::Logs::LogGroup', stack === WATCH ? /Pager/ : /Log/),
      ),
    );
    for (const group of functions) {
      const events = await logEvents(group);
      expect(events.length).toBeGreaterThan(0);
      expect(JSON.stringify(events)).not.toContain(MARK);
    }
  });
});

/** What the tests above rest on: alarms that go by the clock, exact dimensions, the embedded metric format. */
describe.runIf(available())('the local AWS', () => {
  const NAMESPACE = 'Harness';
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
    const { message } = await queue.waitFor((each) => each.subject.startsWith('ALARM'), WITHIN_MS);
    expect(JSON.parse(message)).toMatchObject({ AlarmName: 'errors', NewStateValue: 'ALARM' });
    try {
      shiftClock(localAws().folder, 240);
      await new Promise((later) => setTimeout(later, 1_500));
      expect(await state('errors')).toBe('ALARM');
      shiftClock(localAws().folder, 600);
      await queue.waitFor((each) => each.subject.startsWith('OK'), WITHIN_MS);
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
      await queue.waitFor((each) => each.subject.startsWith('ALARM: "beats"'), WITHIN_MS, seen);
      await queue.waitFor((each) => each.subject.startsWith('ALARM: "a"'), WITHIN_MS, seen);
    } finally {
      shiftClock(localAws().folder, 0);
    }
  });
});
