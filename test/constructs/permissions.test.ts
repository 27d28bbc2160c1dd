import { Stack } from 'aws-cdk-lib';
import { Annotations, Match, Template } from 'aws-cdk-lib/assertions';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as kms from 'aws-cdk-lib/aws-kms';
import { describe, expect, it } from 'vitest';
import { SchemaDatabase } from '../../lib/constructs/database/schema-database';
import { SchemaFleet } from '../../lib/constructs/fleet/schema-fleet';
import { FleetTenants } from '../../lib/constructs/fleet/tenants';
import { SchemaMigrations } from '../../lib/constructs/migrations/schema-migrations';
import { DatabaseStack } from '../../lib/stacks/database-stack';
import type { DatabaseStackProps } from '../../lib/stacks/database-stack-props';
import { WatchStack } from '../../lib/stacks/watch-stack';
import { deployment } from '../support/deployment';
import { PEOPLE_FOLDER, resourcesOf, testApp } from '../support/synth';

const folder = PEOPLE_FOLDER;

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
    const { MigrateRole, QueryRole, ...others } = statementsOf(deployment().stack);
    expect(MigrateRole).toBeDefined();
    expect(QueryRole).toBeDefined();
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
    expect(ofMigrate((server) => server.database({ auth: 'secret' }))).toEqual([
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
    new SchemaMigrations(stack, 'Schema', { database: server.database({ login: 'secret' }), folder });
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
    const database = (server: DatabaseStack) => server.dataApi({ login: 'secret' });
    expect(ofMigrate(database, { engine: 'aurora', dataApi: true })).toEqual([
      LOG,
      readSecret(imported('MasterUserSecretSecretArn')),
      ...NETWORK_INTERFACES,
      DATA_API,
    ]);
  });

  const DATA_API = {
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
  };

  it('of migrate let Lambda give back its network interfaces after the function has left the VPC', () => {
    const functionsAndRoles = (transport: 'pg' | 'data-api') => {
      const { stack } = deployment({}, { engine: 'aurora', dataApi: true }, (server) =>
        transport === 'pg' ? server.database() : server.dataApi(),
      );
      const template = Template.fromStack(stack);
      const functions = Object.entries(resourcesOf(template, 'AWS::Lambda::Function'));
      const inVpc = functions.filter(([, { Properties }]) => Properties.VpcConfig !== undefined);
      return { roles: statementsOf(stack), inVpc, functions: functions.map(([id]) => id) };
    };
    const before = functionsAndRoles('pg');
    const after = functionsAndRoles('data-api');
    expect(before.inVpc.length).toBeGreaterThan(0);
    expect(after.inVpc).toEqual([]);
    for (const [id, { Properties, DependsOn }] of before.inVpc) {
      // The same function stays; its policy is updated before it, so what Lambda needs has to be in both.
      expect(after.functions).toContain(id);
      const [role] = (Properties.Role as { 'Fn::GetAtt': string[] })['Fn::GetAtt'];
      const name = role!.replace(/^Schema|[0-9A-F]{8}$/g, '');
      expect(DependsOn).toContainEqual(expect.stringContaining('DefaultPolicy'));
      expect(before.roles[name]).toEqual(expect.arrayContaining(NETWORK_INTERFACES));
      expect(after.roles[name]).toEqual(expect.arrayContaining(NETWORK_INTERFACES));
    }
  });

  it('of whoever runs the command line: to ask is not to change', () => {
    const { stack, schema } = deployment();
    const person = (id: string) => new iam.Role(stack, id, { assumedBy: new iam.AccountRootPrincipal() });
    schema.grantQuery(person('Reader'));
    schema.grantDeploy(person('Operator'));
    const { Reader, Operator } = statementsOf(stack);
    const invokes = (id: string) => [
      { Effect: 'Allow', Action: 'lambda:InvokeFunction', Resource: arnOf(id) },
    ];
    expect(Reader).toEqual(invokes('QueryFunction'));
    expect(Operator).toEqual(invokes('MigrateFunction'));
  });

  it('of the function that answers questions: never the secret of whoever makes databases and roles', () => {
    const roles = (database: (server: DatabaseStack) => SchemaDatabase, props: DatabaseStackProps = {}) =>
      statementsOf(deployment({}, props, database).stack);
    const master = readSecret(imported('MasterUserSecretSecretArn'));
    const asMaster = roles((server) => server.database({ auth: 'secret' }));
    expect(asMaster.QueryRole).toEqual([LOG, master, ...NETWORK_INTERFACES]);
    const iam = roles((server) => server.database({ auth: 'iam', createDatabase: true }));
    expect(iam.MigrateRole).toContainEqual(master);
    expect(iam.QueryRole).toEqual([
      LOG,
      ...NETWORK_INTERFACES,
      connect('app_migrator', imported('DbiResourceId')),
    ]);
    const aurora = { engine: 'aurora', dataApi: true } as const;
    const dataApi = roles((server) => server.dataApi({ login: 'secret' }), aurora);
    expect(dataApi.QueryRole).toEqual(dataApi.MigrateRole);
  });

  describe('of a login of its own', () => {
    const roles = (database: (server: DatabaseStack) => SchemaDatabase, props: DatabaseStackProps = {}) => {
      const { MigrateRole, QueryRole } = statementsOf(deployment({}, props, database).stack);
      return { MigrateRole, QueryRole };
    };
    const master = readSecret(imported('MasterUserSecretSecretArn'));
    const login = connect('courses_migrator', imported('DbiResourceId'));
    const ownSecret = {
      ...readSecret({ Ref: expect.stringMatching(/^SchemaLogin[0-9A-F]{8}$/) }),
      Sid: 'ReadLoginSecret',
    };
    const aurora = { engine: 'aurora', dataApi: true } as const;
    const name = { databaseName: 'courses', createDatabase: true } as const;

    it("the first run reads the server's secret; who asks does not", () => {
      expect(roles((server) => server.database({ ...name, login: 'own' }))).toEqual({
        MigrateRole: [LOG, master, ...NETWORK_INTERFACES, login],
        QueryRole: [LOG, ...NETWORK_INTERFACES, login],
      });
      expect(roles((server) => server.dataApi({ ...name, login: 'own' }), aurora)).toEqual({
        MigrateRole: [LOG, master, ownSecret, ...NETWORK_INTERFACES, DATA_API],
        QueryRole: [LOG, ownSecret, ...NETWORK_INTERFACES, DATA_API],
      });
    });

    it('with createUser: false nobody reads it, said or not', () => {
      for (const said of ['own', undefined] as const) {
        const options = { ...name, login: said, createUser: false };
        const onlyLogin = [LOG, ...NETWORK_INTERFACES, login];
        expect(roles((server) => server.database(options))).toEqual({
          MigrateRole: onlyLogin,
          QueryRole: onlyLogin,
        });
        const onlySecret = [LOG, ownSecret, ...NETWORK_INTERFACES, DATA_API];
        expect(roles((server) => server.dataApi(options), aurora)).toEqual({
          MigrateRole: onlySecret,
          QueryRole: onlySecret,
        });
      }
    });

    it('that nobody has asked for: a database that was deployed before may keep its login, also to be asked', () => {
      const both = [LOG, master, ...NETWORK_INTERFACES, login];
      expect(roles((server) => server.database(name))).toEqual({ MigrateRole: both, QueryRole: both });
      const overDataApi = [LOG, master, ownSecret, ...NETWORK_INTERFACES, DATA_API];
      expect(roles((server) => server.dataApi(name), aurora)).toEqual({
        MigrateRole: overDataApi,
        QueryRole: overDataApi,
      });
    });

    it('what is there already keeps its logical id, and an update moves the ledger', () => {
      const made = (options: Parameters<DatabaseStack['database']>[0]) => {
        const { stack } = deployment({}, {}, (server) => server.database({ ...name, ...options }));
        const { Resources } = Template.fromStack(stack).toJSON() as {
          Resources: Record<string, { Type: string }>;
        };
        const [resource] = Object.values(resourcesOf(Template.fromStack(stack), 'Custom::TrueupSchema'));
        const types = Object.entries(Resources).map(([id, { Type }]) => `${Type} ${id}`);
        return { types: types.sort(), login: resource!.Properties.Login };
      };
      const before = made({ auth: 'secret' });
      const kept = made({});
      const own = made({ login: 'own' });
      expect(kept.types).toEqual(before.types);
      expect(kept.login).toEqual(before.login);
      expect(own.types).toEqual(before.types);
      expect(own.login).toBe('iam:courses_migrator');
    });

    it('over the Data API has one secret a database, whatever the number of schemas', () => {
      const app = testApp();
      const server = new DatabaseStack(app, 'Server', aurora);
      const stack = new Stack(app, 'App');
      for (const namespace of ['one', 'two'])
        new SchemaMigrations(stack, namespace, {
          database: server.dataApi(name),
          folder,
          ledgerName: namespace,
        });
      new SchemaMigrations(stack, 'other', {
        database: server.dataApi({ ...name, databaseName: 'other' }),
        folder,
      });
      const secrets = Object.values(resourcesOf(Template.fromStack(stack), 'AWS::SecretsManager::Secret'));
      expect(secrets.map(({ Properties }) => Properties.GenerateSecretString)).toEqual(
        ['courses_migrator', 'other_migrator'].map((username) => ({
          ExcludePunctuation: true,
          GenerateStringKey: 'password',
          PasswordLength: 40,
          SecretStringTemplate: JSON.stringify({ username }),
        })),
      );
    });

    it("is warned of where it is not, and the login is the server's master user", () => {
      const warnings = (database: (server: DatabaseStack) => SchemaDatabase): unknown[] =>
        Annotations.fromStack(deployment({}, {}, database).stack).findWarning(
          '*',
          Match.stringLikeRegexp('master user'),
        );
      expect(warnings((server) => server.database({ auth: 'secret' }))).toHaveLength(1);
      expect(warnings((server) => SchemaDatabase.instance(server.instance!))).toHaveLength(1);
      expect(warnings((server) => server.database())).toEqual([]);
      expect(warnings((server) => server.database({ auth: 'iam' }))).toEqual([]);
    });

    it('is for one database: a fleet has one a server, and says so', () => {
      const fleet = (options: Parameters<DatabaseStack['database']>[0]) => {
        const app = testApp();
        const server = new DatabaseStack(app, 'Server');
        const stack = new Stack(app, 'App');
        new SchemaFleet(stack, 'Schema', {
          servers: { main: server.database(options) },
          tenants: [FleetTenants.databases({ pattern: 'tenant_*' })],
          folder,
        });
        return Annotations.fromStack(stack).findWarning('*', Match.stringLikeRegexp('master user'));
      };
      expect(() => fleet({ login: 'own' })).toThrow("login: 'own' is for one database");
      expect(fleet({})).toHaveLength(1);
      expect(fleet({ auth: 'iam' })).toEqual([]);
    });
  });

  it('the pager and the drift check may ask, and nothing else may be invoked by what watches', () => {
    const { app, server, schema } = deployment();
    const watch = new WatchStack(app, 'Watch', {
      databaseLogGroupName: server.logGroupName,
      schemas: [schema],
    });
    const template = Template.fromStack(watch);
    const invokable = Object.values(resourcesOf(template, 'AWS::IAM::Policy'))
      .flatMap(
        ({ Properties }) =>
          (Properties.PolicyDocument as { Statement: { Action: unknown; Resource: unknown }[] }).Statement,
      )
      .filter(({ Action }) => Action === 'lambda:InvokeFunction');
    expect(invokable.map(({ Resource }) => Resource)).toEqual([imported('SchemaQueryFunction')]);
    const targets = Object.values(resourcesOf(template, 'AWS::Events::Rule')).flatMap(
      ({ Properties }) => Properties.Targets as { Arn: unknown }[],
    );
    expect(targets.map(({ Arn }) => Arn)).toContainEqual(imported('SchemaQueryFunction'));
    expect(JSON.stringify(targets)).not.toContain('SchemaMigrateFunction');
  });

  it('both functions are of one asset, one name each, without versions or aliases', () => {
    const { stack, schema } = deployment({ queryConcurrency: 5, workloadDays: 31 });
    const template = Template.fromStack(stack);
    const functions = Object.values(resourcesOf(template, 'AWS::Lambda::Function')).filter(
      ({ Properties }) => Properties.Handler === 'index.handler',
    );
    expect(functions).toHaveLength(2);
    const [migrate, ask] = functions.map(({ Properties }) => Properties);
    expect(ask!.Code).toEqual(migrate!.Code);
    expect(ask!.VpcConfig).toEqual(migrate!.VpcConfig);
    expect(ask!.Role).not.toEqual(migrate!.Role);
    expect(migrate).toMatchObject({ Environment: { Variables: { TRUEUP_WORKLOAD_DAYS: '31' } } });
    expect(JSON.stringify(ask!.Environment)).not.toContain('WORKLOAD');
    expect(ask).toMatchObject({
      Environment: {
        // The alarms on drift look at the metrics of one name, whichever of the two runs the check.
        Variables: {
          TRUEUP_QUERY_ONLY: 'true',
          TRUEUP_METRICS_OF: { Ref: expect.stringMatching(/^SchemaMigrateFunction/) },
        },
      },
      ReservedConcurrentExecutions: 5,
    });
    expect(migrate).not.toHaveProperty('ReservedConcurrentExecutions');
    template.resourceCountIs('AWS::Lambda::Version', 0);
    template.resourceCountIs('AWS::Lambda::Alias', 0);
    expect(schema.queryFunction).not.toBe(schema.migrateFunction);
  });
});
