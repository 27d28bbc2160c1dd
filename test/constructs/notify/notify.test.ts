/** Whom pages go to: the resources of each form, what they may do, and what is refused. */
import { Fn, SecretValue, Stack, Token } from 'aws-cdk-lib';
import { Annotations, Match, Template } from 'aws-cdk-lib/assertions';
import * as logs from 'aws-cdk-lib/aws-logs';
import * as secretsmanager from 'aws-cdk-lib/aws-secretsmanager';
import * as sns from 'aws-cdk-lib/aws-sns';
import { beforeAll, describe, expect, it } from 'vitest';
import { SchemaAlarms } from '../../../lib/constructs/alarms/schema-alarms';
import { Notify } from '../../../lib/constructs/notify/notify';
import { deployment } from '../../support/deployment';
import { nagFindings, resourcesOf } from '../../support/synth';

function notifying(make: (stack: Stack) => Notify[]) {
  const { app, schema } = deployment();
  const stack = new Stack(app, 'Watch');
  const databaseLogGroup = logs.LogGroup.fromLogGroupName(stack, 'DatabaseLog', '/the/log');
  const alarms = new SchemaAlarms(stack, 'Alarms', {
    databaseLogGroup,
    schemas: [schema],
    notify: make(stack),
  });
  return { app, stack, alarms };
}
const secretIn = (stack: Stack, id = 'Key') =>
  new secretsmanager.Secret(stack, id, { secretStringValue: SecretValue.unsafePlainText('HUNTER2') });
const CHAT = 'arn:aws:sns:eu-central-1:111122223333:chat';

const statementsOf = (template: Template, role: RegExp) =>
  Object.entries(resourcesOf(template, 'AWS::IAM::Policy'))
    .filter(([id]) => role.test(id))
    .flatMap(
      ({ 1: { Properties } }) =>
        (Properties.PolicyDocument as { Statement: { Sid?: string; Action: unknown; Resource: unknown }[] })
          .Statement,
    );

