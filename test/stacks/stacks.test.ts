import { Stack } from 'aws-cdk-lib';
import { Annotations, Match, Template } from 'aws-cdk-lib/assertions';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as kms from 'aws-cdk-lib/aws-kms';
import { describe, expect, it } from 'vitest';
import { compose, settingsOf } from '../../lib/stacks/compose';
import { DatabaseStack, type DatabaseStackProps } from '../../lib/stacks/database-stack';
import { SchemaStack } from '../../lib/stacks/schema-stack';
import { folderOf, onlyResource, PEOPLE, resourcesOf, snapshotOf, testApp } from '../support/synth';

const folder = folderOf({ '0001_people.sql': PEOPLE });
const server = (props: DatabaseStackProps = {}) => new DatabaseStack(testApp(), 'Server', props);
const templateOf = (props?: DatabaseStackProps) => Template.fromStack(server(props));

describe('the server', () => {
  it.each<[string, DatabaseStackProps]>([
    ['an instance', {}],
    ['Aurora with the Data API', { engine: 'aurora', dataApi: true }],
    ['a cheap instance', { cheap: true, managedSecret: false }],
    ['cheap Aurora', { engine: 'aurora', cheap: true }],
  ])('%s', (_, props) => {
    expect(snapshotOf(server(props))).toMatchSnapshot();
  });

  it.each<[DatabaseStackProps['engine'], string]>([
    ['instance', 'AWS::RDS::DBParameterGroup'],
    ['aurora', 'AWS::RDS::DBClusterParameterGroup'],
  ])('%s takes TLS only, and logs errors without rows', (engine, type) => {
    templateOf({ engine }).hasResourceProperties(type, {
      Parameters: {
        'rds.force_ssl': '1',
        lc_messages: 'C',
        log_error_verbosity: 'terse',
        log_min_error_statement: 'error',
        log_parameter_max_length_on_error: '0',
        log_statement: 'none',
        log_min_duration_statement: '-1',
      },
    });
    templateOf({ engine, logStatements: false }).hasResourceProperties(type, {
      Parameters: Match.objectLike({ log_min_error_statement: 'panic' }),
    });
  });

  it('leaves rds.force_ssl out where the parameter is reported to be gone', () => {
    templateOf({ version: '18' }).hasResourceProperties('AWS::RDS::DBParameterGroup', {
      Parameters: { 'rds.force_ssl': Match.absent() },
    });
  });

  it.each<[DatabaseStackProps['engine'], string, string]>([
    ['instance', 'AWS::RDS::DBInstance', '/aws/rds/instance/server/postgresql'],
    ['aurora', 'AWS::RDS::DBCluster', '/aws/rds/cluster/server/postgresql'],
  ])('%s has its log group first, under the name that RDS writes to', (engine, type, name) => {
    const stack = server({ engine });
    expect(stack.logGroupName).toBe(name);
    const template = Template.fromStack(stack);
    const [[id, group]] = Object.entries(resourcesOf(template, 'AWS::Logs::LogGroup')) as [[string, never]];
    expect(group).toMatchObject({
      Properties: { LogGroupName: name, RetentionInDays: 90 },
      DeletionPolicy: 'RetainExceptOnCreate',
      UpdateReplacePolicy: 'Retain',
    });
    const made = onlyResource(template, type);
    expect(made.DependsOn).toContain(id);
    expect(made).toMatchObject({
      DeletionPolicy: 'Snapshot',
      UpdateReplacePolicy: 'Snapshot',
      Properties: {
        DeletionProtection: true,
        EnableCloudwatchLogsExports: ['postgresql'],
        StorageEncrypted: true,
      },
    });
  });

  it('takes everything with it when it is cheap', () => {
    const template = templateOf({ cheap: true });
    expect(onlyResource(template, 'AWS::RDS::DBInstance')).toMatchObject({
      DeletionPolicy: 'Delete',
      Properties: {
        DeletionProtection: false,
        DBInstanceClass: 'db.t4g.micro',
        MultiAZ: false,
        BackupRetentionPeriod: 1,
      },
    });
    expect(onlyResource(template, 'AWS::Logs::LogGroup').DeletionPolicy).toBe('Delete');
  });

  it('has no way out of its VPC', () => {
    const template = templateOf();
    for (const type of ['AWS::EC2::NatGateway', 'AWS::EC2::InternetGateway'])
      template.resourceCountIs(type, 0);
    expect(resourcesOf(template, 'AWS::EC2::Route')).toEqual({});
  });

  it('encrypts with a key of another stack, and lets the log of this one server use it', () => {
    const app = testApp();
    const keys = new Stack(app, 'Keys');
    const encryptionKey = new kms.Key(keys, 'Key');
    const stack = new DatabaseStack(app, 'Server', { encryptionKey, managedSecret: false });
    const template = Template.fromStack(stack);
    for (const [type, property] of [
      ['AWS::RDS::DBInstance', 'KmsKeyId'],
      ['AWS::Logs::LogGroup', 'KmsKeyId'],
      ['AWS::SecretsManager::Secret', 'KmsKeyId'],
    ] as const) {
      template.hasResourceProperties(type, {
        [property]: { 'Fn::ImportValue': Match.stringLikeRegexp('Keys') },
      });
    }
    Template.fromStack(keys).hasResourceProperties('AWS::KMS::Key', {
      KeyPolicy: Match.objectLike({
        Statement: Match.arrayWith([
          Match.objectLike({
            Principal: { Service: { 'Fn::Join': ['', ['logs.', { Ref: 'AWS::Region' }, '.amazonaws.com']] } },
            Condition: {
              ArnEquals: {
                'kms:EncryptionContext:aws:logs:arn': {
                  'Fn::Join': ['', Match.arrayWith([':log-group:/aws/rds/instance/server/postgresql'])],
                },
              },
            },
          }),
        ]),
      }),
    });
  });

  it("warns where it cannot let CloudWatch Logs use somebody else's key", () => {
    const keys = new Stack(testApp(), 'Keys');
    const arn = 'arn:aws:kms:eu-central-1:111122223333:key/00000000-0000-0000-0000-000000000000';
    const encryptionKey = kms.Key.fromKeyArn(keys, 'Key', arn);
    const warns = (props: DatabaseStackProps) =>
      Annotations.fromStack(server(props)).findWarning(
        '*',
        Match.stringLikeRegexp('encryptionKey is not made'),
      );
    expect(warns({ encryptionKey })).toHaveLength(1);
    const stack = new Stack(testApp(), 'Own');
    const own = new DatabaseStack(stack, 'Server', { encryptionKey: new kms.Key(stack, 'Key') });
    Annotations.fromStack(own).hasNoWarning('*', Match.stringLikeRegexp('encryptionKey'));
  });

  it('is upgraded to another major version only when told to', () => {
    const property = 'AllowMajorVersionUpgrade';
    templateOf().hasResourceProperties('AWS::RDS::DBInstance', { [property]: Match.absent() });
    templateOf({ version: '18.3', allowMajorVersionUpgrade: true }).hasResourceProperties(
      'AWS::RDS::DBInstance',
      { [property]: true, EngineVersion: '18.3' },
    );
  });

  it('may live in a VPC that is there', () => {
    const app = testApp();
    const vpc = new ec2.Vpc(new Stack(app, 'Network'), 'Vpc', {
      natGateways: 0,
      subnetConfiguration: [{ name: 'Isolated', subnetType: ec2.SubnetType.PRIVATE_ISOLATED }],
    });
    const stack = new DatabaseStack(app, 'Server', { vpc });
    new SchemaStack(app, 'Schema', { schema: { database: stack.database(), folder } });
    Template.fromStack(stack).resourceCountIs('AWS::EC2::VPC', 0);
  });

  it.each<[string, () => unknown, string]>([
    [
      'an identifier that RDS would change',
      () => server({ identifier: 'Server_1' }),
      'identifier "Server_1" must be',
    ],
    ['the Data API without Aurora', () => server({ dataApi: true }), "dataApi needs engine: 'aurora'"],
    ['the Data API of an instance', () => server().dataApi(), "The Data API needs engine: 'aurora'"],
  ])('refuses %s', (_, make, message) => {
    expect(make).toThrow(message);
  });
});

