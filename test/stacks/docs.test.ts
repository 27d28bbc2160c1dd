/** What the pages about constructs and docs/deploying.md show is run: TypeScript in an app, SQL on a server, messages as they come. */
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { type App, Duration, Stack } from 'aws-cdk-lib';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import * as logs from 'aws-cdk-lib/aws-logs';
import * as secretsmanager from 'aws-cdk-lib/aws-secretsmanager';
import { transformSync } from 'esbuild';
import { expect, it } from 'vitest';
import * as trueup from '../../lib';
import { computeTiming } from '../../lib/constructs/migrations/timing';
import { DatabaseStack } from '../../lib/stacks/database-stack';
import { connect, createDatabase, majors } from '../support/database';
import { deployment } from '../support/deployment';
import { expectGenerated, replaceBlock } from '../support/generated';
import { testApp } from '../support/synth';

const DOCS = resolve(__dirname, '../../docs');
const page = (name: string): string => readFileSync(join(DOCS, name), 'utf8');
const blocks = (name: string, language: string): string[] =>
  [...page(name).matchAll(/```(\w*)\n([\s\S]*?)```/g)]
    .filter(([, found]) => found === language)
    .map(([, , code]) => code!);

/** What the pages suppose to be there. */
function surroundings() {
  const app = testApp();
  const stack = new Stack(app, 'App');
  const vpc = new ec2.Vpc(stack, 'Vpc');
  const service = new lambda.Function(stack, 'Service', {
    code: lambda.Code.fromInline('//'),
    handler: 'index.handler',
    runtime: lambda.Runtime.NODEJS_24_X,
  });
  return {
    app,
    stack,
    vpc,
    service,
    instance: new DatabaseStack(app, 'InstanceServer').instance,
    cluster: new DatabaseStack(app, 'ClusterServer', { engine: 'aurora', dataApi: true }).cluster,
    databaseSecurityGroup: new ec2.SecurityGroup(stack, 'DatabaseSecurityGroup', { vpc }),
    secret: new secretsmanager.Secret(stack, 'Secret'),
    schema: new trueup.SchemaMigrations(stack, 'WhatOthersWaitFor', {
      folder: 'migrations/courses',
      ledgerName: 'supposed',
      database: trueup.SchemaDatabase.existing({
        host: 'db.example',
        databaseName: 'supposed',
        vpc,
        securityGroups: [],
        auth: 'iam',
        createUser: false,
        resourceId: 'db-SUPPOSED',
      }),
    }),
    onCall: new iam.Role(stack, 'OnCall', { assumedBy: new iam.AccountRootPrincipal() }),
    release: new iam.Role(stack, 'Release', { assumedBy: new iam.AccountRootPrincipal() }),
  };
}

function run(code: string): App {
  const known = surroundings();
  const { code: script } = transformSync(code, { loader: 'ts', format: 'cjs' });
  // A block of its own, so that an example may declare a name that another one supposes.
  new Function('require', ...Object.keys(known), `{${script}}`)(
    (name: string) => (name === 'trueup' ? trueup : require(name)),
    ...Object.values(known),
  );
  return known.app;
}

const PAGES = [
  'constructs.md',
  'constructs-database.md',
  'constructs-alarms.md',
  'fleet-check.md',
  'notify.md',
  'deploying.md',
  'fleet-aws.md',
];
const EXAMPLES = PAGES.flatMap((name) =>
  blocks(name, 'ts').map((code, index) => [name, index + 1, code] as const),
);

it.each(EXAMPLES)('docs/%s, example %i', (_, __, code) => {
  run(code).synth();
});

const CONSTRUCTS = join(__dirname, '../../docs/constructs.md');

function thrownBy(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    return (error as Error).message;
  }
  throw new Error('nothing was thrown');
}

it('shows the message of a time that does not fit', () => {
  expectGenerated(CONSTRUCTS, (page) =>
    replaceBlock(
      page,
      'timing',
      thrownBy(() => computeTiming({ totalTimeout: Duration.hours(1) })),
    ),
  );
});

it('shows the message of a prop that is wrong', () => {
  const stack = new Stack(testApp(), 'App');
  const databaseLogGroup = logs.LogGroup.fromLogGroupName(stack, 'Log', '/aws/rds/instance/shop/postgresql');
  const { schema } = deployment();
  const message = thrownBy(
    () => new trueup.SchemaAlarms(stack, 'Alarms', { databaseLogGroup, schemas: [schema], threshold: 0 }),
  );
  expectGenerated(CONSTRUCTS, (page) => replaceBlock(page, 'prop', message));
});

it.each(majors())('shows SQL that makes the role on PostgreSQL %i', async (major) => {
  const client = await connect(await createDatabase(major));
  const { rows } = await client.query('SELECT current_database() AS name');
  const sql = blocks('deploying.md', 'sql')[0]!
    .replace('DATABASE courses', `DATABASE ${rows[0].name}`)
    .replace(major < 16 ? ' WITH INHERIT TRUE, SET TRUE' : '', '');
  await client.query('BEGIN');
  const { rowCount } = await client.query(`SELECT FROM pg_roles WHERE rolname = 'rds_iam'`);
  if (rowCount === 0) await client.query('CREATE ROLE rds_iam');
  await client.query('CREATE ROLE courses_app');
  await client.query(sql);
  const may = await client.query(
    `SELECT pg_has_role('courses_migrator', 'courses_app', 'USAGE') AS inherits,
       pg_has_role('courses_migrator', 'rds_iam', 'MEMBER') AS iam,
       has_database_privilege('courses_migrator', current_database(), 'CREATE') AS creates`,
  );
  expect(may.rows).toEqual([{ inherits: true, iam: true, creates: true }]);
  await client.query('ROLLBACK');
});