describe('over HTTPS', () => {
  let made: ReturnType<typeof notifying>;
  let template: Template;
  beforeAll(() => {
    made = notifying((stack) => [
      Notify.email('on-call@example.com'),
      Notify.pagerDuty(secretIn(stack), { serviceRegion: 'eu' }),
      Notify.webhook('https://hooks.example.com/trueup', secretIn(stack, 'Signing')),
    ]);
    template = Template.fromStack(made.stack);
  });

  it('each has a queue of its own on the topic of documents, and dead letters that raise an alarm', () => {
    const queues = Object.entries(resourcesOf(template, 'AWS::SQS::Queue'));
    expect(queues).toHaveLength(4);
    const alarmed = Object.values(resourcesOf(template, 'AWS::CloudWatch::Alarm')).filter(
      ({ Properties }) => Properties.MetricName === 'ApproximateNumberOfMessagesVisible',
    );
    expect(alarmed).toHaveLength(2);
    for (const form of ['pagerduty', 'webhook']) {
      const [[id, queue]] = queues.filter(
        ([id, { Properties }]) => id.includes(form) && 'RedrivePolicy' in Properties,
      ) as [(typeof queues)[number]];
      const { deadLetterTargetArn, maxReceiveCount } = queue.Properties.RedrivePolicy as {
        deadLetterTargetArn: { 'Fn::GetAtt': [string] };
        maxReceiveCount: number;
      };
      const deadLetters = deadLetterTargetArn['Fn::GetAtt'][0];
      expect(maxReceiveCount).toBe(5);
      expect(queue.Properties.VisibilityTimeout).toBe(180);
      expect(JSON.stringify(alarmed.map(({ Properties }) => Properties.Dimensions))).toContain(deadLetters);
      const subscribed = Object.values(resourcesOf(template, 'AWS::SNS::Subscription')).map(
        ({ Properties: { Protocol, RawMessageDelivery, TopicArn, Endpoint } }) =>
          `${Protocol} ${RawMessageDelivery} ${JSON.stringify(TopicArn)} ${JSON.stringify(Endpoint)}`,
      );
      expect(subscribed.filter((each) => each.includes(`"${id}"`)).join()).toMatch(/^sqs true .*Documents/);
      expect(subscribed.filter((each) => each.includes(deadLetters)).join()).toMatch(/^sqs true .*Refused/);
    }
    for (const { Properties } of alarmed)
      expect(JSON.stringify(Properties.AlarmActions)).toMatch(/PagesTopic/);
  });

  it('a sender reads its own secret and its own queue, and knows no secret', () => {
    for (const [form, secret] of [
      ['pagerduty', 'Key'],
      ['webhook', 'Signing'],
    ] as const) {
      const statements = statementsOf(template, new RegExp(form));
      const actions = statements.flatMap(({ Action }) => Action as string[]);
      expect([...new Set(actions)].sort()).toEqual([
        'kms:Decrypt',
        'kms:GenerateDataKey',
        'logs:CreateLogStream',
        'logs:FilterLogEvents',
        'logs:PutLogEvents',
        'secretsmanager:DescribeSecret',
        'secretsmanager:GetSecretValue',
        'sns:Publish',
        'sqs:ChangeMessageVisibility',
        'sqs:DeleteMessage',
        'sqs:GetQueueAttributes',
        'sqs:GetQueueUrl',
        'sqs:ReceiveMessage',
      ]);
      expect(statements.every(({ Resource }) => Resource !== '*')).toBe(true);
      const over = statements.find(({ Sid }) => Sid === 'SeeWhetherOver')!;
      expect([over.Action, over.Resource]).toEqual([
        'logs:FilterLogEvents',
        { 'Fn::GetAtt': [expect.stringMatching(/^AlarmsPagerLog/), 'Arn'] },
      ]);
      const read = statements.find(({ Action }) => String(Action).includes('GetSecretValue'));
      expect(JSON.stringify(read!.Resource)).toMatch(new RegExp(`"${secret}[0-9A-F]{8}"`));
    }
    const functions = Object.values(resourcesOf(template, 'AWS::Lambda::Function'))
      .map(({ Properties }) => JSON.stringify(Properties))
      .filter((text) => text.includes('TRUEUP_NOTIFY'));
    expect(functions).toHaveLength(2);
    expect(functions.join()).toContain('https://events.eu.pagerduty.com/v2/enqueue');
    expect(functions.join()).toContain('https://hooks.example.com/trueup');
    expect(functions.join()).not.toContain('HUNTER2');
    for (const text of functions) expect(text).not.toContain('VpcConfig');
  });

  it.each([
    ["Trueup's own topic", () => Notify.email('on-call@example.com')],
    [
      "the user's topic without a key",
      (stack: Stack) => Notify.topic(sns.Topic.fromTopicArn(stack, 'Own', CHAT)),
    ],
  ])('topics and queues between our functions are encrypted: %s', (_, text) => {
    const { stack } = notifying((of) => [
      text(of),
      Notify.webhook('https://hooks.example.com/trueup', secretIn(of)),
    ]);
    const template = Template.fromStack(stack);
    const keys = Object.keys(resourcesOf(template, 'AWS::KMS::Key'));
    expect(keys).toHaveLength(1);
    const between = Object.entries(resourcesOf(template, 'AWS::SNS::Topic')).filter(([id]) =>
      /Documents|Refused/.test(id),
    );
    expect(between).toHaveLength(2);
    for (const [, { Properties }] of between)
      expect(Properties.KmsMasterKeyId).toEqual({ 'Fn::GetAtt': [keys[0], 'Arn'] });
    for (const { Properties } of Object.values(resourcesOf(template, 'AWS::SQS::Queue')))
      expect(Properties.SqsManagedSseEnabled ?? Properties.KmsMasterKeyId).toBeTruthy();
    const encrypts = (role: RegExp) =>
      statementsOf(template, role).filter(
        ({ Action, Resource }) =>
          JSON.stringify(Action).includes('kms:GenerateDataKey') &&
          JSON.stringify(Resource).includes(keys[0]!),
      );
    expect(encrypts(/Pager/)).not.toEqual([]);
    expect(encrypts(/Notice/)).not.toEqual([]);
  });

  it('the pager publishes the document, and reads no secret', () => {
    const statements = statementsOf(template, /Pager/);
    expect(statements.map(({ Sid }) => Sid)).toEqual(
      expect.arrayContaining(['Page', 'Document', 'EncryptDocuments']),
    );
    expect(JSON.stringify(statements)).not.toContain('secretsmanager');
    const pager = Object.values(resourcesOf(template, 'AWS::Lambda::Function')).find(({ Properties }) =>
      JSON.stringify(Properties.Environment).includes('TRUEUP_PAGE'),
    );
    expect(JSON.stringify(pager!.Properties.Environment)).toContain('documentTopicArn');
  });

  it('cdk-nag finds nothing, and nobody is warned', () => {
    // The secrets are the test's own.
    expect(nagFindings(made.app).filter((each) => / Watch\/Alarms/.test(each))).toEqual([]);
    expect(warningsIn(made.stack)).toEqual([]);
  });
});

const warningsIn = (stack: Stack) =>
  Annotations.fromStack(stack)
    .findWarning('*', Match.stringLikeRegexp('Nobody will be notified'))
    .map(({ entry }) => String(entry.data));

