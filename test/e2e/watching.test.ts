/**
 * From a line that a real server logs to a message in a queue: metric filter, metric, alarm, pager, diagnosis in the
 * database, topic. The pager's and the migrator's own bundles run as they are deployed.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CloudWatchClient, DescribeAlarmsCommand } from '@aws-sdk/client-cloudwatch';
import { InvokeCommand, LambdaClient, UpdateFunctionConfigurationCommand } from '@aws-sdk/client-lambda';
import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { reason, testApp } from './support/cdk';
import { shiftClock } from './support/emulator';
import { LogExport } from './support/log-export';
import { type File, migrationFolder } from './support/migrations';
import { Queue } from './support/queue';
import { type Rds, startRds } from './support/rds';
import { available, cdk, clientConfig, localAws, logEvents, physicalId, trueup } from './support/scenario';

const NAME = 'watched';
const WATCH = `${NAME}-watch`;
const MARK = 'CANARY';
/** From the line to the message. */
const WITHIN_MS = 60_000;

const BROKEN: Record<string, File> = {
  '0001_as_found': {
    up: `CREATE TABLE lead_purchases (id uuid PRIMARY KEY, note text);
CREATE TABLE web_sessions (id int PRIMARY KEY, lead_id uuid NOT NULL, note text);
CREATE TABLE student_course_purchases (student_id int, course_id int, is_active boolean, note text);
CREATE UNIQUE INDEX unique_active_purchase ON student_course_purchases (student_id, course_id) WHERE is_active;`,
    holds: `to_regclass('lead_purchases') IS NOT NULL`,
  },
};
const REPAIRED: Record<string, File> = {
  ...BROKEN,
  '0002_id_default': {
    up: 'ALTER TABLE lead_purchases ALTER COLUMN id SET DEFAULT gen_random_uuid();',
    holds: `NOT EXISTS (SELECT trueup.col_has_default('lead_purchases', 'id'))`,
  },
};

