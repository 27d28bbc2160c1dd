import { type App, Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as kms from 'aws-cdk-lib/aws-kms';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import * as logs from 'aws-cdk-lib/aws-logs';
import * as rds from 'aws-cdk-lib/aws-rds';
import { expect } from 'vitest';
import { SchemaDatabase } from '../../lib/constructs/database/schema-database';
import { SchemaMigrations } from '../../lib/constructs/migrations/schema-migrations';
import { PEOPLE_FOLDER, testApp } from './synth';

const folder = PEOPLE_FOLDER;

export const DIMENSIONS = {
  kind: ['instance', 'cluster', 'data-api', 'existing'],
  auth: ['secret', 'iam'],
  secret: ['managed', 'generated'],
  key: ['none', 'beside the server', 'beside the schema', 'in a stack of its own'],
  vpc: ['isolated', 'with NAT'],
  placement: ['one stack', 'server apart', 'all apart'],
} as const;
export type Case = { readonly [K in keyof typeof DIMENSIONS]: (typeof DIMENSIONS)[K][number] };

/** Every combination: dependencies between resources do not add up, so pairs alone would prove little. */
function everyCase(): Case[] {
  return Object.entries(DIMENSIONS).reduce<Record<string, string>[]>(
    (cases, [name, values]) => cases.flatMap((each) => values.map((value) => ({ ...each, [name]: value }))),
    [{}],
  ) as Case[];
}

/** What the props do not allow. */
const isAllowed = ({ kind, auth, placement, key }: Case): boolean =>
  !(kind === 'data-api' && auth === 'iam') &&
  // A key beside the schema, used by a server in an earlier stack, turns the order of the stacks around.
  !(key === 'beside the schema' && placement !== 'one stack');

/** A server with its log group, a schema, and a service that waits for the schema, reads the secret and opens the port. */
function build(app: App, { kind, auth, secret, key, vpc: subnets, placement }: Case): void {
  const schemaStack = new Stack(app, 'Schema');
  const serverStack = placement === 'one stack' ? schemaStack : new Stack(app, 'Server');
  const networkStack = placement === 'all apart' ? new Stack(app, 'Network') : serverStack;
  const keyStack = {
    none: undefined,
    'beside the server': serverStack,
    'beside the schema': schemaStack,
    'in a stack of its own': key === 'in a stack of its own' ? new Stack(app, 'Keys') : undefined,
  }[key];
  const encryptionKey = keyStack && new kms.Key(keyStack, 'Key');
  const isolated = subnets === 'isolated';
  const vpc = new ec2.Vpc(networkStack, 'Vpc', {
    natGateways: isolated ? 0 : 1,
    restrictDefaultSecurityGroup: false,
    ...(isolated
      ? { subnetConfiguration: [{ name: 'Isolated', subnetType: ec2.SubnetType.PRIVATE_ISOLATED }] }
      : {}),
  });
  const logGroup = new logs.LogGroup(serverStack, 'Log', {
    logGroupName: '/aws/rds/x/server/postgresql',
    encryptionKey,
  });
  const common = {
    vpc,
    vpcSubnets: {
      subnetType: isolated ? ec2.SubnetType.PRIVATE_ISOLATED : ec2.SubnetType.PRIVATE_WITH_EGRESS,
    },
    credentials:
      secret === 'managed'
        ? rds.Credentials.fromUsername('postgres', { encryptionKey })
        : rds.Credentials.fromGeneratedSecret('postgres', { encryptionKey }),
    manageMasterUserPassword: secret === 'managed' || undefined,
    storageEncrypted: true,
    storageEncryptionKey: encryptionKey,
    iamAuthentication: true,
    cloudwatchLogsExports: ['postgresql'],
  };
  const server =
    kind === 'instance' || kind === 'existing'
      ? new rds.DatabaseInstance(serverStack, 'Instance', {
          ...common,
          engine: rds.DatabaseInstanceEngine.postgres({ version: rds.PostgresEngineVersion.VER_17 }),
          instanceIdentifier: 'server',
        })
      : new rds.DatabaseCluster(serverStack, 'Cluster', {
          ...common,
          engine: rds.DatabaseClusterEngine.auroraPostgres({
            version: rds.AuroraPostgresEngineVersion.VER_17_9,
          }),
          clusterIdentifier: 'server',
          writer: rds.ClusterInstance.serverlessV2('Writer'),
          enableDataApi: true,
        });
  server.node.addDependency(logGroup);

  const schema = new SchemaMigrations(schemaStack, 'Schema', {
    folder,
    database: databaseOf(server, kind, auth),
  });

  const service = new lambda.Function(schemaStack, 'Service', {
    allowAllOutbound: false,
    code: lambda.Code.fromInline('//'),
    handler: 'index.handler',
    runtime: lambda.Runtime.NODEJS_24_X,
    vpc,
    vpcSubnets: common.vpcSubnets,
  });
  // Under a key of one's own, CDK's grantRead puts the service's role into the key's policy: between stacks that is a
  // cycle without us.
  if (encryptionKey) {
    service.addToRolePolicy(
      new iam.PolicyStatement({ actions: ['kms:Decrypt'], resources: [encryptionKey.keyArn] }),
    );
  } else server.secret!.grantRead(service);
  service.connections.allowToDefaultPort(server);
  service.node.addDependency(schema);
  schema.grantQuery(service);
  schema.grantDeploy(service);
}

function databaseOf(
  server: rds.DatabaseInstance | rds.DatabaseCluster,
  kind: Case['kind'],
  auth: Case['auth'],
): SchemaDatabase {
  if (kind === 'data-api')
    return SchemaDatabase.dataApi(server as rds.DatabaseCluster, { createDatabase: true });
  if (kind === 'cluster') return SchemaDatabase.cluster(server as rds.DatabaseCluster, { auth });
  const instance = server as rds.DatabaseInstance;
  if (kind === 'instance') return SchemaDatabase.instance(instance, { auth });
  return SchemaDatabase.existing({
    auth,
    host: instance.dbInstanceEndpointAddress,
    port: instance.instanceEndpoint.port,
    databaseName: 'app',
    vpc: instance.vpc,
    securityGroups: instance.connections.securityGroups,
    secret: instance.secret,
    resourceId: instance.instanceResourceId,
  });
}

/** Statements of our own roles on every resource, but for those that Lambda forces. */
function wildcards(stacks: readonly Stack[]): unknown[] {
  return stacks.flatMap((stack) =>
    Object.entries(Template.fromStack(stack).findResources('AWS::IAM::Policy'))
      .filter(([id]) => id.startsWith('Schema'))
      .flatMap(([, { Properties }]) => Properties.PolicyDocument.Statement)
      .filter(
        ({ Resource, Sid }) =>
          [Resource].flat().includes('*') && !/^(NetworkInterfaces|NotByTheCode)$/.test(Sid),
      ),
  );
}

/** Builds every `step`th combination and fails on the first that has a cycle, or a right that nobody forces. */
export function tryCombinations(kind: Case['kind'], step: number): number {
  const cases = everyCase().filter((each) => isAllowed(each) && each.kind === kind);
  const tried = cases.filter((_, index) => index % step === 0);
  for (const [index, each] of tried.entries()) {
    const label = JSON.stringify(each);
    // Half of them without any feature flag, as an old app has it.
    const app = testApp({ recommended: index % 2 === 0 });
    build(app, each);
    const stacks = app.node.children.filter((child): child is Stack => Stack.isStack(child));
    for (const stack of stacks) expect(() => Template.fromStack(stack), label).not.toThrow();
    expect(wildcards(stacks), label).toEqual([]);
  }
  return tried.length;
}