describe("the schema's stack", () => {
  it('is as it was', () => {
    const app = testApp();
    const stack = new DatabaseStack(app, 'Server');
    const schema = new SchemaStack(app, 'Schema', {
      databaseLogGroupName: stack.logGroupName,
      schema: {
        database: stack.database({ databaseName: 'people', createDatabase: true }),
        folder,
        namespace: 'people',
      },
    });
    expect(schema.databaseLogGroup!.logGroupName).toBe('/aws/rds/instance/server/postgresql');
    expect(snapshotOf(schema)).toMatchSnapshot();
  });

  it('holds nothing of the server back: no export of the log group', () => {
    const app = testApp();
    const stack = new DatabaseStack(app, 'Server');
    new SchemaStack(app, 'Schema', {
      databaseLogGroupName: stack.logGroupName,
      schema: { database: stack.database(), folder },
    });
    app.synth();
    const exported = Object.keys(Template.fromStack(stack).findOutputs('*')).filter((id) =>
      /Export/.test(id),
    );
    expect(exported.filter((id) => /Log[0-9A-F]{8}/.test(id))).toEqual([]);
  });
});

describe('what the server exports', () => {
  type Consumer = (server: DatabaseStack) => ReturnType<DatabaseStack['database']> | undefined;
  const CONSUMERS: Record<string, Consumer> = {
    nobody: () => undefined,
    'by secret': (server) => server.database(),
    'by token': (server) => server.database({ auth: 'iam' }),
    'by token, without a secret': (server) => server.database({ auth: 'iam', createUser: false }),
  };
  const exportsFor = (engine: 'instance' | 'aurora', managedSecret: boolean, consumer: Consumer) => {
    const app = testApp();
    const stack = new DatabaseStack(app, 'Server', { engine, managedSecret, dataApi: engine === 'aurora' });
    const database = consumer(stack);
    if (database) new SchemaStack(app, 'Schema', { schema: { database, folder } });
    app.synth();
    const outputs = Object.values(Template.fromStack(stack).findOutputs('*')) as Record<string, object>[];
    return outputs.flatMap(({ Export }) => (Export ? [JSON.stringify(Export)] : [])).sort();
  };

  it.each([
    ['instance', true],
    ['instance', false],
    ['aurora', true],
    ['aurora', false],
  ] as const)('never changes with who logs in, or how: %s, managed secret %s', (engine, managedSecret) => {
    const all = { ...CONSUMERS, ...(engine === 'aurora' ? { api: (s: DatabaseStack) => s.dataApi() } : {}) };
    const found = Object.values(all).map((consumer) => exportsFor(engine, managedSecret, consumer));
    expect(found[0]!.length).toBeGreaterThan(5);
    for (const each of found) expect(each).toEqual(found[0]);
  });
});

