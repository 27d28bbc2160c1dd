import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type App, Duration, Stack, Token } from 'aws-cdk-lib';
import { Annotations, Match, Template } from 'aws-cdk-lib/assertions';
import * as kms from 'aws-cdk-lib/aws-kms';
import * as logs from 'aws-cdk-lib/aws-logs';
import * as sns from 'aws-cdk-lib/aws-sns';
import * as subscriptions from 'aws-cdk-lib/aws-sns-subscriptions';
import * as sqs from 'aws-cdk-lib/aws-sqs';
import { beforeAll, describe, expect, it } from 'vitest';
import { SIGNATURES } from '../../../lambda/defects/signatures';
import { FUNCTION_DIMENSION, METRIC_NAMESPACE } from '../../../lambda/migrate/metrics';
import { buildWorkloadAlarmName } from '../../../lambda/page/alarm';
import { readPageSettings } from '../../../lambda/page/page-settings';
import { AlarmTopic, type AlarmTopicProps } from '../../../lib/constructs/alarms/alarm-topic';
import { DriftCheck } from '../../../lib/constructs/alarms/drift-check';
import { SchemaAlarms } from '../../../lib/constructs/alarms/schema-alarms';
import type { SchemaAlarmsProps } from '../../../lib/constructs/alarms/schema-alarms-props';
import type { ScheduledAuditProps } from '../../../lib/constructs/migrations/schema-migrations-props';
import { Notify } from '../../../lib/constructs/notify/notify';
import { deployment } from '../../support/deployment';
import { compileFilterPattern } from '../../support/filter-pattern';
import { nagFindings, type Resource, resourcesOf, testApp } from '../../support/synth';

function watched(
  props: Partial<SchemaAlarmsProps> = {},
  server: Parameters<typeof deployment>[2] = (each) => each.database(),
) {
  const made = deployment({}, {}, server);
  const stack = new Stack(made.app, 'Watch');
  const databaseLogGroup = logs.LogGroup.fromLogGroupName(stack, 'DatabaseLog', made.server.logGroupName);
  const alarms = new SchemaAlarms(stack, 'Alarms', { databaseLogGroup, schemas: [made.schema], ...props });
  const drift = new DriftCheck(stack, 'Drift', { schema: made.schema, alarms });
  return { ...made, watch: stack, alarms, drift };
}

/** As it is without any props. */
let plain: ReturnType<typeof watched>;
let template: Template;
beforeAll(() => {
  plain = watched();
  template = Template.fromStack(plain.watch);
});

const alarmsOf = (template: Template) =>
  Object.values(resourcesOf(template, 'AWS::CloudWatch::Alarm')).map((each) => each.Properties);
const filtersOf = (template: Template) =>
  Object.values(resourcesOf(template, 'AWS::Logs::MetricFilter')).map(({ Properties }) => ({
    group: Properties.LogGroupName,
    pattern: Properties.FilterPattern as string,
    metric: (Properties.MetricTransformations as { MetricName: string }[])[0]!.MetricName,
    transformation: (Properties.MetricTransformations as Record<string, unknown>[])[0]!,
  }));

