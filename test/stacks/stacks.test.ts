import { Stack } from 'aws-cdk-lib';
import { Annotations, Match, Template } from 'aws-cdk-lib/assertions';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as kms from 'aws-cdk-lib/aws-kms';
import { describe, expect, it } from 'vitest';
import { composeStacks, readSettings } from '../../lib/stacks/compose';
import { DatabaseStack } from '../../lib/stacks/database-stack';
import type { DatabaseStackProps } from '../../lib/stacks/database-stack-props';
import { SchemaStack } from '../../lib/stacks/schema-stack';
import { onlyResource, PEOPLE_FOLDER, type Resource, resourcesOf, testApp } from '../support/synth';

const folder = PEOPLE_FOLDER;
const server = (props: DatabaseStackProps = {}) => new DatabaseStack(testApp(), 'Server', props);
const templateOf = (props?: DatabaseStackProps) => Template.fromStack(server(props));

describe('the server', () => {
  const NETWORK = [
    'AWS::EC2::RouteTable',
    'AWS::EC2::SecurityGroup',
    'AWS::EC2::Subnet',
    'AWS::EC2::SubnetRouteTableAssociation',
    'AWS::EC2::VPC',
    'AWS::EC2::VPCEndpoint',
    'AWS::Logs::LogGroup',
  ];
  const INSTANCE = ['AWS::RDS::DBInstance', 'AWS::RDS::DBParameterGroup', 'AWS::RDS::DBSubnetGroup'];
  const AURORA = [
    ...INSTANCE.filter((each) => !/Parameter/.test(each)),
    'AWS::RDS::DBCluster',
    'AWS::RDS::DBClusterParameterGroup',
  ];
  const SECRET = ['AWS::SecretsManager::Secret', 'AWS::SecretsManager::SecretTargetAttachment'];
  it.each<[string, DatabaseStackProps, readonly string[]]>([
    ['an instance', {}, INSTANCE],
    ['Aurora', { engine: 'aurora', dataApi: true }, AURORA],
    ['an instance with a generated secret', { managedSecret: false }, [...INSTANCE, ...SECRET]],
  ])('%s is made of these, and of nothing else', (_, props, types) => {
    const made = Object.values(templateOf(props).toJSON().Resources as Record<string, Resource>);
    expect([...new Set(made.map(({ Type }) => Type))].sort()).toEqual([...NETWORK, ...types].sort());
  });

  // What has another logical id is another resource: CloudFormation would make a new server, and take the old one away.
  it.each<[string, DatabaseStackProps, Record<string, string>]>([
    [
      'an instance',
      {},
      { InstanceC1063A87: 'AWS::RDS::DBInstance', InstanceSubnetGroupF2CBA54F: 'AWS::RDS::DBSubnetGroup' },
    ],
    [
      'Aurora',
      { engine: 'aurora' },
      {
        ClusterEB0386A7: 'AWS::RDS::DBCluster',
        ClusterWriterA91BB273: 'AWS::RDS::DBInstance',
        ClusterReaderA09A3718: 'AWS::RDS::DBInstance',
        ClusterSubnetsDCFA5CB7: 'AWS::RDS::DBSubnetGroup',
      },
    ],
    [
      'a generated secret',
      { managedSecret: false },
      {
        InstanceC1063A87: 'AWS::RDS::DBInstance',
        ServerInstanceSecret5E1664543fdaad7efa858a3daf9490cf0a702aeb: 'AWS::SecretsManager::Secret',
        InstanceSecretAttachment83BEE581: 'AWS::SecretsManager::SecretTargetAttachment',
      },
    ],
  ])('%s has names that last', (_, props, names) => {
    const made = templateOf(props).toJSON().Resources as Record<string, Resource>;
    const types = Object.fromEntries(Object.entries(made).map(([id, { Type }]) => [id, Type]));
    expect(types).toMatchObject({
      ...names,
      Log95422804: 'AWS::Logs::LogGroup',
      SecurityGroupDD263621: 'AWS::EC2::SecurityGroup',
      Vpc8378EB38: 'AWS::EC2::VPC',
      VpcIsolatedSubnet1SubnetE48C5737: 'AWS::EC2::Subnet',
      VpcIsolatedSubnet2Subnet16364B91: 'AWS::EC2::Subnet',
      VpcSecretsManagerC91B0406: 'AWS::EC2::VPCEndpoint',
    });
  });

  it.each<[DatabaseStackProps['engine'], string]>([
    ['instance', 'AWS::RDS::DBInstance'],
    ['aurora', 'AWS::RDS::DBCluster'],
  ])('%s is encrypted, backed up for two weeks, and admits nobody by itself', (engine, type) => {
    const template = templateOf({ engine });
    expect(onlyResource(template, type).Properties).toMatchObject({
      BackupRetentionPeriod: 14,
      CopyTagsToSnapshot: true,
      DeleteAutomatedBackups: false,
      EnableIAMDatabaseAuthentication: true,
      EngineVersion: '17.9',
      ManageMasterUserPassword: true,
      StorageEncrypted: true,
    });
    for (const { Properties } of Object.values(resourcesOf(template, 'AWS::RDS::DBInstance')))
      expect(Properties.PubliclyAccessible).toBe(false);
    const groups = Object.values(resourcesOf(template, 'AWS::EC2::SecurityGroup'));
    const open = groups.filter(({ Properties }) => 'SecurityGroupIngress' in Properties);
    // The endpoint's, from the VPC.
    expect(open).toHaveLength(1);
    template.hasResourceProperties('AWS::EC2::VPCEndpoint', { PrivateDnsEnabled: true });
  });

  it('an instance stands by in a second zone, and its storage grows', () => {
    expect(onlyResource(templateOf(), 'AWS::RDS::DBInstance').Properties).toMatchObject({
      AllocatedStorage: '20',
      AutoMinorVersionUpgrade: true,
      DBInstanceClass: 'db.t4g.medium',
      DBName: 'app',
      Engine: 'postgres',
      MaxAllocatedStorage: 500,
      MultiAZ: true,
      StorageType: 'gp3',
    });
  });

  it('Aurora has a reader to fail over to, and pauses at minimal cost', () => {
    const cluster = (props: DatabaseStackProps) => {
      const template = templateOf({ engine: 'aurora', ...props });
      return {
        ...onlyResource(template, 'AWS::RDS::DBCluster').Properties,
        instances: Object.values(resourcesOf(template, 'AWS::RDS::DBInstance')).map(({ Properties }) => [
          Properties.DBInstanceClass,
          Properties.PromotionTier,
          Properties.AutoMinorVersionUpgrade,
        ]),
      };
    };
    expect(cluster({ dataApi: true })).toMatchObject({
      DatabaseName: 'app',
      EnableHttpEndpoint: true,
      Engine: 'aurora-postgresql',
      ServerlessV2ScalingConfiguration: { MinCapacity: 0.5, MaxCapacity: 4 },
      instances: [
        ['db.serverless', 0, true],
        ['db.serverless', 1, true],
      ],
    });
    expect(cluster({ minimalCost: true })).toMatchObject({
      BackupRetentionPeriod: 1,
      DeleteAutomatedBackups: true,
      DeletionProtection: false,
      EnableHttpEndpoint: false,
      ServerlessV2ScalingConfiguration: { MinCapacity: 0, MaxCapacity: 1 },
      instances: [['db.serverless', 0, true]],
    });
    expect(cluster({ maxCapacity: 16 })).toMatchObject({
      ServerlessV2ScalingConfiguration: { MaxCapacity: 16 },
    });
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

  it('takes everything with it at minimal cost', () => {
    const template = templateOf({ minimalCost: true });
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
            // China has a suffix of its own: logs.cn-north-1.amazonaws.com.cn.
            Principal: {
              Service: {
                'Fn::Join': ['', ['logs.', { Ref: 'AWS::Region' }, '.', { Ref: 'AWS::URLSuffix' }]],
              },
            },
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
        Match.stringLikeRegexp('encryptionKey is not created'),
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
      'identifier is "Server_1"; it must be',
    ],
    ['the Data API without Aurora', () => server({ dataApi: true }), "dataApi needs engine: 'aurora'"],
    [
      'units of Aurora for an instance',
      () => server({ maxCapacity: 2 }),
      "maxCapacity needs engine: 'aurora'",
    ],
    [
      'an instance class for Aurora',
      () => server({ engine: 'aurora', instanceType: new ec2.InstanceType('t4g.medium') }),
      "instanceType needs engine: 'instance'",
    ],
    [
      'a class with the prefix that CDK adds',
      () => server({ instanceType: new ec2.InstanceType('db.t4g.medium') }),
      'without `db.`',
    ],
    [
      'what upgrades an instance, for Aurora',
      () => server({ engine: 'aurora', allowMajorVersionUpgrade: true }),
      "allowMajorVersionUpgrade needs engine: 'instance'",
    ],
    ['an old version', () => server({ version: '12.1' }), 'version is "12.1"; it must be 13 or later'],
    ['no subnets', () => server({ vpcSubnets: { subnets: [] } }), 'vpcSubnets selects no subnet'],
    [
      'subnets that its VPC does not have',
      () => server({ vpcSubnets: { subnetType: ec2.SubnetType.PRIVATE_WITH_EGRESS } }),
      'vpcSubnets must select subnets of the Vpc Server/Vpc',
    ],
    [
      'one zone',
      () => {
        const vpc = new ec2.Vpc(new Stack(undefined, 'Network'), 'Vpc', { maxAzs: 1 });
        return server({ vpc, vpcSubnets: { subnetType: ec2.SubnetType.PUBLIC } });
      },
      'in one availability zone',
    ],
    [
      "a stack's name that is no identifier",
      () => new DatabaseStack(testApp(), 'A--B'),
      'identifier, which is made of the stack\'s name, is "a--b"',
    ],
    ['the Data API of an instance', () => server().dataApi(), "The Data API needs engine: 'aurora'"],
  ])('refuses %s', (_, make, message) => {
    expect(make).toThrow(message);
  });
});

describe("the schema's stack", () => {
  it('knows the server by its exports and by the name of its log group', () => {
    const app = testApp();
    const stack = new DatabaseStack(app, 'Server');
    const schema = new SchemaStack(app, 'Schema', {
      databaseLogGroupName: stack.logGroupName,
      schema: {
        database: stack.database({ databaseName: 'people', createDatabase: true }),
        folder,
        ledgerName: 'people',
      },
    });
    expect(schema.databaseLogGroup!.logGroupName).toBe('/aws/rds/instance/server/postgresql');
    const template = Template.fromStack(schema);
    const made = Object.values(template.toJSON().Resources as Record<string, Resource>);
    expect([...new Set(made.map(({ Type }) => Type))].sort()).toEqual([
      'AWS::EC2::SecurityGroup',
      'AWS::EC2::SecurityGroupEgress',
      'AWS::EC2::SecurityGroupIngress',
      'AWS::IAM::Policy',
      'AWS::IAM::Role',
      'AWS::Lambda::Function',
      'AWS::Logs::LogGroup',
      'AWS::StepFunctions::StateMachine',
      'Custom::TrueupSchema',
    ]);
  });

  it('has names that last: CloudFormation refuses to move a custom resource to another function', () => {
    const app = testApp();
    const database = new DatabaseStack(app, 'Server').database();
    const schema = new SchemaStack(app, 'Schema', { schema: { database, folder } });
    expect(resourcesOf(Template.fromStack(schema), 'Custom::TrueupSchema')).toMatchObject({
      Schema42171392: {
        Properties: {
          ServiceToken: { 'Fn::GetAtt': ['SchemaDeployProviderframeworkonEvent56A1BBA5', 'Arn'] },
        },
      },
    });
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
    composeStacks(app, readSettings(app));
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
        minimalCost: 'true',
        databases: 'courses',
      }).sort(),
    ).toEqual(['TestCourses', 'TestDatabase', 'TestWatch']);
    expect(
      composed({ auth: 'iam', minimalCost: true, managedSecret: false, databases: 'courses', watch: false }),
    ).toHaveLength(2);
  });

  it.each([
    [{ engine: 'mysql' }, 'trueup:engine is mysql; it must be instance or aurora.'],
    [{ minimalCost: 'yes' }, 'trueup:minimalCost is yes; it must be false or true.'],
    [
      { engne: 'aurora' },
      'This app has no setting trueup:engne. Its settings are trueup:prefix, trueup:engine,',
    ],
    [{ migrations: 'nowhere' }, 'trueup:migrations is "nowhere"; it must be a folder that is there'],
    [{ databases: 'courses, courses' }, 'it must be in the list once'],
    [{ databases: '../courses' }, 'trueup:databases[0] is "../courses"; it must be the name of a folder'],
    [{ databases: 'nothing' }, 'folder is "migrations/nothing"; it must be a folder that is there'],
    [
      { databases: 'courses', emails: 'a@example.com, nobody' },
      'Notify.email: address is "nobody"; it must be an address',
    ],
    [{ transport: 'data-api' }, "dataApi needs engine: 'aurora'"],
  ])('refuses %j', (context, message) => {
    expect(() => composed(context)).toThrow(message);
  });
});