describe('the app', () => {
  const composed = (context: Record<string, unknown>) => {
    const app = testApp({
      context: Object.fromEntries(Object.entries(context).map(([k, v]) => [`trueup:${k}`, v])),
    });
    compose(app, settingsOf(app));
    return app.synth().stacks.map(({ stackName }) => stackName);
  };

  it('has a stack for the server, one for each folder of this repository, and one that watches', () => {
    expect(composed({}).sort()).toEqual([
      'TrueupAppointments',
      'TrueupChannels',
      'TrueupCourses',
      'TrueupDatabase',
      'TrueupMarketplace',
      'TrueupMessaging',
      'TrueupWatch',
    ]);
  });

  it('is told by context, as cdk.json or the command line give it', () => {
    expect(
      composed({
        prefix: 'Test',
        engine: 'aurora',
        transport: 'data-api',
        cheap: 'true',
        databases: 'courses',
      }).sort(),
    ).toEqual(['TestCourses', 'TestDatabase', 'TestWatch']);
    expect(
      composed({ auth: 'iam', cheap: true, managedSecret: false, databases: 'courses', watch: false }),
    ).toHaveLength(2);
  });

  it.each([
    [{ engine: 'mysql' }, 'trueup:engine is mysql; it must be instance or aurora.'],
    [{ cheap: 'yes' }, 'trueup:cheap is yes; it must be false or true.'],
    [{ transport: 'data-api' }, "dataApi needs engine: 'aurora'"],
  ])('refuses %j', (context, message) => {
    expect(() => composed(context)).toThrow(message);
  });
});
