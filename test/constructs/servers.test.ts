/** What `SchemaDatabase` says of servers and places where no migration can work, at synth and not in mid-deployment. */
import { App, Stack, Token } from 'aws-cdk-lib';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as rds from 'aws-cdk-lib/aws-rds';
import * as secretsmanager from 'aws-cdk-lib/aws-secretsmanager';
import { describe, expect, it } from 'vitest';
import type { ExistingServerOptions } from '../../lib/constructs/database/options';
import { SchemaDatabase } from '../../lib/constructs/database/schema-database';
import { SchemaMigrations } from '../../lib/constructs/migrations/schema-migrations';
import { folderOf, PEOPLE, PEOPLE_FOLDER, testApp } from '../support/synth';

const folder = PEOPLE_FOLDER;
const stack = new Stack(testApp(), 'App');
const vpc = new ec2.Vpc(stack, 'Vpc');
const secret = new secretsmanager.Secret(stack, 'Secret');
const t4g = ec2.InstanceType.of(ec2.InstanceClass.T4G, ec2.InstanceSize.MEDIUM);
const serverless = rds.ClusterInstance.serverlessV2('Writer');
const postgres = rds.DatabaseInstanceEngine.postgres({ version: rds.PostgresEngineVersion.VER_17 });

const instance = new rds.DatabaseInstance(stack, 'Postgres', { vpc, engine: postgres });
const mysql = new rds.DatabaseInstance(stack, 'MySql', { vpc, engine: rds.DatabaseInstanceEngine.MYSQL });
const mariadb = new rds.DatabaseInstanceFromSnapshot(stack, 'MariaDb', {
  vpc,
  snapshotIdentifier: 'old',
  engine: rds.DatabaseInstanceEngine.mariaDb({ version: rds.MariaDbEngineVersion.VER_10_11 }),
});
const replica = new rds.DatabaseInstanceReadReplica(stack, 'Replica', {
  vpc,
  instanceType: t4g,
  sourceDatabaseInstance: instance,
});
const imported = rds.DatabaseInstance.fromDatabaseInstanceAttributes(stack, 'Imported', {
  instanceIdentifier: 'shop',
  instanceEndpointAddress: 'shop.c0ffee.eu-central-1.rds.amazonaws.com',
  port: 5432,
  securityGroups: [],
});
const cluster = new rds.DatabaseCluster(stack, 'Cluster', {
  vpc,
  writer: serverless,
  engine: rds.DatabaseClusterEngine.auroraPostgres({ version: rds.AuroraPostgresEngineVersion.VER_17_9 }),
});
const aurora = new rds.DatabaseCluster(stack, 'AuroraMySql', {
  vpc,
  writer: serverless,
  engine: rds.DatabaseClusterEngine.auroraMysql({ version: rds.AuroraMysqlEngineVersion.VER_3_10_0 }),
});
const importedCluster = rds.DatabaseCluster.fromDatabaseClusterAttributes(stack, 'ImportedCluster', {
  clusterIdentifier: 'shop',
});

/** As JavaScript gives it. */
const from = {
  instance: SchemaDatabase.instance as (server: unknown) => SchemaDatabase,
  cluster: SchemaDatabase.cluster as (server: unknown) => SchemaDatabase,
  dataApi: SchemaDatabase.dataApi as (server: unknown) => SchemaDatabase,
};

it.each<[keyof typeof from, unknown, string]>([
  [
    'instance',
    mysql,
    'the DatabaseInstance App/MySql is of engine "mysql"; it must be postgres or aurora-postgresql',
  ],
  ['instance', mariadb, 'is of engine "mariadb"'],
  ['instance', replica, 'is a read replica'],
  ['instance', imported, 'is imported, so little is known of it. Describe it with SchemaDatabase.existing'],
  ['instance', cluster, 'the DatabaseCluster App/Cluster; it must be a DatabaseInstance of aws-rds'],
  ['instance', vpc, 'the server is the Vpc App/Vpc; it must be a DatabaseInstance'],
  ['instance', undefined, 'the server is undefined; it must be a DatabaseInstance'],
  ['instance', null, 'the server is null; it must be'],
  ['instance', 'shop', 'the server is a string; it must be'],
  ['instance', { instance }, 'the server is a value of type Object; it must be'],
  ['cluster', aurora, 'is of engine "aurora-mysql"'],
  ['cluster', instance, 'the DatabaseInstance App/Postgres; it must be a DatabaseCluster of aws-rds'],
  ['cluster', importedCluster, 'is imported'],
  ['cluster', undefined, 'the server is undefined; it must be'],
  ['dataApi', aurora, 'is of engine "aurora-mysql"'],
  ['dataApi', instance, 'it must be a DatabaseCluster'],
])('SchemaDatabase.%s of what it is not for', (method, server, message) => {
  expect(() => from[method](server)).toThrow(message);
  expect(() => from[method](server)).toThrow(/^SchemaDatabase\.\w+: /);
});

