/**
 * Every public prop is given every kind of nonsense that its type, or JavaScript, lets through. Each is refused at synth
 * by one error that says where, which prop and what it must be, or is accepted for a reason that stands here. The props
 * come from the declarations, so a new one without a check fails.
 */
import { Duration, Lazy, Stack } from 'aws-cdk-lib';
import * as logs from 'aws-cdk-lib/aws-logs';
import * as secretsmanager from 'aws-cdk-lib/aws-secretsmanager';
import * as sns from 'aws-cdk-lib/aws-sns';
import { afterAll, describe, expect, it } from 'vitest';
import { DriftCheck } from '../../lib/constructs/alarms/drift-check';
import { SchemaAlarms } from '../../lib/constructs/alarms/schema-alarms';
import { SchemaDatabase } from '../../lib/constructs/database/schema-database';
import { FleetCheck } from '../../lib/constructs/fleet/fleet-check';
import { SchemaFleet } from '../../lib/constructs/fleet/schema-fleet';
import { FleetTargets } from '../../lib/constructs/fleet/targets';
import { SchemaMigrations } from '../../lib/constructs/migrations/schema-migrations';
import { Notify } from '../../lib/constructs/notify/notify';
import { DatabaseStack } from '../../lib/stacks/database-stack';
import { SchemaStack } from '../../lib/stacks/schema-stack';
import { WatchStack } from '../../lib/stacks/watch-stack';
import { deployment } from '../support/deployment';
import { type Member, publicApi } from '../support/public-api';
import { folderOf, PEOPLE } from '../support/synth';

const folder = folderOf({ '0001_people.sql': PEOPLE });
const { app, server, stack, schema } = deployment();
const aurora = new DatabaseStack(app, 'Aurora', { engine: 'aurora', dataApi: true });
const secret = new secretsmanager.Secret(stack, 'Secret');
const topic = new sns.Topic(stack, 'Topic');
const databaseLogGroup = logs.LogGroup.fromLogGroupName(stack, 'DatabaseLog', server.logGroupName);
const alarms = new SchemaAlarms(stack, 'Alarms', { databaseLogGroup, schemas: [schema] });

let made = 0;
const fresh = (): Stack => new Stack(app, `Nonsense${made++}`);

type Override = Readonly<Record<string, unknown>>;
/** JavaScript's view of the props. */
const props = <T>(base: T, override: Override): T => ({ ...base, ...override }) as T;
const existing = { host: 'db.example', databaseName: 'app', vpc: server.vpc, securityGroups: [], secret };
const someDatabase = SchemaDatabase.existing(existing);
/** A namespace, and a log group, is given once. */
const schemaProps = () => ({ database: someDatabase, folder, namespace: `n${made++}` });
const fleetProps = () => ({
  servers: { main: someDatabase },
  targets: [FleetTargets.databases({ pattern: '*' })],
  folder,
  namespace: `n${made++}`,
});
const logGroup = () => logs.LogGroup.fromLogGroupName(stack, `Log${made}`, `/log/${made++}`);
const alarmProps = () => ({
  databaseLogGroup: logGroup(),
  schemas: [deployed()],
  notify: [Notify.email('on-call@example.com')],
});
const deployed = () => new SchemaMigrations(fresh(), 'Schema', schemaProps());
const deployedFleet = () => new SchemaFleet(fresh(), 'Fleet', fleetProps());
const clusterArn = 'arn:aws:rds:eu-central-1:123456789012:cluster:prod';

