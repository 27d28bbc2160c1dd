import { Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as kms from 'aws-cdk-lib/aws-kms';
import { describe, expect, it } from 'vitest';
import type { SchemaDatabase } from '../../lib/constructs/schema-database';
import { SchemaMigrations } from '../../lib/constructs/schema-migrations';
import { DatabaseStack, type DatabaseStackProps } from '../../lib/stacks/database-stack';
import { deployment } from '../support/deployment';
import { folderOf, PEOPLE, resourcesOf, testApp } from '../support/synth';

const folder = folderOf({ '0001_people.sql': PEOPLE });

/** Every policy statement of a template, by the role that has it; nothing may come from elsewhere. */
function statementsOf(stack: Stack): Record<string, Record<string, unknown>[]> {
  const template = Template.fromStack(stack);
  for (const { Properties } of Object.values(resourcesOf(template, 'AWS::IAM::Role'))) {
    expect(Properties).not.toHaveProperty('ManagedPolicyArns');
    expect(Properties).not.toHaveProperty('Policies');
  }
  const byRole: Record<string, Record<string, unknown>[]> = {};
  for (const { Properties } of Object.values(resourcesOf(template, 'AWS::IAM::Policy'))) {
    const { Statement } = Properties.PolicyDocument as { Statement: Record<string, unknown>[] };
    for (const { Ref } of Properties.Roles as { Ref: string }[]) {
      byRole[Ref.replace(/^Schema|[0-9A-F]{8}$/g, '')] = Statement;
    }
  }
  return byRole;
}

const arnOf = (id: string) => ({
  'Fn::GetAtt': [expect.stringMatching(new RegExp(`^Schema${id}[0-9A-F]{8}$`)), 'Arn'],
});
const versionsOf = (id: string) => ({ 'Fn::Join': ['', [arnOf(id), ':*']] });
const imported = (part: string) => ({ 'Fn::ImportValue': expect.stringContaining(part) });
const LOG = {
  Sid: 'Log',
  Effect: 'Allow',
  Action: ['logs:CreateLogStream', 'logs:PutLogEvents'],
  Resource: arnOf('Log'),
};
const NETWORK = [
  'ec2:AssignPrivateIpAddresses',
  'ec2:CreateNetworkInterface',
  'ec2:DeleteNetworkInterface',
  'ec2:DescribeNetworkInterfaces',
  'ec2:DescribeSubnets',
  'ec2:UnassignPrivateIpAddresses',
];
const NETWORK_INTERFACES = [
  { Sid: 'NetworkInterfaces', Effect: 'Allow', Action: NETWORK, Resource: '*' },
  {
    Sid: 'NotByTheCode',
    Effect: 'Deny',
    Action: NETWORK,
    Resource: '*',
    Condition: {
      ArnLike: {
        'lambda:SourceFunctionArn': {
          'Fn::Join': [
            '',
            [
              'arn:',
              { Ref: 'AWS::Partition' },
              ':lambda:',
              { Ref: 'AWS::Region' },
              ':',
              { Ref: 'AWS::AccountId' },
              ':function:*',
            ],
          ],
        },
      },
    },
  },
];
const readSecret = (resource: unknown) => ({
  Sid: 'ReadSecret',
  Effect: 'Allow',
  Action: 'secretsmanager:GetSecretValue',
  Resource: resource,
});
/** CDK's own grant: the functions, and their versions. */
const invoke = (...ids: string[]) => ({
  Effect: 'Allow',
  Action: 'lambda:InvokeFunction',
  Resource: [...ids.map(arnOf), ...ids.map(versionsOf)],
});
const lookAt = (...resources: unknown[]) => ({
  Effect: 'Allow',
  Action: 'lambda:GetFunction',
  Resource: resources.length === 1 ? resources[0] : resources,
});

describe('permissions, statement by statement', () => {
  it('of deploy and of the framework around it', () => {
    const { MigrateRole, ...others } = statementsOf(deployment().stack);
    expect(MigrateRole).toBeDefined();
    const framework = [
      LOG,
      invoke('DeployIsComplete', 'DeployOnEvent'),
      lookAt(arnOf('DeployIsComplete'), arnOf('DeployOnEvent')),
    ];
    expect(others).toEqual({
      DeployOnEventRole: [LOG],
      DeployIsCompleteRole: [
        LOG,
        {
          Sid: 'OwnStack',
          Effect: 'Allow',
          Action: ['cloudformation:DescribeStackEvents', 'cloudformation:DescribeStacks'],
          Resource: { Ref: 'AWS::StackId' },
        },
        {
          Sid: 'Migrate',
          Effect: 'Allow',
          Action: 'lambda:InvokeFunction',
          Resource: arnOf('MigrateFunction'),
        },
      ],
      DeployFrameworkOnEventRole: [
        ...framework,
        {
          Effect: 'Allow',
          Action: 'states:StartExecution',
          Resource: { Ref: expect.stringMatching(/^SchemaDeployProviderwaiterstatemachine/) },
        },
      ],
      DeployFrameworkIsCompleteRole: framework,
      DeployProviderwaiterstatemachineRole: [
        invoke('DeployProviderframeworkisComplete', 'DeployProviderframeworkonTimeout'),
      ],
    });
  });

  const ofMigrate = (
    database?: (server: DatabaseStack) => SchemaDatabase,
    serverProps?: DatabaseStackProps,
  ) => statementsOf(deployment({}, serverProps, database).stack).MigrateRole;

  it('of migrate with a secret', () => {
    expect(ofMigrate()).toEqual([
      LOG,
      readSecret(imported('MasterUserSecretSecretArn')),
      ...NETWORK_INTERFACES,
    ]);
  });

  it('of migrate with a secret under a key of its own', () => {
    const app = testApp();
    const key = new kms.Key(new Stack(app, 'Keys'), 'Key');
    const server = new DatabaseStack(app, 'Server', { encryptionKey: key, managedSecret: false });
    const stack = new Stack(app, 'App');
    new SchemaMigrations(stack, 'Schema', { database: server.database(), folder });
    expect(statementsOf(stack).MigrateRole).toEqual([
      LOG,
      readSecret(imported('SecretAttachment')),
      {
        Sid: 'DecryptSecret',
        Effect: 'Allow',
        Action: 'kms:Decrypt',
        Resource: imported('Key'),
        Condition: {
          StringEquals: {
            'kms:ViaService': {
              'Fn::Join': ['', ['secretsmanager.', { Ref: 'AWS::Region' }, '.amazonaws.com']],
            },
          },
        },
      },
      ...NETWORK_INTERFACES,
    ]);
  });

  const connect = (user: string, resourceId: unknown) => ({
    Sid: 'Connect',
    Effect: 'Allow',
    Action: 'rds-db:connect',
    Resource: {
      'Fn::Join': [
        '',
        [
          'arn:',
          { Ref: 'AWS::Partition' },
          ':rds-db:',
          { Ref: 'AWS::Region' },
          ':',
          { Ref: 'AWS::AccountId' },
          ':dbuser:',
          resourceId,
          `/${user}`,
        ],
      ],
    },
  });

  it('of migrate with IAM authentication, while the role is to be made', () => {
    expect(ofMigrate((server) => server.database({ auth: 'iam' }))).toEqual([
      LOG,
      readSecret(imported('MasterUserSecretSecretArn')),
      ...NETWORK_INTERFACES,
      connect('app_migrator', imported('DbiResourceId')),
    ]);
  });

  it('of migrate with IAM authentication, when the role is there', () => {
    expect(
      ofMigrate((server) => server.database({ auth: 'iam', user: 'courses_migrator', createUser: false }), {
        engine: 'aurora',
      }),
    ).toEqual([LOG, ...NETWORK_INTERFACES, connect('courses_migrator', imported('DBClusterResourceId'))]);
  });

  it('of migrate with the Data API', () => {
    expect(ofMigrate((server) => server.dataApi(), { engine: 'aurora', dataApi: true })).toEqual([
      LOG,
      readSecret(imported('MasterUserSecretSecretArn')),
      {
        Sid: 'DataApi',
        Effect: 'Allow',
        Action: [
          'rds-data:BeginTransaction',
          'rds-data:CommitTransaction',
          'rds-data:ExecuteStatement',
          'rds-data:RollbackTransaction',
        ],
        Resource: {
          'Fn::Join': [
            '',
            [
              'arn:',
              { Ref: 'AWS::Partition' },
              ':rds:',
              { Ref: 'AWS::Region' },
              ':',
              { Ref: 'AWS::AccountId' },
              ':cluster:',
              imported('RefCluster'),
            ],
          ],
        },
      },
    ]);
  });

  it('of whoever runs the command line', () => {
    const { stack, schema } = deployment();
    schema.grantInvoke(new iam.Role(stack, 'Operator', { assumedBy: new iam.AccountRootPrincipal() }));
    expect(statementsOf(stack).OperatorRole ?? statementsOf(stack).Operator).toEqual([
      { Effect: 'Allow', Action: 'lambda:InvokeFunction', Resource: arnOf('MigrateFunction') },
    ]);
  });
});
