/** cdk-nag's AwsSolutions over each construct, in an app that knows its account and region, and in one that does not. */
import { type App, Stack, type StackProps } from 'aws-cdk-lib';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as kms from 'aws-cdk-lib/aws-kms';
import * as logs from 'aws-cdk-lib/aws-logs';
import * as rds from 'aws-cdk-lib/aws-rds';
import * as secretsmanager from 'aws-cdk-lib/aws-secretsmanager';
import * as sns from 'aws-cdk-lib/aws-sns';
import { describe, expect, it } from 'vitest';
import * as exported from '../../lib';
import {
  DatabaseStack,
  DriftCheck,
  FleetCheck,
  FleetTenants,
  Notify,
  SchemaAlarms,
  type SchemaDatabase,
  SchemaFleet,
  SchemaMigrations,
  SchemaStack,
  WatchStack,
} from '../../lib';
import { nagFindings, PEOPLE_FOLDER, testApp } from '../support/synth';

const folder = PEOPLE_FOLDER;

interface Made {
  readonly app: App;
  readonly props: StackProps;
  readonly server: DatabaseStack;
  readonly stack: Stack;
}

const schemaOf = ({ stack }: Made, database: SchemaDatabase, id = 'Schema'): SchemaMigrations =>
  new SchemaMigrations(stack, id, { database, folder, ledgerName: id.toLowerCase() });

const secretOf = (scope: Stack, id: string, encryptionKey?: kms.IKey) =>
  secretsmanager.Secret.fromSecretAttributes(scope, id, {
    secretCompleteArn: `arn:aws:secretsmanager:eu-central-1:123456789012:secret:${id}-AbCdEf`,
    ...(encryptionKey ? { encryptionKey } : {}),
  });

const encrypted = (stack: Stack, id: string): sns.Topic =>
  new sns.Topic(stack, id, {
    masterKey: new kms.Key(stack, `${id}Key`, { enableKeyRotation: true }),
    enforceSSL: true,
  });

function alarmsOf(made: Made, topic?: Notify): SchemaAlarms {
  const { app, props, server, stack } = made;
  const applications = new Stack(app, 'Applications', props);
  // One that another stack makes, and one whose name is a reference to another stack.
  const own = new logs.LogGroup(applications, 'Own');
  const named = new logs.LogGroup(applications, 'Named');
  return new SchemaAlarms(stack, 'Alarms', {
    databaseLogGroup: logs.LogGroup.fromLogGroupName(stack, 'DatabaseLog', server.logGroupName),
    schemas: [schemaOf(made, server.database())],
    applicationLogGroups: [
      { logGroup: own },
      { logGroup: logs.LogGroup.fromLogGroupName(stack, 'NamedLog', named.logGroupName) },
    ],
    notify: [
      topic ?? Notify.email('on-call@example.com'),
      Notify.chat(encrypted(stack, 'Chat')),
      Notify.pagerDuty(secretOf(stack, 'Routing')),
      Notify.webhook('https://hooks.example.com/x', secretOf(stack, 'Signing')),
    ],
  });
}

function fleetOf({ app, props, server, stack }: Made, alarms?: SchemaAlarms): SchemaFleet {
  const other = new DatabaseStack(app, 'Other', { ...props, vpc: server.vpc });
  return new SchemaFleet(stack, 'Fleet', {
    servers: { main: server.database(), eu: other.database({ auth: 'iam' }) },
    tenants: [
      FleetTenants.databases({ server: 'main', pattern: 'tenant_*' }),
      FleetTenants.list({ bucket: 'acme-tenants', key: 'tenants.jsonl' }),
    ],
    folder,
    ledgerName: 'fleet',
    tenantSecrets: {
      prefix: { main: 'acme/main/', eu: 'acme/eu/' },
      encryptionKey: new kms.Key(stack, 'TenantKey', { enableKeyRotation: true }),
    },
    ...(alarms ? { alarms } : {}),
  });
}

/** By exported name; those that stand on another one have it too. */
const CASES: Readonly<Record<string, (made: Made) => void>> = {
  DatabaseStack: ({ app, props }) => {
    new DatabaseStack(app, 'Aurora', { ...props, engine: 'aurora', dataApi: true, managedSecret: false });
  },
  SchemaMigrations: (made) => {
    schemaOf(made, made.server.database());
    schemaOf(made, made.server.database({ auth: 'iam', databaseName: 'iam' }), 'Iam');
    const cluster = new DatabaseStack(made.app, 'Aurora', {
      ...made.props,
      engine: 'aurora',
      dataApi: true,
    });
    schemaOf(made, cluster.dataApi(), 'DataApi');
  },
  SchemaStack: ({ app, props, server }) => {
    new SchemaStack(app, 'Composed', {
      ...props,
      databaseLogGroupName: server.logGroupName,
      schema: { database: server.database(), folder },
    });
  },
  WatchStack: (made) => {
    new WatchStack(made.app, 'Watch', {
      ...made.props,
      databaseLogGroupName: made.server.logGroupName,
      schemas: [schemaOf(made, made.server.database())],
      alarms: { notify: [Notify.email('on-call@example.com')] },
    });
  },
  SchemaAlarms: (made) => {
    alarmsOf(made);
  },
  DriftCheck: (made) => {
    const { server } = made;
    const schema = schemaOf(made, server.database({ databaseName: 'checked' }), 'Checked');
    new DriftCheck(made.stack, 'Drift', { schema, alarms: alarmsOf(made) });
  },
  SchemaFleet: (made) => {
    fleetOf(made, alarmsOf(made, Notify.topic(encrypted(made.stack, 'Topic'))));
  },
  FleetCheck: (made) => {
    const alarms = alarmsOf(made);
    new FleetCheck(made.stack, 'Check', { fleet: fleetOf(made, alarms), alarms });
  },
};

const ENVIRONMENTS: Readonly<Record<string, StackProps>> = {
  'account and region are not known': {},
  'account and region are known': { env: { account: '123456789012', region: 'eu-central-1' } },
};

describe.each(Object.entries(ENVIRONMENTS))('cdk-nag, where %s', (_, props) => {
  it.each(Object.entries(CASES))('finds nothing: %s', (_, make) => {
    const app = testApp();
    const server = new DatabaseStack(app, 'Server', props);
    make({ app, props, server, stack: new Stack(app, 'App', props) });
    app.synth();
    expect(nagFindings(app)).toEqual([]);
  });

  it('is listening: an unprotected server is found', () => {
    const app = testApp();
    const stack = new Stack(app, 'Bare', props);
    new rds.DatabaseInstance(stack, 'Db', {
      engine: rds.DatabaseInstanceEngine.POSTGRES,
      vpc: new ec2.Vpc(stack, 'Vpc'),
    });
    expect(nagFindings(app)).toEqual(
      expect.arrayContaining(['AwsSolutions-RDS10 Bare/Db/Resource', 'AwsSolutions-RDS2 Bare/Db/Resource']),
    );
  });
});

it('is run over every construct that the package exports', () => {
  const constructs = Object.entries(exported).flatMap(([name, value]) =>
    typeof value === 'function' && 'isConstruct' in value ? [name] : [],
  );
  expect(Object.keys(CASES).sort()).toEqual(constructs.sort());
});
