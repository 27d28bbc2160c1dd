/**
 * Each documented example of a prop or a class, with what it promises. That all compile is test/stacks/examples.test.ts's; here they
 * are run, and what they say is held against what comes of it. An example without a promise fails.
 */
import { mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as cdk from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import * as logs from 'aws-cdk-lib/aws-logs';
import * as secretsmanager from 'aws-cdk-lib/aws-secretsmanager';
import { transformSync } from 'esbuild';
import { describe, expect, test } from 'vitest';
import type { TenantSource } from '../../lambda/contract/fleet';
import { buildPageQuery, parseKey } from '../../lambda/migrate/fleet/source-sql';
import * as trueup from '../../lib';
import { connect, createDatabase, outerMajors } from '../support/database';
import { deployment } from '../support/deployment';
import { fleetDeployment } from '../support/fleet';
import { folderOf, PEOPLE } from '../support/synth';

const ROOT = join(__dirname, '../..');
const scratch = mkdtempSync(join(tmpdir(), 'trueup-examples-'));
const inScratch = (name: string, text: string): string => {
  writeFileSync(join(scratch, name), text);
  return join(scratch, name);
};
/** What stands at these paths in a user's project. */
const PATHS: Readonly<Record<string, string>> = {
  'migrations/shop': folderOf({ '0001_people.sql': PEOPLE }),
  'workload/shop.sql': inScratch('shop.sql', 'SELECT name FROM people;\n'),
  'audit-suppressions': inScratch('audit-suppressions', ''),
};

interface Example {
  readonly place: string;
  readonly code: string;
}
const examples: Example[] = ['lib/constructs', 'lib/stacks'].flatMap((folder) =>
  readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .sort()
    .flatMap((name) => {
      const comments = readFileSync(join(ROOT, folder, name), 'utf8').matchAll(/\/\*\*[\s\S]*?\*\//g);
      const texts = [...comments].map(([text]) => text.replace(/\*\/$/, '').replace(/^[ \t]*\* ?/gm, ''));
      return texts.flatMap((text) =>
        [...text.matchAll(/^@example\n([\s\S]*?)(?=^@|$(?![\s\S]))/gm)].map(([, code], i) => ({
          place: `${name}${i > 0 ? ` ${i}` : ''}`,
          code: code!.trim(),
        })),
      );
    }),
);

interface Ran {
  /** Of all stacks. */
  readonly templates: string;
  /** What statements that only make something came to. */
  readonly made: unknown[];
  readonly names: Readonly<Record<string, unknown>>;
}

function run(code: string): Ran {
  // The fleet's own app: what is not exported over stacks needs no other.
  const { app, server, stack, fleet } = fleetDeployment();
  const other = deployment();
  const fn = (id: string) =>
    new lambda.Function(stack, id, {
      code: lambda.Code.fromInline('//'),
      handler: 'index.handler',
      runtime: lambda.Runtime.NODEJS_24_X,
    });
  const role = (id: string) => new iam.Role(stack, id, { assumedBy: new iam.AccountRootPrincipal() });
  const cluster = new trueup.DatabaseStack(app, 'Cluster', { engine: 'aurora', dataApi: true }).cluster;
  const supposed = new trueup.SchemaMigrations(stack, 'Supposed', {
    database: server.database({ databaseName: 'supposed' }),
    folder: PATHS['migrations/shop']!,
    ledgerName: 'supposed',
  });
  const databaseLogGroup = logs.LogGroup.fromLogGroupName(
    stack,
    'SupposedLog',
    '/aws/rds/instance/a/postgresql',
  );
  const names = {
    ...trueup,
    app,
    stack,
    server,
    fleet,
    cluster,
    cdk,
    secretsmanager,
    Duration: cdk.Duration,
    vpc: server.vpc,
    instance: server.instance,
    database: server.instance,
    databaseSecurityGroup: new ec2.SecurityGroup(stack, 'SupposedGroup', { vpc: server.vpc }),
    secret: new secretsmanager.Secret(stack, 'SupposedSecret'),
    service: fn('SupposedService'),
    signUpFunction: fn('SupposedSignUp'),
    onCallRole: role('SupposedOnCall'),
    releaseRole: role('SupposedRelease'),
    databaseLogGroup: logs.LogGroup.fromLogGroupName(stack, 'ExampleLog', '/aws/rds/instance/b/postgresql'),
    applicationLogGroup: new logs.LogGroup(stack, 'SupposedApplication'),
    schema: supposed,
    alarms: new trueup.SchemaAlarms(stack, 'SupposedAlarms', { databaseLogGroup, schemas: [supposed] }),
  };
  const made: unknown[] = [];
  const whole = Object.entries(PATHS)
    .reduce((text, [path, real]) => text.replaceAll(`'${path}'`, JSON.stringify(real)), code)
    .replace(/^((?:SchemaDatabase|FleetTenants|Notify)\.\w+\([\s\S]*?\));$/gm, 'made.push($1);')
    .replace(/^new ([\s\S]*?\));$/gm, 'made.push(new $1);')
    // A block of its own, so that an example may declare a name that another one supposes.
    .replace(/^const (\w+)(?::[^=]+)? = ([\s\S]*?);$/gm, 'const $1 = $2; made.push($1);');
  const { code: script } = transformSync(`{${whole}}`, { loader: 'ts', format: 'cjs' });
  new Function('made', ...Object.keys(names), script)(made, ...Object.values(names));
  void other;
  const stacks = app.node.findAll().filter((each): each is cdk.Stack => cdk.Stack.isStack(each));
  return {
    templates: stacks.map((each) => JSON.stringify(Template.fromStack(each).toJSON())).join('\n'),
    made,
    names,
  };
}

const says =
  (...words: readonly RegExp[]) =>
  ({ templates }: Ran) => {
    for (const each of words) expect(templates).toMatch(each);
  };
const granted =
  (who: string, what: RegExp) =>
  ({ templates }: Ran) => {
    const policies = [...templates.matchAll(/"Type":"AWS::IAM::Policy"[\s\S]*?"Roles":\[[^\]]*\]/g)].map(
      ([text]) => text,
    );
    expect(policies.filter((text) => text.includes(`{"Ref":"${who}`) && what.test(text))).not.toEqual([]);
  };