/** What takes each of the exported interfaces, all else being right. */
const TAKES: Record<string, (override: Override) => unknown> = {
  SchemaMigrationsProps: (o) => new SchemaMigrations(fresh(), 'Schema', props(schemaProps(), o)),
  SchemaFleetProps: (o) => new SchemaFleet(fresh(), 'Fleet', props(fleetProps(), o)),
  TenantSecretsProps: (o) =>
    new SchemaFleet(fresh(), 'Fleet', { ...fleetProps(), tenantSecrets: props({ prefix: 'a/' }, o) }),
  QueryTargetsOptions: (o) =>
    FleetTargets.query(props({ database: 'control', sql: 'SELECT name FROM t' }, o)),
  DatabaseTargetsOptions: (o) => FleetTargets.databases(props({ pattern: '*' }, o)),
  SchemaTargetsOptions: (o) => FleetTargets.schemas(props({ database: 'shop', pattern: '*' }, o)),
  ListTargetsOptions: (o) => FleetTargets.list(props({ bucket: 'tenants', key: 'targets.jsonl' }, o)),
  ScheduledAuditProps: (o) =>
    new SchemaMigrations(fresh(), 'Schema', { ...schemaProps(), audit: props({}, o) }),
  TimingProps: (o) => new SchemaMigrations(fresh(), 'Schema', props(schemaProps(), o)),
  SchemaAlarmsProps: (o) => new SchemaAlarms(fresh(), 'Alarms', props(alarmProps(), o)),
  ApplicationLogGroup: (o) =>
    new SchemaAlarms(fresh(), 'Alarms', {
      ...alarmProps(),
      applicationLogGroups: [props({ logGroup: logGroup() }, o)],
    }),
  NotifyTopicOptions: (o) => Notify.topic(topic, props({}, o)),
  NotifyPagerDutyOptions: (o) => Notify.pagerDuty(secret, props({}, o)),
  DriftCheckProps: (o) => new DriftCheck(fresh(), 'Drift', props({ schema, alarms }, o)),
  FleetCheckProps: (o) => new FleetCheck(fresh(), 'Check', props({ fleet: deployedFleet(), alarms }, o)),
  ServerOptions: (o) => SchemaDatabase.instance(server.instance!, props({ auth: iamFor(o) }, o)),
  DatabaseOptions: (o) => SchemaDatabase.dataApi(aurora.cluster!, props({}, o)),
  ExistingServerOptions: (o) => SchemaDatabase.existing(props({ ...existing, ...iamWithId(o) }, o)),
  ExistingDataApiOptions: (o) =>
    SchemaDatabase.existingDataApi(props({ clusterArn, databaseName: 'app', secret }, o)),
  DatabaseStackProps: (o) => new DatabaseStack(app, `Server${made++}`, props({ engine: engineFor(o) }, o)),
  SchemaStackProps: (o) => new SchemaStack(app, `Schema${made++}`, props({ schema: schemaProps() }, o)),
  WatchStackProps: (o) =>
    new WatchStack(
      app,
      `Watch${made++}`,
      props({ databaseLogGroupName: `/log/${made}`, schemas: [deployed()] }, o),
    ),
};
const engineFor = (o: Override) => ('maxCapacity' in o || 'dataApi' in o ? ('aurora' as const) : undefined);
/** These two mean something with `auth: 'iam'` only. */
const iamFor = (o: Override) => ('user' in o || 'createUser' in o ? ('iam' as const) : undefined);
const iamWithId = (o: Override) =>
  iamFor(o) === undefined ? {} : { auth: 'iam' as const, resourceId: 'db-ABC' };

const WRONG_TYPES = {
  null: null,
  'a number': 5,
  'a text': 'nonsense',
  'an object': {},
  'a list': ['nonsense'],
};
const TEXTS = {
  'no text': '',
  'a blank': ' ',
  'two lines': 'a\nb',
  'a long text': 'x'.repeat(5_000),
  'a URL with a password': 'postgres://u:hunter2@h/db',
};
const NUMBERS = {
  zero: 0,
  'less than zero': -1,
  'a third': 1 / 3,
  NaN: Number.NaN,
  infinite: 1 / 0,
  huge: 1e12,
};
const DURATIONS = {
  'no time': Duration.seconds(0),
  'a millisecond': Duration.millis(1),
  'ten days': Duration.days(10),
  'not a number of seconds': Duration.seconds(Number.NaN),
};

/** By the type that TypeScript gives; what is of the right type is left out of the wrong ones. */
function nonsenseFor({ type, optional }: Member): Record<string, unknown> {
  const { 'a text': text, 'a number': number, 'a list': list, ...rest } = WRONG_TYPES;
  const wrong = {
    ...rest,
    ...(type === 'string' ? {} : { 'a text': text }),
    ...(type === 'number' ? {} : { 'a number': number }),
    ...(/\[\]$/.test(type) ? { 'a list of null': [null] } : { 'a list': list }),
    ...(optional ? {} : { undefined: undefined }),
  };
  if (type === 'string') return { ...wrong, ...TEXTS };
  if (type === 'number') return { ...wrong, ...NUMBERS };
  if (type === 'Duration') return { ...wrong, ...DURATIONS };
  if (type === 'readonly string[]') {
    const items = Object.entries(TEXTS).map(([name, each]) => [`a list with ${name}`, [each]]);
    return {
      ...wrong,
      'an empty list': [],
      twice: ['a@b.example', 'a@b.example'],
      ...Object.fromEntries(items),
    };
  }
  if (/\[\]$/.test(type)) return { ...wrong, 'an empty list': [] };
  if (type === 'boolean') return wrong;
  // Of an object's type, another construct is the likeliest mistake.
  return { ...wrong, 'the instance itself': server.instance };
}

