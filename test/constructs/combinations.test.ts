import { Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as kms from 'aws-cdk-lib/aws-kms';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import * as rds from 'aws-cdk-lib/aws-rds';
import type { IConstruct } from 'constructs';
import { describe, expect, it } from 'vitest';
import { SchemaDatabase } from '../../lib/constructs/database/schema-database';
import { SchemaMigrations } from '../../lib/constructs/migrations/schema-migrations';
import { DatabaseStack } from '../../lib/stacks/database-stack';
import { SchemaStack } from '../../lib/stacks/schema-stack';
import { DIMENSIONS, tryCombinations } from '../support/combinations';
import { nagFindings, PEOPLE_FOLDER, testApp } from '../support/synth';

const folder = PEOPLE_FOLDER;

describe('no dependency cycle', () => {
  // A ninth of them; the slow tests try all.
  it.each(DIMENSIONS.kind)('%s', (kind) => {
    expect(tryCombinations(kind, 9)).toBeGreaterThan(2);
  });
});

it('a service in the policy of a key in the same stack lets its function alone wait', () => {
  const grantAndWait = (waits: (service: lambda.Function) => IConstruct) => () => {
    const stack = new Stack(testApp({ recommended: false }), 'All');
    const encryptionKey = new kms.Key(stack, 'Key');
    const server = new rds.DatabaseInstance(stack, 'Server', {
      engine: rds.DatabaseInstanceEngine.postgres({ version: rds.PostgresEngineVersion.VER_17 }),
      credentials: rds.Credentials.fromGeneratedSecret('postgres', { encryptionKey }),
      vpc: new ec2.Vpc(stack, 'Vpc'),
    });
    const schema = new SchemaMigrations(stack, 'Schema', {
      folder,
      database: SchemaDatabase.instance(server),
    });
    const service = new lambda.Function(stack, 'Service', {
      code: lambda.Code.fromInline('//'),
      handler: 'index.handler',
      runtime: lambda.Runtime.NODEJS_24_X,
    });
    server.secret!.grantRead(service);
    waits(service).node.addDependency(schema);
    Template.fromStack(stack);
  };
  expect(grantAndWait((service) => service)).toThrow(/dependency cycle/);
  expect(grantAndWait((service) => service.node.defaultChild!)).not.toThrow();
});

describe('cdk-nag', () => {
  const SERVERS = {
    instance: { engine: 'instance' },
    'instance, generated secret': { engine: 'instance', managedSecret: false },
    'minimal instance': { engine: 'instance', minimalCost: true },
    aurora: { engine: 'aurora', dataApi: true },
    'minimal aurora': { engine: 'aurora', dataApi: true, minimalCost: true, managedSecret: false },
  } as const;

  it.each(Object.keys(SERVERS) as (keyof typeof SERVERS)[])('finds nothing in the stacks: %s', (name) => {
    const app = testApp();
    const props = SERVERS[name];
    const server = new DatabaseStack(app, 'Server', props);
    new SchemaStack(app, 'WithSecret', { schema: { database: server.database(), folder } });
    new SchemaStack(app, 'WithIam', {
      schema: { database: server.database({ auth: 'iam', databaseName: 'iam' }), folder },
    });
    if (props.engine === 'aurora') {
      new SchemaStack(app, 'WithDataApi', { schema: { database: server.dataApi(), folder } });
    }
    app.synth();
    expect(nagFindings(app)).toEqual([]);
  });
});