it('where nobody hears of Trueup’s own failures, and where nobody is told at all', () => {
  const [alone] = warningsIn(notifying((stack) => [Notify.pagerDuty(secretIn(stack))]).stack);
  expect(alone).toMatch(/Nobody will be notified when Trueup itself fails/);
  const [none] = warningsIn(notifying(() => []).stack);
  expect(none).toMatch(/^Nobody will be notified: the topic that pages and alarms go to/);
});

it('nobody over HTTPS: none of it is made', () => {
  const template = Template.fromStack(notifying(() => [Notify.email('a@example.com')]).stack);
  template.resourceCountIs('AWS::SQS::Queue', 0);
  template.resourceCountIs('AWS::SNS::Topic', 1);
});

it('a chat has a topic of its own; the pager may use its key', () => {
  const { stack } = notifying((stack) => [
    Notify.chat(
      sns.Topic.fromTopicAttributes(stack, 'Chat', {
        topicArn: CHAT,
        keyArn: 'arn:aws:kms:eu-central-1:111122223333:key/1',
      }),
    ),
  ]);
  const statements = statementsOf(Template.fromStack(stack), /Pager/).filter(({ Sid }) =>
    /Chat/.test(Sid ?? ''),
  );
  expect(statements).toMatchObject([
    { Sid: 'Chat', Action: 'sns:Publish', Resource: CHAT },
    { Sid: 'EncryptChats', Action: ['kms:Decrypt', 'kms:GenerateDataKey'] },
  ]);
});

describe('refused', () => {
  const topic = (stack: Stack, id: string, arn = CHAT) => sns.Topic.fromTopicArn(stack, id, arn);
  it.each<[string, (stack: Stack) => Notify[], RegExp]>([
    [
      'two forms on one topic',
      (s) => [Notify.topic(topic(s, 'A')), Notify.chat(topic(s, 'B'))],
      /on one topic/,
    ],
    [
      'two topics of the text',
      (s) => [Notify.topic(topic(s, 'A')), Notify.topic(topic(s, 'B', `${CHAT}2`))],
      /must have one at most/,
    ],
    ['one chat twice', (s) => [Notify.chat(topic(s, 'A')), Notify.chat(topic(s, 'B'))], /a chat topic twice/],
    ['one address twice', () => ['a', 'b'].map(() => Notify.email('a@example.com')), /an address twice/],
    [
      'one receiver twice',
      (s) => {
        const key = secretIn(s);
        return [Notify.pagerDuty(key), Notify.pagerDuty(key)];
      },
      /a receiver twice/,
    ],
  ])('%s', (_, make, message) => {
    expect(() => notifying(make)).toThrow(message);
  });

  const stack = new Stack();
  const key = secretIn(stack);
  const token = Fn.importValue('Host');
  it.each([
    ['http://hooks.example.com/x', /is http:\/\/hooks\.example\.com\/…; it must be an HTTPS endpoint/],
    ['https://me:hunter2@hooks.example.com/x', /of hooks\.example\.com with a user in it; it must have none/],
    ['hooks.example.com', /is no URL; it must/],
    [token, /is a token, or its host is; it must be an HTTPS endpoint whose host is known at synth/],
    [`https://${token}/x`, /or its host is/],
    [`https://hooks.${token}/x`, /or its host is/],
    [`https://hooks.example.com${token}`, /or its host is/],
    [`http://hooks.example.com/${token}`, /or its host is/],
    [Token.asString({ Ref: 'Url' }), /or its host is/],
  ])('a webhook at %s', (url, message) => {
    expect(() => Notify.webhook(url, key)).toThrow(message);
    expect(() => Notify.webhook(url, key)).not.toThrow(/hunter2/);
  });

  it('and what is fine: a path that is known at deployment, a port', () => {
    expect(() => Notify.webhook(`https://hooks.example.com/${token}`, key)).not.toThrow();
    expect(() => Notify.webhook('https://hooks.example.com:8443/x', key)).not.toThrow();
  });

  it('what is no secret, no topic, no Notify', () => {
    expect(() => Notify.pagerDuty('R0UT1NG' as never)).toThrow(
      /^Notify\.pagerDuty: routingKey is a string; it must be a Secret of aws-secretsmanager/,
    );
    expect(() => Notify.chat(CHAT as never)).toThrow(/^Notify\.chat: topic is a string; it must be a Topic/);
    expect(() => notifying(() => ['me@example.com' as never])).toThrow(
      /notify\[0\] is a string; it must be a Notify: Notify\.email\(…\)/,
    );
  });
});