/** By a text that only this example has. */
const PROMISES: readonly (readonly [words: string, promise: (ran: Ran) => void])[] = [
  [
    "databaseName: 'courses', createDatabase: true, auth: 'iam'",
    ({ made }) =>
      expect(made).toMatchObject([
        {},
        { databaseName: 'courses', createDatabase: true },
        { databaseName: 'courses', _access: { transport: 'pg' } },
      ]),
  ],
  ["'pagerduty/shop'", says(/on-call@example\.com/, /PagerDuty/)],
  [
    "instance(instance, { databaseName: 'courses', createDatabase: true })",
    ({ made }) => expect(made).toMatchObject([{ databaseName: 'courses', createDatabase: true }]),
  ],
  [
    "workload: 'workload/shop.sql'",
    ({ made }) =>
      expect(made).toMatchObject([
        { _manifest: { workload: { statements: [{ text: 'SELECT name FROM people' }] } } },
      ]),
  ],
  [
    "suppressions: 'audit-suppressions'",
    ({ made }) => expect(made).toMatchObject([{ _manifest: { suppressions: [] } }]),
  ],
  ["owner: 'courses_app'", says(/"OwnerRole":"courses_app"/, /"DependsOn":\[[^\]]*"Schema[0-9A-F]{8}"/)],
  ['schema.grantQuery(onCallRole)', granted('SupposedOnCall', /SupposedQuery/)],
  ['schema.grantDeploy(releaseRole)', granted('SupposedRelease', /SupposedMigrate/)],
  [
    'evaluationWindow: Duration.minutes(30)',
    says(/on-call@example\.com/, /"EvaluationPeriods":30|"Period":1800/),
  ],
  [
    "sqlstate: '$.err.code'",
    ({ made }) => expect(made).toMatchObject([{ json: { message: '$.err.message' } }]),
  ],
  ["errorMetric('on-conflict')", says(/"MetricName":"on-conflict"[^}]*"Threshold":100/)],
  ["'Drift', { schema, alarms, interval", says(/"ScheduleExpression":"rate\(30 minutes\)"/)],
  ["'Check', { fleet, alarms, interval", says(/"ScheduleExpression":"rate\(30 minutes\)"/)],
  [
    "tenantSecrets: { prefix: 'acme/tenants/' }",
    says(/secret:acme\/tenants\/\*/, /arn:[^\]]*acme-tenants\/tenants\.jsonl/),
  ],
  ["tenantSecrets: { prefix: { main: 'acme/main/' } }", says(/secret:acme\/main\/\*/)],
  [
    "baseline: '0001_as_found'",
    ({ made }) =>
      expect((made[0] as trueup.SchemaFleet)._servers[0]!.file.sources).toMatchObject([
        { pattern: 'tenant_*' },
      ]),
  ],
  ["canary: ['tenant_demo']", says(/"DependsOn":\[[^\]]*"ExampleTenants[0-9A-F]{8}"/)],
  ['fleet.grantQuery(onCallRole)', granted('SupposedOnCall', /TenantsDeployQuery/)],
  ['fleet.grantUp(signUpFunction)', granted('SupposedSignUpServiceRole', /TenantsDeployUp/)],
  // Run on a server below.
  ['FleetTenants.query(', ({ made }) => expect(made).toHaveLength(4)],
  ['new SchemaStack(', says(/"Position"|\/postgresql/)],
  ['new WatchStack(', says(/wiki\.example\.com\/trueup\/defects/, /on-call@example\.com/)],
  ["{ engine: 'aurora' }", says(/"Engine":"aurora-postgresql"/)],
];