describe.runIf(available())('watching', () => {
  let rds: Rds;
  let exported: LogExport;
  let queue: Queue;
  let pager: string;
  let migrate: string;
  const seen: { subject: string; message: string }[] = [];

  const lambda = () => new LambdaClient(clientConfig());
  const deploy = (files: Record<string, File>, ...stacks: string[]) =>
    cdk().deploy(stacks, { app: testApp('watch'), context: { name: NAME, folder: migrationFolder(files) } });
  /** As the application, which is not the migrator. */
  async function failing(statement: string): Promise<void> {
    const url = new URL(rds.adminUrl('app'));
    url.username = 'shop';
    url.password = 'shop';
    const client = new Client({ connectionString: url.href });
    await client.connect();
    await client.query(statement).catch(() => {});
    await client.end();
  }
  const message = (about: RegExp, subject: RegExp) =>
    queue.waitFor((each) => subject.test(each.subject) && about.test(each.message), WITHIN_MS, seen);

  beforeAll(async () => {
    rds = await startRds(`${NAME}-server`);
    const deployed = await deploy(BROKEN, '--all');
    expect(deployed.exitCode, reason(deployed)).toBe(0);
    await rds.run('app', `CREATE ROLE shop LOGIN PASSWORD 'shop'`);
    await rds.run('app', 'GRANT ALL ON ALL TABLES IN SCHEMA public TO shop');
    exported = await LogExport.start(`/aws/rds/instance/${NAME}-server/postgresql`, rds.server);
    queue = await Queue.subscribedTo(await physicalId(WATCH, 'AWS::SNS::Topic'), NAME);
    pager = await physicalId(WATCH, 'AWS::Lambda::Function', /Pager/);
    migrate = await physicalId(`${NAME}-schema`, 'AWS::Lambda::Function', /Migrate/);
  }, 400_000);

  afterAll(async () => {
    await exported?.stop();
    await rds?.stop();
    // Nobody was told a value.
    expect(JSON.stringify(seen)).not.toContain(MARK);
  });

  test('an error: one page, with what the catalogue says', async () => {
    await failing(`INSERT INTO lead_purchases (note) VALUES ('${MARK}')`);
    const page = await message(/lead_purchases/, /^\[Trueup\] app: public\.lead_purchases\.id \(1x\)/);
    expect(page.message).toContain(
      'public.lead_purchases.id belongs to the primary key, is of type uuid, and has no default.',
    );
    expect(page.message).toContain('SET DEFAULT gen_random_uuid();');
    expect(page.message).toContain('No migration of the deployed code is about this');
    expect(page.message).toContain('INSERT INTO lead_purchases (note) VALUES (?)');
  });

  test('an error of another kind has an alarm of its own', async () => {
    await failing(
      `INSERT INTO student_course_purchases VALUES (1, 2, true, '${MARK}') ON CONFLICT (student_id, course_id) DO NOTHING`,
    );
    const page = await message(/unique_active_purchase/, /^\[Trueup\] app: public\.student_course_purchases/);
    expect(page.message).toContain('is partial, WHERE is_active');
  });

  test('another table while the alarm is up is found by looking again, once', async () => {
    await failing(`INSERT INTO web_sessions (id, note) VALUES (1, '${MARK}')`);
    await failing(`INSERT INTO lead_purchases (note) VALUES ('${MARK}')`);
    // The schedule's moment, ten seconds ahead: so much is left for lines to arrive.
    const look = async () => {
      const time = new Date(Date.now() + 10_000).toISOString();
      const Payload = JSON.stringify({ action: 'look-again', time });
      const { FunctionError } = await lambda().send(new InvokeCommand({ FunctionName: pager, Payload }));
      expect(FunctionError).toBeUndefined();
    };
    // The export of the log takes a moment.
    await new Promise((later) => setTimeout(later, 2_000));
    await look();
    const page = await message(/web_sessions/, /^\[Trueup\] also app: public\.web_sessions\.lead_id/);
    expect(page.message).not.toContain('lead_purchases');
  });

  test('repaired: the page’s migration is applied, and the statement is silent', async () => {
    const deployed = await deploy(REPAIRED, `${NAME}-schema`);
    expect(deployed.exitCode, reason(deployed)).toBe(0);
    await failing(`INSERT INTO lead_purchases (note) VALUES ('${MARK}')`);
    expect(await rds.run('app', 'SELECT FROM lead_purchases')).toHaveLength(1);
  });

  test('by hand: an error of each kind, written into the log group', async () => {
    const status = await trueup('alarm-test', '--stack', WATCH);
    expect(status.exitCode, status.output).toBe(0);
    expect(status.output).toMatch(/was not tried/);
    // Two of its alarms are up already; the other two tell at once.
    for (const about of ['uuid_generate_v4', 'uuid = character varying'])
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

  test('the pager fails: the raw alarm arrives', async () => {
    await lambda().send(
      new UpdateFunctionConfigurationCommand({ FunctionName: pager, Environment: { Variables: {} } }),
    );
    const { MetricAlarms = [] } = await new CloudWatchClient(clientConfig()).send(
      new DescribeAlarmsCommand({}),
    );
    const name = MetricAlarms.map((alarm) => alarm.AlarmName!).find((each) =>
      each.endsWith('-uuid-function'),
    )!;
    const event = {
      source: 'aws.cloudwatch',
      alarmArn: `arn:aws:cloudwatch:us-east-1:000000000000:alarm:${name}`,
      accountId: '000000000000',
      region: 'us-east-1',
      alarmData: { alarmName: name, state: { value: 'ALARM', timestamp: new Date().toISOString() } },
    };
    // As CloudWatch does it: asynchronously.
    await lambda().send(
      new InvokeCommand({ FunctionName: pager, InvocationType: 'Event', Payload: JSON.stringify(event) }),
    );
    const raw = await queue.waitFor((each) => each.message.includes('requestPayload'), WITHIN_MS, seen);
    expect(JSON.parse(raw.message)).toMatchObject({ requestPayload: { alarmData: { alarmName: name } } });
  });

  test('drift, and the heartbeat that stops', async () => {
    await rds.run('app', 'ALTER TABLE lead_purchases ALTER COLUMN id DROP DEFAULT');
    const { Payload } = await lambda().send(
      new InvokeCommand({ FunctionName: migrate, Payload: JSON.stringify({ action: 'drift' }) }),
    );
    const { drift } = JSON.parse(Buffer.from(Payload!).toString());
    expect(drift.verification.findings).toHaveLength(1);
    expect(drift.logging).toEqual([]);
    await message(/Drift/, /^ALARM/);

    const { MetricAlarms = [] } = await new CloudWatchClient(clientConfig()).send(
      new DescribeAlarmsCommand({}),
    );
    const heartbeat = MetricAlarms.find((alarm) => alarm.MetricName?.startsWith('heartbeat'))!;
    const state = async () =>
      (
        await new CloudWatchClient(clientConfig()).send(
          new DescribeAlarmsCommand({ AlarmNames: [heartbeat.AlarmName!] }),
        )
      ).MetricAlarms?.[0]?.StateValue;
    // The first two intervals are its warm-up.
    expect(await state()).not.toBe('ALARM');
    try {
      shiftClock(localAws().folder, 3 * 3_600);
      await expect.poll(state, { timeout: 20_000 }).toBe('ALARM');
    } finally {
      shiftClock(localAws().folder, 0);
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