/** `Interface.prop`, nonsense: why it is taken all the same. */
const ACCEPTED: Record<string, string> = {
  'SchemaMigrationsProps.audit, an object': 'everything has a default',
  'FleetCheckProps.audit, an object': 'everything has a default',
  'SchemaMigrationsProps.runId, no text': 'what an unset variable gives; it forces nothing',
  'SchemaMigrationsProps.runId, a URL with a password': 'any text; a link to a CI run is one',
  'SchemaFleetProps.runId, no text': 'what an unset variable gives; it forces nothing',
  'SchemaFleetProps.runId, a URL with a password': 'any text; a link to a CI run is one',
  'SchemaFleetProps.sharedSchemas, an empty list': 'none are shared',
  'SchemaFleetProps.waves, an empty list': 'the canaries, then the rest',
  'SchemaFleetProps.tolerated, zero': 'none',
  'DatabaseTargetsOptions.except, an empty list': 'all that match',
  'SchemaTargetsOptions.except, an empty list': 'all that match',
  'QueryTargetsOptions.sql, two lines': 'queries have lines',
  'QueryTargetsOptions.sql, a URL with a password': 'the server says what is wrong with a query',
  'SchemaAlarmsProps.applicationLogGroups, an empty list': 'none',
  'SchemaAlarmsProps.exceptRoles, an empty list': "everybody's errors count, the migrator's too",
  'SchemaAlarmsProps.ignore, an empty list': 'nothing is ignored',
  'SchemaAlarmsProps.ignore, a list with a URL with a password': 'a log line may hold one',
  'SchemaAlarmsProps.notify, an empty list': 'a warning says that nobody is told',
  'ExistingServerOptions.securityGroups, an empty list': 'the function may go to any address',
  'ExistingServerOptions.vpcSubnets, an object': "an empty selection is CDK's own choice",
  'ServerOptions.vpcSubnets, an object': "an empty selection is CDK's own choice",
  'WatchStackProps.alarms, an object': 'no props are given, and all have a default',
  'DatabaseStackProps.vpcSubnets, an object': "an empty selection is CDK's own choice",
  'DatabaseStackProps.logRetention, a number': '5 is RetentionDays.FIVE_DAYS',
};

const api = publicApi();
const interfaces = api.filter(({ kind, name }) => kind === 'interface' && name !== 'TimingProps');
const used = new Set<string>();

describe.each(interfaces.map((each) => [each.name, each.members] as const))('%s', (owner, members) => {
  it('is tried', () => expect(Object.keys(TAKES)).toContain(owner));

  it.each(members.map((each) => [each.name, each] as const))('%s', (name, member) => {
    for (const [label, value] of Object.entries(nonsenseFor(member))) {
      const key = `${owner}.${name}, ${label}`;
      const error = thrownBy(() => TAKES[owner]!({ [name]: value }));
      if (key in ACCEPTED) {
        used.add(key);
        expect(error, key).toBeUndefined();
        continue;
      }
      expect(error?.constructor, `${key}: ${error?.stack}`).toBe(Error);
      // Where, which, and what it must be; nothing that was given is a secret told on.
      expect(error!.message, key).toMatch(
        new RegExp(`^[\\w./]+: (?:[\\w[\\].]+\\.)?${name}\\b[^\\n]*\\bmust\\b[^\\n]*\\.$`),
      );
      expect(error!.message, key).not.toMatch(/hunter2|x{200}/);
    }
  });
});

describe('what is known at deployment only', () => {
  const token = { string: Lazy.string({ produce: () => 'x' }), number: Lazy.number({ produce: () => 5 }) };
  const props = interfaces.flatMap(({ name, members }) =>
    members
      .filter(({ type }) => type in token)
      .map((each) => [name, each.name, token[each.type as 'string']] as const),
  );
  it.each(props)('%s.%s passes, or is said to be needed at synth', (owner, name, value) => {
    const message = thrownBy(() => TAKES[owner]!({ [name]: value }))?.message;
    if (message !== undefined)
      expect(message).toMatch(/is a token[;,:].*must be known at synth|whose name is a token/);
  });
});

function thrownBy(work: () => unknown): Error | undefined {
  try {
    work();
    return undefined;
  } catch (error) {
    return error as Error;
  }
}

afterAll(() => expect([...used].sort()).toEqual(Object.keys(ACCEPTED).sort()));
