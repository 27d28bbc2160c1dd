import { Duration, Stack, Stage, Token } from 'aws-cdk-lib';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as rds from 'aws-cdk-lib/aws-rds';
import * as secretsmanager from 'aws-cdk-lib/aws-secretsmanager';
import { describe, expect, it } from 'vitest';
import { SchemaDatabase } from '../../lib/constructs/database/schema-database';
import { SchemaMigrations } from '../../lib/constructs/migrations/schema-migrations';
import type { SchemaMigrationsProps } from '../../lib/constructs/migrations/schema-migrations-props';
import type { DatabaseStack } from '../../lib/stacks/database-stack';
import { deployment } from '../support/deployment';
import { folderOf, PEOPLE_FOLDER, testApp } from '../support/synth';

const folder = PEOPLE_FOLDER;

describe('bad input fails at synth', () => {
  const schema = (props: Partial<SchemaMigrationsProps>) => () => deployment(props);

  it('an empty folder', () => {
    expect(schema({ folder: folderOf({ 'readme.txt': '' }) })).toThrow(/no migration/i);
  });

  it('a folder that is not there', () => {
    expect(schema({ folder: '/nowhere/migrations' })).toThrow('/nowhere/migrations');
  });

  it('a migration that does not parse, with its caret', () => {
    const broken = folderOf({
      '0001_people.sql': '-- migrate:up\nCREATE TABLE people (id bigint,, name text);\n',
    });
    expect(schema({ folder: broken })).toThrow(
      /0001_people\.sql:2:32: syntax error at or near ","\n.*CREATE TABLE people \(id bigint,, name text\);\n *\| *\^/,
    );
  });

  it('suppressions that cannot be read, with their line', () => {
    const files = folderOf({
      suppressions: '# none\nmissing-index public.orders\n',
      misspelt: 'index-lots public.orders  # why\n',
    });
    expect(schema({ folder, audit: { suppressions: `${files}/suppressions` } })).toThrow(
      `App/Schema: audit.suppressions: ${files}/suppressions:2: expected \`id object # reason\`; each suppression needs a reason. A line is for example:`,
    );
    expect(schema({ folder, audit: { suppressions: `${files}/misspelt` } })).toThrow(
      /:1: there is no check index-lots/,
    );
    expect(schema({ folder, audit: { suppressions: `${files}/nowhere` } })).toThrow(
      `App/Schema: audit.suppressions is "${files}/nowhere"; it must be the path of a file that can be read (ENOENT).`,
    );
    expect(schema({ folder, audit: { suppressions: [] as never } })).toThrow(
      'audit.suppressions is []; it must be the path of a file',
    );
    expect(schema({ folder, audit: 'suppressions' as never })).toThrow(
      'audit is a string; it must be an object with suppressions, scheduled',
    );
  });
  it('a workload that cannot be used, with its line', () => {
    const files = folderOf({ 'shop.sql': 'SELECT id FROM people;\nDROP TABLE people;\n' });
    expect(schema({ folder, workload: [`${files}/shop.sql`] })).toThrow(
      `App/Schema: workload must name files of statements to plan: ${files}/shop.sql:2: a command that PostgreSQL does not plan. A workload may have SELECT`,
    );
    expect(schema({ folder, workload: `${files}/ship.sql` })).toThrow(
      `App/Schema: workload must name files of statements to plan: there is no file ${files}/ship.sql`,
    );
    expect(schema({ folder, workload: [] })).toThrow(
      'workload is []; it must be the path of a file, or several',
    );
  });

  it.each<[string, Partial<SchemaMigrationsProps>, string]>([
    [
      'a misspelt baseline',
      { folder, baseline: '0001_poeple' },
      'App/Schema: baseline is "0001_poeple"; it must be a versioned migration of the folder, the last one that the database holds already. The folder has 0001_people.',
    ],
    [
      'a total that CloudFormation would not wait for',
      { totalTimeout: Duration.hours(1) },
      'Set totalTimeout to at most 3400 s',
    ],
    [
      'a slice longer than all of it',
      { totalTimeout: Duration.minutes(2), slice: Duration.minutes(3) },
      'slice (180 s) must not be longer than totalTimeout (120 s)',
    ],
    ['a slice longer than a function lives', { slice: Duration.minutes(14) }, 'Set slice to at most 740 s'],
    [
      'a wait that is longer than everything',
      { totalTimeout: Duration.minutes(2), connectTimeout: Duration.minutes(3) },
      'connectTimeout (180 s) must not be longer than totalTimeout (120 s)',
    ],
    [
      'a slice of half a second',
      { slice: Duration.millis(500) },
      'slice is 0.5 s; it must be a Duration of whole seconds, from 2 to 3600',
    ],
    ['a namespace that is no name', { ledgerName: '../people' }, 'ledgerName is "../people"; it must be'],
    ['properties that the framework cannot carry', { forceRunToken: 'x'.repeat(4000) }, 'up to 256 bytes'],
  ])('%s', (_, props, message) => {
    expect(schema(props)).toThrow(message);
  });

  it('two constructs on one namespace of one database, but not on two databases', () => {
    const { stack, server } = deployment();
    const second = (id: string, databaseName: string) => () =>
      new SchemaMigrations(stack, id, {
        database: server.database({ databaseName }),
        folder,
        ledgerName: 'people',
      });
    expect(second('Other', 'other')).not.toThrow();
    expect(second('Same', 'app')).toThrow('App/Same and App/Schema use the same ledger in the same database');
  });

  it('but not a host of one name in two accounts', () => {
    const app = testApp();
    const inAccount = (account: string) => () => {
      const stack = new Stack(
        new Stage(app, `Stage${app.node.children.length}`, { env: { account, region: 'eu-central-1' } }),
        'App',
      );
      const vpc = new ec2.Vpc(stack, 'Vpc');
      const secret = secretsmanager.Secret.fromSecretNameV2(stack, 'Secret', 'db');
      const host = 'db.internal.example';
      const database = SchemaDatabase.existing({
        host,
        databaseName: 'app',
        vpc,
        securityGroups: [],
        secret,
      });
      new SchemaMigrations(stack, 'Schema', { database, folder });
    };
    expect(inAccount('111122223333')).not.toThrow();
    expect(inAccount('444455556666')).not.toThrow();
    expect(inAccount('444455556666')).toThrow('use the same ledger in the same database');
  });

  it('a statement that the Data API would refuse', () => {
    const long = folderOf({
      '0001_long.sql': `-- migrate:up\nSELECT '${'x'.repeat(70_000)}';\n-- migrate:no-verify It changes nothing.\n`,
    });
    expect(() =>
      deployment({ folder: long }, { engine: 'aurora', dataApi: true }, (server) => server.dataApi()),
    ).toThrow(/0001_long\.sql:2: this SELECT has 70,\d+ characters; the Data API takes 65,\d+ at most/);
    expect(schema({ folder: long })).not.toThrow();
  });

  it.each<[string, (server: DatabaseStack) => SchemaDatabase, string]>([
    [
      'the Data API of a cluster that has it switched off',
      (server) => server.dataApi(),
      'Server/Cluster: enableDataApi must be true',
    ],
    [
      'a role that would be every role',
      (server) => server.database({ auth: 'iam', user: '*' }),
      'user is "*"; it must be',
    ],
    [
      'a user beside a secret',
      (server) => server.database({ user: 'me', auth: 'secret' }),
      "user and createUser go with login: 'own' or auth: 'iam'",
    ],
    [
      "a login of its own as the secret's role",
      (server) => server.database({ login: 'own', auth: 'secret' }),
      "login: 'own' logs in with IAM authentication",
    ],
    [
      'a login of its own whose name the server would cut off',
      (server) => server.database({ login: 'own', databaseName: 'x'.repeat(60) }),
      'user, which is made of databaseName, is',
    ],
    [
      'a role that cannot be named at synth',
      (server) => server.database({ auth: 'iam', databaseName: Token.asString({ Ref: 'Name' }) }),
      'Give `user`',
    ],
    [
      'RDS Proxy',
      (server) => existingAt(server, 'app.proxy-c0ffee.eu-central-1.rds.amazonaws.com'),
      'leads to RDS Proxy',
    ],
    [
      'no secret',
      (server) => existingAt(server, 'db.example'),
      'SchemaDatabase.existing: it has no secret to log in with',
    ],
    [
      'IAM authentication of what has no resource id',
      (server) => existingAt(server, 'db.example', { auth: 'iam', createUser: false }),
      'needs its resourceId',
    ],
  ])('%s', (_, database, message) => {
    expect(() => deployment({}, { engine: 'aurora' }, database)).toThrow(message);
  });

  it('IAM authentication of a server that has it switched off', () => {
    const stack = new Stack(testApp(), 'App');
    const instance = new rds.DatabaseInstance(stack, 'Db', {
      engine: rds.DatabaseInstanceEngine.postgres({ version: rds.PostgresEngineVersion.VER_17 }),
      vpc: new ec2.Vpc(stack, 'Vpc'),
    });
    expect(() => SchemaDatabase.instance(instance, { auth: 'iam' })).toThrow(
      'App/Db: iamAuthentication must be true',
    );
  });

  function existingAt(server: DatabaseStack, host: string, options = {}): SchemaDatabase {
    return SchemaDatabase.existing({
      host,
      databaseName: 'app',
      vpc: server.vpc,
      securityGroups: [],
      ...options,
    });
  }
});