describe('SchemaAlarms', () => {
  it('counts every error of a real log once, by the synthesized patterns', () => {
    const events = readFileSync(
      join(__dirname, '../../data/postgres-logs/pg17-default-stderr.log'),
      'utf8',
    ).split(/\n(?!\t)/);
    const counted: Record<string, number> = {};
    for (const { pattern, metric } of filtersOf(template)) {
      const matches = compileFilterPattern.bind(null, pattern);
      if (pattern.startsWith('{')) continue;
      counted[metric] = (counted[metric] ?? 0) + events.filter(matches()).length;
    }
    expect(counted).toMatchObject({ 'not-null': 2, 'on-conflict': 2, 'uuid-function': 1, 'key-types': 3 });
  });

  it('looks back a quarter of an hour, minute by minute, unless told otherwise', () => {
    const template = Template.fromStack(watched({}).watch);
    const counting = alarmsOf(template).filter(({ MetricName }) =>
      SIGNATURES.some(({ id }) => id === MetricName),
    );
    expect(counting).toHaveLength(SIGNATURES.length);
    for (const alarm of counting) {
      expect(alarm).toMatchObject({ Period: 60, EvaluationPeriods: 15, DatapointsToAlarm: 1, Threshold: 1 });
    }
  });

  it('one metric and one alarm a signature, however many log groups', () => {
    const { watch, alarms } = watched({
      applicationLogGroups: [
        { logGroup: logs.LogGroup.fromLogGroupName(new Stack(), 'A', '/app/text') },
        {
          logGroup: logs.LogGroup.fromLogGroupName(new Stack(), 'B', '/app/json'),
          json: { sqlstate: '$.err.code', message: '$.err.message' },
        },
      ],
      threshold: 3,
      evaluationWindow: Duration.minutes(30),
    });
    const template = Template.fromStack(watch);
    const filters = filtersOf(template);
    for (const { id } of SIGNATURES) {
      const groups = new Set(filters.filter(({ metric }) => metric === id).map(({ group }) => group));
      expect(groups).toEqual(new Set(['/aws/rds/instance/server/postgresql', '/app/text', '/app/json']));
      const [alarm, ...more] = alarmsOf(template).filter(({ MetricName }) => MetricName === id);
      expect(more).toEqual([]);
      expect(alarm).toMatchObject({
        AlarmName: `${alarms.metricNamespace.slice('Trueup/'.length)}-${id}`,
        Namespace: alarms.metricNamespace,
        Statistic: 'Sum',
        Period: 60,
        EvaluationPeriods: 30,
        DatapointsToAlarm: 1,
        Threshold: 3,
        ComparisonOperator: 'GreaterThanOrEqualToThreshold',
        TreatMissingData: 'notBreaching',
      });
      expect(JSON.stringify(alarm!.AlarmActions)).toMatch(/PagerFunction/);
    }
    for (const { transformation } of filters) {
      expect(transformation).not.toHaveProperty('DefaultValue');
      expect(transformation).toMatchObject({ MetricValue: '1', MetricNamespace: alarms.metricNamespace });
    }
  });

  it('leaves out the migrator only where it has a role of its own, and what is to be ignored', () => {
    const patterns = (props: Partial<SchemaAlarmsProps>, server?: Parameters<typeof deployment>[2]) =>
      filtersOf(Template.fromStack(watched(props, server).watch))
        .filter(({ metric }) => metric === 'not-null')
        .map(({ pattern }) => pattern);
    expect(patterns({}, (server) => server.database({ auth: 'secret' })).join()).not.toMatch(/@/);
    expect(
      patterns({}, (server) => server.database({ auth: 'iam' })).every((each) =>
        each.includes(' -":app_migrator@"'),
      ),
    ).toBe(true);
    expect(
      patterns({ excludedRoles: ['dba'], ignore: ['audit_log'] }).every((each) =>
        each.endsWith(' -":dba@" -"audit_log"'),
      ),
    ).toBe(true);
  });

  it('topic and key let CloudWatch publish, with the account as condition', () => {
    const condition = { StringEquals: { 'aws:SourceAccount': { Ref: 'AWS::AccountId' } } };
    template.hasResourceProperties('AWS::SNS::TopicPolicy', {
      PolicyDocument: {
        Statement: Match.arrayWith([
          Match.objectLike({
            Effect: 'Allow',
            Action: 'sns:Publish',
            Principal: { Service: 'cloudwatch.amazonaws.com' },
            Resource: { Ref: Match.stringLikeRegexp('Topic') },
            Condition: condition,
          }),
        ]),
      },
    });
    template.hasResourceProperties('AWS::KMS::Key', {
      EnableKeyRotation: true,
      KeyPolicy: {
        Statement: Match.arrayWith([
          Match.objectLike({
            Effect: 'Allow',
            Action: ['kms:Decrypt', 'kms:GenerateDataKey*'],
            Principal: { Service: 'cloudwatch.amazonaws.com' },
            Condition: condition,
          }),
        ]),
      },
    });
    // Nothing of it stays, and is paid for, when the stack goes.
    template.hasResource('AWS::KMS::Key', { DeletionPolicy: 'Delete', UpdateReplacePolicy: 'Delete' });
    template.hasResourceProperties('AWS::SNS::Topic', {
      KmsMasterKeyId: { 'Fn::GetAtt': [Match.anyValue(), 'Arn'] },
    });
  });

  it('a given topic gets the statements where it is made here, and a warning where not', () => {
    const stack = new Stack();
    const key = new kms.Key(stack, 'Key');
    const topic = new sns.Topic(stack, 'Topic', { masterKey: key, enforceSSL: true });
    watched({ notify: [Notify.topic(topic), Notify.email('on-call@example.com')] });
    const template = Template.fromStack(stack);
    expect(JSON.stringify(resourcesOf(template, 'AWS::SNS::TopicPolicy'))).toMatch(/CloudWatchPublishes/);
    expect(JSON.stringify(resourcesOf(template, 'AWS::KMS::Key'))).toMatch(/CloudWatchEncrypts/);
    template.resourceCountIs('AWS::SNS::Subscription', 1);

    const { watch } = watched({
      notify: [
        Notify.topic(sns.Topic.fromTopicArn(new Stack(), 'T', 'arn:aws:sns:eu-west-1:111122223333:pages'), {
          key: kms.Key.fromKeyArn(new Stack(), 'K', 'arn:aws:kms:eu-west-1:111122223333:key/k'),
        }),
      ],
    });
    const warnings = Annotations.fromStack(watch).findWarning(
      '*',
      Match.stringLikeRegexp('aws:SourceAccount'),
    );
    expect(warnings).toHaveLength(2);
  });

  it('warns where nobody is told, and not where somebody is', () => {
    const warnings = (props: AlarmTopicProps, and = (_: AlarmTopic): unknown => undefined) => {
      const stack = new Stack(testApp(), 'Watch');
      // A stack without a resource is refused.
      new sqs.Queue(stack, 'Other');
      and(new AlarmTopic(stack, 'Pages', props));
      return Annotations.fromStack(stack).findWarning('*', Match.stringLikeRegexp('Nobody will be notified'))
        .length;
    };
    expect(warnings({})).toBe(1);
    expect(warnings({ emails: [] })).toBe(1);
    expect(warnings({ pagesToldElsewhere: true })).toBe(1);
    expect(warnings({ emails: ['on-call@example.com'] })).toBe(0);
    const pages = 'arn:aws:sns:eu-west-1:111122223333:pages';
    expect(warnings({ topic: sns.Topic.fromTopicArn(new Stack(), 'Topic', pages) })).toBe(0);
    const later = new subscriptions.UrlSubscription('https://events.example.com/x');
    expect(warnings({}, ({ topic }) => topic.addSubscription(later))).toBe(0);
    // The subscription then stands below the queue, in another stack.
    const toQueue = ({ topic }: AlarmTopic) => {
      const queue = new sqs.Queue(new Stack(topic.node.root as App, 'Queues'), 'Queue');
      topic.addSubscription(new subscriptions.SqsSubscription(queue));
    };
    expect(warnings({}, toQueue)).toBe(0);
  });

  it('takes addresses that are known at deployment only', () => {
    const parameter = (name: string) => Token.asString({ 'Fn::ImportValue': name });
    const { watch } = watched({ notify: ['a', 'b'].map((each) => Notify.email(parameter(each))) });
    const endpoints = Object.values(resourcesOf(Template.fromStack(watch), 'AWS::SNS::Subscription'));
    expect(endpoints.map(({ Properties }) => [Properties.Protocol, Properties.Endpoint])).toEqual([
      ['email', { 'Fn::ImportValue': 'a' }],
      ['email', { 'Fn::ImportValue': 'b' }],
    ]);
  });

  it('refuses what would leave it deaf, or count an error twice', () => {
    const stack = new Stack();
    const logGroupClass = logs.LogGroupClass.INFREQUENT_ACCESS;
    const rare = new logs.LogGroup(stack, 'Rare', { logGroupClass });
    const refused = (props: Partial<SchemaAlarmsProps>) => expect(() => watched(props));
    refused({ databaseLogGroup: rare }).toThrow(
      /databaseLogGroup is .*INFREQUENT_ACCESS; it must be of class STANDARD/,
    );
    refused({ applicationLogGroups: [{ logGroup: rare }] }).toThrow(
      /applicationLogGroups\[0\].logGroup is .*STANDARD/,
    );
    expect(() => deployment({ logGroup: rare })).toThrow(/logGroup is .*STANDARD/);
    const named = (id: string, name: string) => ({
      logGroup: logs.LogGroup.fromLogGroupName(stack, id, name),
    });
    refused({ applicationLogGroups: [named('A', '/app'), named('B', '/app')] }).toThrow(
      /must be in the list once/,
    );
    refused({ applicationLogGroups: [named('C', '/aws/rds/instance/server/postgresql')] }).toThrow(
      /applicationLogGroups holds databaseLogGroup/,
    );
    const json = { sqlstate: 'err.code', message: '$.message' };
    refused({ applicationLogGroups: [{ ...named('D', '/app'), json }] }).toThrow(
      /applicationLogGroups\[0\].json.sqlstate is "err.code"; it must say where/,
    );
  });

  it('the pager: never retried, the raw alarm to the topic, only what it needs', () => {
    template.hasResourceProperties('AWS::Lambda::EventInvokeConfig', {
      MaximumRetryAttempts: 0,
      DestinationConfig: { OnFailure: { Destination: { Ref: Match.stringLikeRegexp('Topic') } } },
    });
    const policies = JSON.stringify(resourcesOf(template, 'AWS::IAM::Policy'));
    const allowed = [...policies.matchAll(/"Action":("[^"]+"|\[[^\]]+\])/g)].flatMap(([, action]) =>
      JSON.parse(`[${action}]`).flat(),
    );
    expect([...new Set(allowed)].sort()).toEqual([
      'cloudwatch:DescribeAlarms',
      'kms:Decrypt',
      'kms:GenerateDataKey',
      'kms:GenerateDataKey*',
      'lambda:InvokeFunction',
      'logs:CreateLogStream',
      'logs:FilterLogEvents',
      'logs:PutLogEvents',
      'sns:Publish',
    ]);
    expect(policies).not.toMatch(/"Resource":"\*"/);
    // A list is authorized on every alarm of account and region, whatever names are asked for.
    template.hasResourceProperties('AWS::IAM::Policy', {
      PolicyDocument: Match.objectLike({
        Statement: Match.arrayWith([
          {
            Sid: 'SeeAlarms',
            Effect: 'Allow',
            Action: 'cloudwatch:DescribeAlarms',
            Resource: {
              'Fn::Join': [
                '',
                [
                  'arn:',
                  { Ref: 'AWS::Partition' },
                  ':cloudwatch:',
                  { Ref: 'AWS::Region' },
                  ':',
                  { Ref: 'AWS::AccountId' },
                  ':alarm:*',
                ],
              ],
            },
          },
        ]),
      }),
    });
    const pager = Object.values(resourcesOf(template, 'AWS::Lambda::Function')).find(({ Properties }) =>
      JSON.stringify(Properties.Environment).includes('TRUEUP_PAGE'),
    ) as Resource;
    expect(pager.Properties).not.toHaveProperty('VpcConfig');
    const text = (
      pager.Properties.Environment as { Variables: { TRUEUP_PAGE: { 'Fn::Join': [string, unknown[]] } } }
    ).Variables.TRUEUP_PAGE['Fn::Join'][1]
      .map((part) => (typeof part === 'string' ? part : 'x'))
      .join('');
    expect(readPageSettings({ TRUEUP_PAGE: text })).toMatchObject({
      logGroups: [{ name: '/aws/rds/instance/server/postgresql', lines: { format: 'postgresql' } }],
      functions: { app: ['x'] },
      rescanIntervalMs: 300_000,
    });
    template.hasResourceProperties('AWS::Events::Rule', {
      ScheduleExpression: 'rate(5 minutes)',
      Targets: [
        Match.objectLike({
          InputTransformer: {
            InputPathsMap: { time: '$.time' },
            InputTemplate: '{"action":"look-again","time":<time>}',
          },
          RetryPolicy: { MaximumRetryAttempts: 0 },
        }),
      ],
    });
  });

  it('alarms on our own functions go straight to the topic', () => {
    const direct = alarmsOf(template).filter(
      ({ AlarmActions }) => !JSON.stringify(AlarmActions).includes('Pager'),
    );
    expect(direct.map(({ MetricName }) => String(MetricName).replace(/-[0-9a-f]{42}$/, '')).sort()).toEqual([
      'AsyncEventsDropped',
      'DestinationDeliveryFailures',
      'Drift',
      'DriftChecked',
      'Errors',
      'LoggingProblems',
      'deployment-failed',
      'deployment-kept',
      'heartbeat',
    ]);
    for (const alarm of direct) expect(JSON.stringify(alarm.AlarmActions)).toMatch(/PagesTopic/);
  });

  it('says what to do where the log group may not be there yet, and not where this app makes it', () => {
    const { watch, schema } = watched();
    const said = () =>
      Annotations.fromStack(watch).findInfo('*', Match.stringLikeRegexp('The log group .* has to exist'));
    expect(said()).toEqual([]);
    const foreign = logs.LogGroup.fromLogGroupName(watch, 'Foreign', '/aws/rds/instance/foreign/postgresql');
    new SchemaAlarms(watch, 'Others', { databaseLogGroup: foreign, schemas: [schema] });
    expect(said().map(({ id }) => id)).toEqual(['/Watch/Others']);
  });

  it('has a dashboard, unless not wanted', () => {
    template.resourceCountIs('AWS::CloudWatch::Dashboard', 1);
    Template.fromStack(watched({ dashboard: false }).watch).resourceCountIs('AWS::CloudWatch::Dashboard', 0);
  });

  it.each([
    [
      { evaluationWindow: Duration.minutes(0) },
      /evaluationWindow is 0 s; it must be a Duration of whole minutes, from 1 to 1440/,
    ],
    [{ rescanInterval: Duration.seconds(90) }, /whole minutes/],
    [{ runbookUrl: 'docs' }, /must be a URL/],
    [{ runbookUrl: `https://example.com/${'x'.repeat(1_000)}` }, /CloudWatch takes 1024/],
    [{ ignore: ['"quoted"'] }, /a filter pattern cannot hold/],
    [{ ignore: [...Array(40)].map((_, i) => `a_rather_long_phrase_number_${i}`) }, /CloudWatch takes 1024/],
  ] satisfies [Partial<SchemaAlarmsProps>, RegExp][])('refuses %j', (props, message) =>
    expect(() => watched(props)).toThrow(message),
  );

  it('more filters on a log group than CloudWatch takes are refused at synth', () => {
    const { watch, schema } = watched();
    const databaseLogGroup = logs.LogGroup.fromLogGroupName(
      watch,
      'Again',
      '/aws/rds/instance/server/postgresql',
    );
    expect(() => {
      for (let i = 0; i < 6; i++)
        new SchemaAlarms(watch, `More${i}`, { databaseLogGroup, schemas: [schema] });
    }).toThrow(/More than 100 metric filters/);
  });

  it('cdk-nag finds nothing', () => {
    expect(nagFindings(watched({ runbookUrl: 'https://example.com/d' }).app)).toEqual([]);
  });

  it('makes these, and nothing else', () => {
    const made = Object.values(template.toJSON().Resources as Record<string, Resource>).map(
      ({ Type }) => Type,
    );
    expect([...new Set(made)].sort()).toEqual([
      'AWS::CloudWatch::Alarm',
      'AWS::CloudWatch::Dashboard',
      'AWS::Events::Rule',
      'AWS::IAM::Policy',
      'AWS::IAM::Role',
      'AWS::KMS::Key',
      'AWS::Lambda::EventInvokeConfig',
      'AWS::Lambda::Function',
      'AWS::Lambda::Permission',
      'AWS::Logs::LogGroup',
      'AWS::Logs::MetricFilter',
      'AWS::SNS::Topic',
      'AWS::SNS::TopicPolicy',
    ]);
    template.resourceCountIs('AWS::Lambda::Function', 1);
  });

  it('may be called by alarms and schedules of its own account only', () => {
    const permissions = Object.values(resourcesOf(template, 'AWS::Lambda::Permission')).map(
      ({ Properties }) => Properties,
    );
    for (const each of permissions) expect(each).toMatchObject({ SourceArn: expect.anything() });
    const callers = new Set(permissions.map(({ Principal }) => Principal));
    expect([...callers].sort()).toEqual(['events.amazonaws.com', 'lambda.alarms.cloudwatch.amazonaws.com']);
  });

  it('has names that last, for the topic that people subscribe to and what is named in dashboards', () => {
    expect(Object.keys(resourcesOf(template, 'AWS::SNS::Topic'))).toEqual(['AlarmsPagesTopic602D0685']);
    expect(plain.alarms.metricNamespace).toBe('Trueup/WatchAlarms323F0E46');
  });
});

describe('DriftCheck', () => {
  it('runs on its schedule, and missing runs and heartbeats breach', () => {
    const { app, schema } = watched();
    const stack = new Stack(app, 'Often');
    const databaseLogGroup = logs.LogGroup.fromLogGroupName(
      stack,
      'Log',
      '/aws/rds/instance/server/postgresql',
    );
    const alarms = new SchemaAlarms(stack, 'Alarms', { databaseLogGroup, schemas: [schema] });
    new DriftCheck(stack, 'Drift', { schema, alarms, interval: Duration.minutes(15) });
    const template = Template.fromStack(stack);
    template.hasResourceProperties('AWS::Events::Rule', {
      ScheduleExpression: 'rate(15 minutes)',
      Targets: [Match.objectLike({ Input: '{"action":"drift"}' })],
    });
    for (const MetricName of ['DriftChecked', Match.stringLikeRegexp('^heartbeat-')]) {
      template.hasResourceProperties('AWS::CloudWatch::Alarm', {
        MetricName,
        Period: 900,
        EvaluationPeriods: 2,
        Threshold: 1,
        ComparisonOperator: 'LessThanThreshold',
        TreatMissingData: 'breaching',
        WarmUpConfiguration: { WarmUpPeriodDurationInMinutes: 30 },
      });
    }
    for (const MetricName of ['Drift', 'LoggingProblems']) {
      template.hasResourceProperties('AWS::CloudWatch::Alarm', {
        MetricName,
        Dimensions: [{ Name: FUNCTION_DIMENSION, Value: Match.anyValue() }],
        Namespace: METRIC_NAMESPACE,
        Statistic: 'Maximum',
        Period: 900,
        EvaluationPeriods: 2,
        DatapointsToAlarm: 1,
        Threshold: 1,
        TreatMissingData: 'notBreaching',
      });
    }
    expect(
      filtersOf(template)
        .filter(({ metric }) => metric.startsWith('heartbeat'))
        .map(({ pattern }) => pattern),
    ).toEqual(['"LOG:  trueup heartbeat (app/people)"', '"LOG:  00000: trueup heartbeat (app/people)"']);
  });
  it('with a workload, an alarm on it goes to the pager', () => {
    const workload = join(mkdtempSync(join(tmpdir(), 'trueup-test-')), 'people.sql');
    writeFileSync(workload, 'SELECT id FROM people;');
    const { app, schema, server } = deployment({ workload });
    const stack = new Stack(app, 'Watch');
    const databaseLogGroup = logs.LogGroup.fromLogGroupName(stack, 'Log', server.logGroupName);
    const alarms = new SchemaAlarms(stack, 'Alarms', { databaseLogGroup, schemas: [schema] });
    new DriftCheck(stack, 'Drift', { schema, alarms });
    const template = Template.fromStack(stack);
    const names = Object.values(template.findResources('AWS::CloudWatch::Alarm')).map(
      ({ Properties }) => Properties.AlarmName as string | undefined,
    );
    const prefix = names.find((name) => name?.endsWith('-not-null'))!.replace(/-not-null$/, '');
    template.hasResourceProperties('AWS::CloudWatch::Alarm', {
      AlarmName: buildWorkloadAlarmName(prefix, schema.node.addr),
      MetricName: 'BrokenStatements',
      Dimensions: [{ Name: FUNCTION_DIMENSION, Value: Match.anyValue() }],
      Threshold: 1,
      TreatMissingData: 'notBreaching',
      AlarmActions: [stack.resolve(alarms.pageFunction.functionArn)],
    });
  });
  it('what an audit finds anew goes to the pager, unless a schema is not audited', () => {
    const made = (audit?: ScheduledAuditProps) => {
      const { app, schema, server } = deployment({ audit });
      const stack = new Stack(app, 'Watch');
      const databaseLogGroup = logs.LogGroup.fromLogGroupName(stack, 'Log', server.logGroupName);
      const alarms = new SchemaAlarms(stack, 'Alarms', { databaseLogGroup, schemas: [schema] });
      new DriftCheck(stack, 'Drift', { schema, alarms });
      return { stack, schema, alarms, template: Template.fromStack(stack) };
    };
    const { stack, schema, alarms, template } = made();
    template.hasResourceProperties('AWS::CloudWatch::Alarm', {
      AlarmName: Match.stringLikeRegexp(`-findings-${schema.node.addr}$`),
      MetricName: 'NewFindings',
      Dimensions: [{ Name: FUNCTION_DIMENSION, Value: Match.anyValue() }],
      Threshold: 1,
      EvaluationPeriods: 2,
      TreatMissingData: 'notBreaching',
      AlarmActions: [stack.resolve(alarms.pageFunction.functionArn)],
    });
    const target = (input: object) =>
      Match.objectLike({ Targets: [Match.objectLike({ Input: JSON.stringify(input) })] });
    template.hasResourceProperties('AWS::Events::Rule', target({ action: 'drift' }));
    const without = made({ scheduled: false }).template;
    without.resourcePropertiesCountIs('AWS::CloudWatch::Alarm', { MetricName: 'NewFindings' }, 0);
    without.hasResourceProperties('AWS::Events::Rule', target({ action: 'drift', audit: false }));
  });
  it('without alarms it only runs', () => {
    const { app, schema } = deployment();
    const stack = new Stack(app, 'Quiet');
    new DriftCheck(stack, 'Drift', { schema });
    Template.fromStack(stack).resourceCountIs('AWS::CloudWatch::Alarm', 0);
  });
  it.each([Duration.minutes(1), Duration.seconds(400), Duration.days(2)])(
    'refuses an interval of %s',
    (interval) => {
      const { stack, schema } = deployment();
      expect(() => new DriftCheck(stack, 'Drift', { schema, interval })).toThrow(/whole minutes/);
    },
  );
});
