import { Fn, Lazy, Stack } from 'aws-cdk-lib';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as rds from 'aws-cdk-lib/aws-rds';
import { expect, it } from 'vitest';
import { hostCheck } from '../../../lib/constructs/validation/host';

it.each([
  'db.example',
  'db.example.com.',
  'my_db.internal',
  '10.0.0.5',
  'prod.c0ffee.eu-central-1.rds.amazonaws.com',
  'prod.cluster-c0ffee.eu-central-1.rds.amazonaws.com',
  'prod.cluster-c0ffee.rds.cn-north-1.amazonaws.com.cn',
  'cluster-ro.example.com',
  'dsql.example.com',
  Lazy.string({ produce: () => 'x' }),
  Fn.importValue('Endpoint'),
])('takes %s', (value) => expect(hostCheck(value, 'host')).toBeUndefined());

it.each([
  ['db.example.com:5432', 'without scheme, port'],
  ['postgres://u:hunter2@db.example/app', 'without scheme, port'],
  ['https://db.example', 'without scheme, port'],
  ['db.example/app', 'without scheme, port'],
  ['me@db.example', 'without scheme, port'],
  ['a b', 'without scheme, port'],
  ['-db.example', 'without scheme, port'],
  ['db..example', 'without scheme, port'],
  ['/var/run/postgresql', 'without scheme, port'],
  ['10.0.0', 'without scheme, port'],
  ['10.0.0.500', 'without scheme, port'],
  ['*.example.com', 'without scheme, port'],
  ['db.exämple', 'without scheme, port'],
  [`${'a'.repeat(64)}.example`, 'without scheme, port'],
  [Array(76).fill('abc').join('.'), '(303 characters)'],
  ['::1', 'IPv4 only'],
  ['[2001:db8::1]', 'IPv4 only'],
  ['localhost', 'the function itself'],
  ['127.0.0.1', 'the function itself'],
  ['app.proxy-c0ffee.eu-central-1.rds.amazonaws.com', 'RDS Proxy'],
  ['ro.endpoint.proxy-c0ffee.eu-central-1.rds.amazonaws.com', 'RDS Proxy'],
  ['prod.cluster-ro-c0ffee.eu-central-1.rds.amazonaws.com', 'read-only replicas'],
  ['PROD.CLUSTER-RO-C0FFEE.EU-CENTRAL-1.RDS.AMAZONAWS.COM', 'read-only replicas'],
  ['prod.cluster-ro-c0ffee.rds.cn-north-1.amazonaws.com.cn', 'read-only replicas'],
  ['reports.cluster-custom-c0ffee.eu-central-1.rds.amazonaws.com', 'custom endpoint'],
  ['weaxxxxxxxxxxxxxxxxqdqqm.dsql.us-east-1.on.aws', 'Aurora DSQL'],
  ['weaxxxxxxxxxxxxxxxxqdqqm.dsql-fnh4.us-east-1.on.aws', 'Aurora DSQL'],
  ['shop.c0ffee.eu-west-1.redshift.amazonaws.com', 'Redshift'],
  ['shop.111122223333.eu-west-1.redshift-serverless.amazonaws.com', 'Redshift'],
])('refuses %s', (value, reason) => {
  const problem = hostCheck(value, 'host');
  expect(problem).toContain(reason);
  expect(problem).not.toContain('hunter2');
});

it('knows the endpoints of this app by what they are made of', () => {
  const stack = new Stack(undefined, 'App');
  const vpc = new ec2.Vpc(stack, 'Vpc');
  const cluster = new rds.DatabaseCluster(stack, 'Cluster', {
    engine: rds.DatabaseClusterEngine.auroraPostgres({ version: rds.AuroraPostgresEngineVersion.VER_17_9 }),
    vpc,
    writer: rds.ClusterInstance.serverlessV2('Writer'),
  });
  const proxy = cluster.addProxy('Proxy', { vpc, secrets: [cluster.secret!] });
  expect(hostCheck(cluster.clusterEndpoint.hostname, 'host')).toBeUndefined();
  expect(hostCheck(cluster.clusterReadEndpoint.hostname, 'host')).toMatch(
    /App\/Cluster.*leads to read-only replicas/,
  );
  expect(hostCheck(proxy.endpoint, 'host')).toMatch(/App\/Cluster\/Proxy.*leads to RDS Proxy/);
});