const existing = (options: Partial<ExistingServerOptions>) => () =>
  SchemaDatabase.existing({
    host: 'db.example',
    databaseName: 'app',
    vpc,
    securityGroups: [],
    secret,
    ...options,
  });

describe('the place of the function', () => {
  const bare = ec2.Vpc.fromVpcAttributes(stack, 'Bare', {
    vpcId: 'vpc-0123456789abcdef0',
    availabilityZones: ['a', 'b'],
  });
  it.each<[string, Partial<ExistingServerOptions>, string]>([
    [
      'no subnets',
      { vpcSubnets: { subnets: [] } },
      'vpcSubnets selects no subnet; it must select some of the Vpc App/Vpc',
    ],
    [
      'a group that is not there',
      { vpcSubnets: { subnetGroupName: 'Data' } },
      "vpcSubnets must select subnets of the Vpc App/Vpc: There are no subnet groups with name 'Data'",
    ],
    [
      'a kind that is not there',
      { vpcSubnets: { subnetType: ec2.SubnetType.PRIVATE_ISOLATED } },
      'vpcSubnets must select subnets',
    ],
    ['a VPC that is known without subnets', { vpc: bare }, 'vpcSubnets'],
  ])('%s', (_, options, message) => expect(existing(options)).toThrow(message));

  it('is not judged before CDK has looked the VPC up', () => {
    const account = { account: '111122223333', region: 'eu-central-1' };
    const looked = ec2.Vpc.fromLookup(new Stack(new App(), 'Look', { env: account }), 'Vpc', {
      isDefault: true,
    });
    expect(existing({ vpc: looked })).not.toThrow();
  });

  it('has each security group once', () => {
    const group = (id: string) => ec2.SecurityGroup.fromSecurityGroupId(stack, id, 'sg-0123456789abcdef0');
    expect(existing({ securityGroups: [group('A'), group('B')] })).toThrow(
      /securityGroups\[1\] is .*it must be in the list once/,
    );
  });
});

describe('the Data API', () => {
  const inStack = (clusterArn: string) => () => {
    const env = { account: '111122223333', region: 'eu-central-1' };
    const here = new Stack(testApp(), 'App', { env });
    const secret = new secretsmanager.Secret(here, 'Secret');
    const database = SchemaDatabase.existingDataApi({ clusterArn, databaseName: 'app', secret });
    new SchemaMigrations(here, 'Schema', { database, folder });
  };
  it.each([
    [
      'arn:aws:rds:eu-west-1:111122223333:cluster:prod',
      "is in region eu-west-1; it must be in the stack's, eu-central-1",
    ],
    ['arn:aws:rds:eu-central-1:444455556666:cluster:prod', 'is in account 444455556666'],
  ])('of a cluster elsewhere: %s', (arn, message) => expect(inStack(arn)).toThrow(message));
  it.each(['arn:aws:rds:eu-central-1:111122223333:cluster:prod', Token.asString({ Ref: 'Arn' })])(
    'of %s',
    (arn) => expect(inStack(arn)).not.toThrow(),
  );
});

it('a folder whose name is no namespace asks for one', () => {
  const named = `${folderOf({ 'my shop/0001_people.sql': PEOPLE })}/my shop`;
  const make = (namespace?: string) =>
    new SchemaMigrations(stack, `Schema${stack.node.children.length}`, {
      database: existing({})(),
      folder: named,
      ledgerName: namespace,
    });
  expect(() => make()).toThrow(/the folder's name is "my shop"; it must be .*\. Give `ledgerName`\.$/);
  expect(() => make('shop')).not.toThrow();
});

it('a role named after a database asks for `user` where the name does not do', () => {
  const make = (databaseName: string) => existing({ auth: 'iam', resourceId: 'db-ABC', databaseName });
  expect(make('x'.repeat(60))).toThrow(/user, which is made of databaseName, is .*Give `user`/);
  expect(make('my shop')).toThrow(/Give `user`/);
  expect(make('shop')).not.toThrow();
});