/** Names of an example that the surroundings have too. */
const renamed = (code: string): string =>
  code.replaceAll("'Server'", "'ExampleServer'").replaceAll("stack, 'Tenants'", "stack, 'ExampleTenants'");

describe('every example', () => {
  test.each(examples.map((each) => [each.place, each.code] as const))('%s', (_, code) => {
    const promises = PROMISES.filter(([words]) => code.includes(words));
    expect(promises.length, `no promise, or more than one, of:\n${code}`).toBe(1);
    promises[0]![1](run(renamed(code)));
  });
});

describe.each(outerMajors())('targets, on PostgreSQL %i', (major) => {
  test('are what the example of FleetTenants promises', async () => {
    const { code } = examples.find((each) => each.code.includes('FleetTenants.query('))!;
    const sources = run(code).made.map((made) => (made as trueup.FleetTenants)._source);
    const client = await connect(await createDatabase(major));
    const names = async (source: TenantSource | undefined) => {
      const { sql, params } = buildPageQuery(source!, null, 100);
      const { rows } = await client.query<{ key: string }>(sql, [...params]);
      return rows.map(({ key }) => parseKey(key));
    };
    const own = `tenant_${Date.now()}`;
    await client.query(`CREATE DATABASE ${own}`);
    await client.query(
      `CREATE TABLE tenants (name text, database_name text); INSERT INTO tenants VALUES ('acme', 'acme_db');
       CREATE SCHEMA acme; CREATE SCHEMA shared_ref; CREATE SCHEMA shared_ext; CREATE SCHEMA sharedx`,
    );
    expect(await names(sources[0])).toEqual([{ name: 'acme', database: 'acme_db' }]);
    const databases = (await names(sources[1])).map(({ database }) => database);
    expect(databases).toContain(own);
    expect(databases.filter((name) => !name!.startsWith('tenant_'))).toEqual([]);
    // A database, or a schema, for each tenant; neither the shared ones nor public.
    expect((await names(sources[2])).map(({ schema }) => schema)).toEqual(['acme', 'sharedx']);
    await client.query(`DROP DATABASE ${own}`);
  });
});
