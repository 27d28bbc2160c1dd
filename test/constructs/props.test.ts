/**
 * Every public prop is given every kind of nonsense that its type, or JavaScript, lets through. Each is refused at synth
 * by one error that says where, which prop and what it must be, or is accepted for a reason that stands here. The props
 * come from the declarations, so a new one without a check fails. What is of the right type and a mistake all the same is in a table
 * of its own: each is an error, a warning or good, and why.
 */
import { join } from 'node:path';
import { Duration, Lazy, Stack } from 'aws-cdk-lib';
import * as logs from 'aws-cdk-lib/aws-logs';
import * as secretsmanager from 'aws-cdk-lib/aws-secretsmanager';
import * as sns from 'aws-cdk-lib/aws-sns';
import { Construct } from 'constructs';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { DriftCheck } from '../../lib/constructs/alarms/drift-check';
import { SchemaAlarms } from '../../lib/constructs/alarms/schema-alarms';
import { SchemaDatabase } from '../../lib/constructs/database/schema-database';
import { FleetCheck } from '../../lib/constructs/fleet/fleet-check';
import { SchemaFleet } from '../../lib/constructs/fleet/schema-fleet';
import { FleetTenants } from '../../lib/constructs/fleet/tenants';
import { SchemaMigrations } from '../../lib/constructs/migrations/schema-migrations';
import { Notify } from '../../lib/constructs/notify/notify';
import { DatabaseStack } from '../../lib/stacks/database-stack';
import { SchemaStack } from '../../lib/stacks/schema-stack';
import { WatchStack } from '../../lib/stacks/watch-stack';
import { deployment } from '../support/deployment';
import { type Member, publicApi } from '../support/public-api';
import { folderOf, PEOPLE, PEOPLE_FOLDER } from '../support/synth';

const folder = PEOPLE_FOLDER;
const { app, server, stack, schema } = deployment();
const aurora = new DatabaseStack(app, 'Aurora', { engine: 'aurora', dataApi: true });
const secret = new secretsmanager.Secret(stack, 'Secret');
const topic = new sns.Topic(stack, 'Topic');
const fifo = new sns.Topic(stack, 'Fifo', { fifo: true });
const topicArn = 'arn:aws:sns:eu-central-1:123456789012:pages';
const databaseLogGroup = logs.LogGroup.fromLogGroupName(stack, 'DatabaseLog', server.logGroupName);
const alarms = new SchemaAlarms(stack, 'Alarms', { databaseLogGroup, schemas: [schema] });

let made = 0;
const fresh = (): Stack => new Stack(app, `Nonsense${made++}`);
/** Whatever a case adds to the app goes with it: constructs look for others in the whole app. */
const before = new Set(app.node.children);
afterEach(() => {
  for (const { node } of app.node.children.filter((each) => !before.has(each)))
    app.node.tryRemoveChild(node.id);
});

type Override = Readonly<Record<string, unknown>>;
/** JavaScript's view of the props. */
const props = <T>(base: T, override: Override): T => ({ ...base, ...override }) as T;
const existing = { host: 'db.example', databaseName: 'app', vpc: server.vpc, securityGroups: [], secret };
const someDatabase = SchemaDatabase.existing(existing);
/** A namespace, and a log group, is given once. */
const schemaProps = () => ({ database: someDatabase, folder, ledgerName: `n${made++}` });
const fleetProps = () => ({
  servers: { main: someDatabase },
  tenants: [FleetTenants.databases({ pattern: '*' })],
  folder,
  ledgerName: `n${made++}`,
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
  QueryTenantsOptions: (o) =>
    FleetTenants.query(props({ database: 'control', sql: 'SELECT name FROM t' }, o)),
  SourceOptions: (o) => FleetTenants.databases(props({ pattern: '*' }, o)),
  DatabaseTenantsOptions: (o) => FleetTenants.databases(props({ pattern: '*' }, o)),
  SchemaTenantsOptions: (o) => FleetTenants.schemas(props({ database: 'shop', pattern: '*' }, o)),
  ListTenantsOptions: (o) => FleetTenants.list(props({ bucket: 'tenants', key: 'tenants.jsonl' }, o)),
  ScheduledAuditProps: (o) =>
    new SchemaMigrations(fresh(), 'Schema', { ...schemaProps(), audit: props({}, o) }),
  TimingProps: (o) => new SchemaMigrations(fresh(), 'Schema', props(schemaProps(), o)),
  SchemaAlarmsProps: (o) => new SchemaAlarms(fresh(), 'Alarms', props(alarmProps(), o)),
  SchemaAlarmsOptions: (o) =>
    new WatchStack(app, `Watch${made++}`, {
      databaseLogGroupName: `/log/${made}`,
      schemas: [deployed()],
      alarms: props({ notify: [Notify.email('on-call@example.com')] }, o),
    }),
  JsonLogSelectors: (o) =>
    new SchemaAlarms(fresh(), 'Alarms', {
      ...alarmProps(),
      applicationLogGroups: [
        { logGroup: logGroup(), json: props({ sqlstate: '$.code', message: '$.message' }, o) },
      ],
    }),
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
  LoginOptions: (o) => SchemaDatabase.cluster(aurora.cluster!, props(ownFor(o), o)),
  ConnectionOptions: (o) => SchemaDatabase.cluster(aurora.cluster!, props({}, o)),
  DatabaseOptions: (o) => SchemaDatabase.dataApi(aurora.cluster!, props(ownFor(o), o)),
  ExistingServerOptions: (o) => SchemaDatabase.existing(props({ ...existing, ...iamWithId(o) }, o)),
  ExistingDataApiOptions: (o) =>
    SchemaDatabase.existingDataApi(props({ clusterArn, databaseName: 'app', secret, ...ownFor(o) }, o)),
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
/** These two mean something with `auth: 'iam'` or `login: 'own'` only. */
const iamFor = (o: Override) => ('user' in o || 'createUser' in o ? ('iam' as const) : undefined);
const ownFor = (o: Override) => (iamFor(o) === undefined ? {} : { login: 'own' as const });
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
  'a zero byte': 'a\0b',
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
  if (type === 'string[]') {
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
  'SchemaMigrationsProps.forceRunToken, no text': 'what an unset variable gives; it forces nothing',
  'SchemaMigrationsProps.forceRunToken, a URL with a password': 'any text; a link to a CI run is one',
  'SchemaFleetProps.forceRunToken, no text': 'what an unset variable gives; it forces nothing',
  'SchemaFleetProps.forceRunToken, a URL with a password': 'any text; a link to a CI run is one',
  'SchemaFleetProps.sharedSchemas, an empty list': 'none are shared',
  'SchemaFleetProps.waves, an empty list': 'the canaries, then the rest',
  'SchemaFleetProps.maxFailures, zero': 'none',
  'DatabaseTenantsOptions.exclude, an empty list': 'all that match',
  'SchemaTenantsOptions.exclude, an empty list': 'all that match',
  'SchemaAlarmsProps.applicationLogGroups, an empty list': 'none',
  'SchemaAlarmsProps.excludedRoles, an empty list': "everybody's errors count, the migrator's too",
  'SchemaAlarmsProps.ignore, an empty list': 'nothing is ignored',
  'SchemaAlarmsProps.ignore, a list with a URL with a password': 'a log line may hold one',
  'SchemaAlarmsProps.notify, an empty list': 'a warning says that nobody is told',
  'ExistingServerOptions.securityGroups, an empty list': 'the function may go to any address',
  'ExistingServerOptions.vpcSubnets, an object': "an empty selection is CDK's own choice",
  'ServerOptions.vpcSubnets, an object': "an empty selection is CDK's own choice",
  'WatchStackProps.alarms, an object': 'no props are given, and all have a default',
  'DatabaseStackProps.vpcSubnets, an object': "an empty selection is CDK's own choice",
  'DatabaseStackProps.logRetention, a number': '5 is RetentionDays.FIVE_DAYS',
  'SchemaAlarmsOptions.applicationLogGroups, an empty list': 'none',
  'SchemaAlarmsOptions.excludedRoles, an empty list': "everybody's errors count, the migrator's too",
  'SchemaAlarmsOptions.ignore, an empty list': 'nothing is ignored',
  'SchemaAlarmsOptions.ignore, a list with a URL with a password': 'a log line may hold one',
  'SchemaAlarmsOptions.notify, an empty list': 'a warning says that nobody is told',
  'ConnectionOptions.vpcSubnets, an object': "an empty selection is CDK's own choice",
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

/** `warning`: part of an annotation's id. */
type Verdict = { readonly error: RegExp } | { readonly warning: string } | { readonly good: string };
const error = (words: RegExp): Verdict => ({ error: words });
const warning = (id: string): Verdict => ({ warning: id });
const good = (why: string): Verdict => ({ good: why });
const file = (name: string, text: string) => join(folderOf({ [name]: text }), name);

/**
 * What a person writes by mistake, and what of it looks like a mistake and is none: of the right type each, so that no type
 * catches it.
 */
const MISTAKES: readonly (readonly [owner: string, prop: Override, Verdict])[] = [
  ['DatabaseTenantsOptions', { pattern: 'tenant_%' }, error(/LIKE or a regular expression/)],
  ['DatabaseTenantsOptions', { pattern: '^tenant_.*$' }, error(/LIKE or a regular expression/)],
  ['DatabaseTenantsOptions', { pattern: 'tenant_(a|b)' }, error(/LIKE or a regular expression/)],
  ['DatabaseTenantsOptions', { pattern: 'postgres' }, error(/must match databases of tenants/)],
  ['DatabaseTenantsOptions', { pattern: 'template1' }, error(/must match databases of tenants/)],
  ['DatabaseTenantsOptions', { pattern: 'trueup' }, good('a database may have that name')],
  ['DatabaseTenantsOptions', { pattern: 'pg_*' }, good('a database may be named pg_x')],
  ['DatabaseTenantsOptions', { pattern: 'template*' }, good('the templates are left out, template_x is not')],
  ['SchemaTenantsOptions', { pattern: 'pg_*' }, error(/must match schemas of tenants/)],
  ['SchemaTenantsOptions', { pattern: 'trueup' }, error(/must match schemas of tenants/)],
  ['SchemaTenantsOptions', { pattern: 'information_schema' }, error(/must match schemas of tenants/)],
  ['SchemaTenantsOptions', { pattern: '$user' }, error(/regular expression|must match schemas/)],
  ['SchemaTenantsOptions', { pattern: 'p*' }, good('public may be a tenant')],
  ['DatabaseTenantsOptions', { pattern: 'a_*', exclude: ['a_*'] }, error(/must leave some names/)],
  ['DatabaseTenantsOptions', { pattern: 'a_*', exclude: ['*'] }, error(/must leave some names/)],
  ['SchemaTenantsOptions', { pattern: 'a_?x', exclude: ['b', 'a_*'] }, error(/must leave some names/)],
  ['SchemaTenantsOptions', { pattern: 'a_*', exclude: ['a_?'] }, good('a_bc is left')],
  ['SchemaTenantsOptions', { exclude: ['shared_%'] }, error(/LIKE or a regular expression/)],
  [
    'SchemaTenantsOptions',
    { exclude: ['pg_*', 'public'] },
    good('it says once more what is left out anyway'),
  ],
  ['QueryTenantsOptions', { sql: 'DROP TABLE tenants' }, error(/is no query: it must be one SELECT/)],
  [
    'QueryTenantsOptions',
    { sql: 'SELEC name FROM t' },
    error(/not SQL that PostgreSQL understands: syntax error/),
  ],
  ['QueryTenantsOptions', { sql: 'SELECT name FROM t; SELECT 1' }, error(/has 2 statements/)],
  ['QueryTenantsOptions', { sql: '-- nothing' }, error(/has 0 statements/)],
  ['QueryTenantsOptions', { sql: 'SELECT name FROM t WHERE id = $1' }, error(/has a parameter/)],
  ['QueryTenantsOptions', { sql: 'SELECT name FROM t\0' }, error(/has a zero byte/)],
  ['QueryTenantsOptions', { sql: 'SELECT tenant FROM t' }, error(/has the column "tenant"/)],
  ['QueryTenantsOptions', { sql: 'SELECT db AS database FROM t' }, error(/has no column `name`/)],
  ['QueryTenantsOptions', { sql: 'SELECT name, db AS databse FROM t' }, error(/has the column "databse"/)],
  ['QueryTenantsOptions', { sql: "VALUES ('a')" }, error(/has the column "column1"/)],
  ['QueryTenantsOptions', { sql: 'SELECT lower(tenant) FROM t' }, error(/has the column "lower"/)],
  ['QueryTenantsOptions', { sql: "SELECT name || '_db' FROM t" }, error(/has a column without a name/)],
  [
    'QueryTenantsOptions',
    { sql: 'SELECT name FROM t UNION SELECT name, db FROM t' },
    error(/different numbers/),
  ],
  [
    'QueryTenantsOptions',
    { sql: 'SELECT name FROM t WHERE EXISTS (SELECT FROM u FOR UPDATE)' },
    error(/locks rows/),
  ],
  ['QueryTenantsOptions', { sql: 'SELECT name INTO x FROM t' }, error(/makes a table/)],
  ['QueryTenantsOptions', { sql: 'SELECT name FROM t FOR UPDATE' }, error(/locks rows/)],
  [
    'QueryTenantsOptions',
    { sql: 'WITH g AS (DELETE FROM t RETURNING name) SELECT name FROM g' },
    error(/changes rows/),
  ],
  ['QueryTenantsOptions', { sql: 'SELECT name FROM t; -- all' }, good('one statement, and a comment')],
  ['QueryTenantsOptions', { sql: 'SELECT * FROM t' }, good('only the server knows the columns')],
  ['QueryTenantsOptions', { sql: "SELECT id::text AS name, 'db_' || id AS database FROM t" }, good('named')],
  [
    'QueryTenantsOptions',
    { sql: "SELECT 'a' AS name UNION SELECT name FROM t" },
    good("the first query's names count"),
  ],
  ['ListTenantsOptions', { bucket: 'a..b' }, error(/must be the name of a bucket/)],
  ['ListTenantsOptions', { bucket: 'tenants-' }, error(/must be the name of a bucket/)],
  ['ListTenantsOptions', { bucket: '192.168.5.4' }, error(/must be the name of a bucket/)],
  ['ListTenantsOptions', { bucket: 'acme.tenants-1' }, good('dots and hyphens')],
  ['ListTenantsOptions', { key: 'a.txt' }, error(/ends with \.jsonl/)],
  ['ListTenantsOptions', { key: 'tenants/' }, error(/ends with \.jsonl/)],
  ['ListTenantsOptions', { key: 'tenants.csv' }, error(/one tenant per line, as JSON/)],
  ['ListTenantsOptions', { key: 'TENANTS.JSONL' }, good('the ending in any case')],
  ['SchemaFleetProps', { waves: [90, 90] }, error(/add up to more than 100/)],
  ['SchemaFleetProps', { waves: [50, 50] }, good('the rest is empty, and left out')],
  ['SchemaFleetProps', { sharedSchemas: ['trueup'] }, error(/must be a schema of the application's/)],
  ['SchemaFleetProps', { sharedSchemas: ['pg_temp'] }, error(/must be a schema of the application's/)],
  ['SchemaFleetProps', { sharedSchemas: ['public'] }, good('extensions are often there')],
  ['SchemaFleetProps', { databases: ['postgres'] }, error(/must match databases of tenants/)],
  [
    'SchemaFleetProps',
    { databases: ['x_*'], tenants: [FleetTenants.databases({ pattern: 'y_*' })] },
    error(/tenants\[0\] can be in no database/),
  ],
  [
    'SchemaFleetProps',
    { databases: ['x_*'], tenants: [FleetTenants.schemas({ database: 'shop', pattern: '*' })] },
    error(/tenants\[0\] can be in no database/),
  ],
  [
    'SchemaFleetProps',
    { databases: ['*_eu'], tenants: [FleetTenants.databases({ pattern: 'x_*' })] },
    good('x_eu'),
  ],
  [
    'SchemaFleetProps',
    { tenants: [FleetTenants.databases({ pattern: 'a*' }), FleetTenants.databases({ pattern: 'a*' })] },
    error(/tenants\[1\] is the same as tenants\[0\]/),
  ],
  [
    'SchemaFleetProps',
    { tenants: [FleetTenants.query({ database: 'c', sql: 'SELECT name, secret FROM t' })] },
    error(/must have `tenantSecrets`/),
  ],
  [
    'SchemaFleetProps',
    { canary: ['demo'], tenants: [FleetTenants.databases({ pattern: 'x_*' })] },
    error(/canary names "demo", which no source/),
  ],
  [
    'SchemaFleetProps',
    {
      canary: ['x_demo'],
      tenants: [
        FleetTenants.databases({ pattern: 'x_*' }),
        FleetTenants.list({ bucket: 'abc', key: 'a.jsonl' }),
      ],
    },
    good('the list may have it'),
  ],
  [
    'SchemaFleetProps',
    { tenantTimeout: Duration.minutes(55), totalTimeout: Duration.minutes(10) },
    warning('fleetTenantTime'),
  ],
  ['SchemaFleetProps', { maxFailures: 3 }, warning('fleetMaxFailures')],
  ['SchemaFleetProps', { waitFor: 'canary' }, warning('fleetUnwatched')],
  ['SchemaFleetProps', { expectedTenants: 90_000 }, warning('fleetTime')],
  [
    'SchemaFleetProps',
    { canary: ['a', 'b'], expectedTenants: 1 },
    error(/canary names more tenants than expectedTenants/),
  ],
  ['SchemaFleetProps', { baseline: '0002_peopel' }, error(/must be a versioned migration of the folder/)],
  ['SchemaFleetProps', { baseline: '0001_people' }, good('it is in the folder')],
  ['SchemaFleetProps', { baseline: '0004_people' }, good('its file got another number')],
  ['SchemaMigrationsProps', { baseline: '0004_people' }, good('its file got another number')],
  ['SchemaFleetProps', { workloadDays: 7 }, error(/workloadDays is not a prop/)],
  [
    'SchemaFleetProps',
    {
      folder: folderOf({ '0001_a.sql': PEOPLE.replaceAll('people', 'public.people') }),
      tenants: [FleetTenants.schemas({ database: 'shop', pattern: '*' })],
    },
    warning('fleetSchemaName'),
  ],
  ['FleetCheckProps', { interval: Duration.hours(24) }, good('a day')],
  ['FleetCheckProps', { minutes: 5 }, error(/minutes is not a prop/)],
  ['SchemaMigrationsProps', { workloadDays: 7 }, warning('workloadDays')],
  [
    'SchemaMigrationsProps',
    { workload: [file('w.sql', 'SELECT name FROM people;'), file('w.sql', 'SELECT name FROM people;')] },
    good('statements are taken once'),
  ],
  ['SchemaMigrationsProps', { workload: file('w.sql', 'DROP TABLE people;') }, error(/workload/)],
  [
    'SchemaMigrationsProps',
    { baseline: '0001_peopel' },
    error(/must be a versioned migration of the folder/),
  ],
  ['SchemaMigrationsProps', { minutes: 5 }, error(/minutes is not a prop/)],
  ['ScheduledAuditProps', { acept: 'x' }, error(/acept is not a prop/)],
  ['SchemaAlarmsProps', { emails: ['a@example.com'] }, error(/emails is not a prop/)],
  ['SchemaAlarmsProps', { urls: ['https://x.example.com'] }, error(/urls is not a prop/)],
  ['NotifyPagerDutyOptions', { region: 'eu' }, error(/region is not a prop/)],
  ['NotifyTopicOptions', { keys: [] }, error(/keys is not a prop/)],
  ['DriftCheckProps', { minutes: 5 }, error(/minutes is not a prop/)],
  [
    'ConnectionOptions',
    {
      secretsManagerEndpoint: { vpcEndpointId: 'vpce-1', connections: {} },
      createSecretsManagerEndpoint: true,
    },
    error(/secretsManagerEndpoint is the endpoint to use.*Set one of them/),
  ],
];

describe('what a person writes by mistake', () => {
  const shownProp = (prop: Override) => JSON.stringify(prop).slice(0, 90);
  it.each(
    MISTAKES.map(
      ([owner, prop, verdict], i) => [`${i} ${owner}`, shownProp(prop), owner, prop, verdict] as const,
    ),
  )('%s %s', (_, __, owner, prop, verdict) => {
    let made: unknown;
    const thrown = thrownBy(() => {
      made = TAKES[owner]!(prop);
    });
    if ('error' in verdict) return expect(thrown?.message).toMatch(verdict.error);
    expect(thrown).toBeUndefined();
    const warnings = Construct.isConstruct(made)
      ? made.node.metadata.filter(({ type }) => type === 'aws:cdk:warning').map(({ data }) => String(data))
      : [];
    if ('warning' in verdict) expect(warnings.join('\n')).toContain(`trueup:${verdict.warning}`);
    else expect(warnings).toEqual([]);
  });

  it.each([
    ['a FIFO topic', () => Notify.topic(fifo), /a FIFO topic; it must be a standard one/],
    ['a FIFO topic for chat', () => Notify.chat(fifo), /a FIFO topic; it must be a standard one/],
    ['an imported one', () => Notify.topic(sns.Topic.fromTopicArn(fresh(), 'T', `${topicArn}.fifo`)), /FIFO/],
    ...[
      'localhost',
      '127.0.0.1',
      '169.254.169.254',
      '10.1.2.3',
      '192.168.1.1',
      '172.20.0.1',
      '[::1]',
      'x.internal',
      'localhost.',
      'x.local.',
      'intranet',
      '100.64.0.1',
      '192.0.2.1',
      '198.18.0.1',
      '224.0.0.1',
    ].map(
      (host) =>
        [
          host,
          () => Notify.webhook(`https://${host}/x`, secret),
          /must be reachable from the internet/,
        ] as const,
    ),
    [
      'Slack',
      () => Notify.webhook('https://hooks.slack.com/services/T/B/x', secret),
      /For a chat, use Notify\.chat/,
    ],
    [
      'PagerDuty as a webhook',
      () => Notify.webhook('https://events.eu.pagerduty.com/v2/enqueue', secret),
      /use Notify\.pagerDuty/,
    ],
    ...['hooks.slack-gov.com', 'ptb.discord.com', 'prod-00.westus.logic.azure.com'].map(
      (host) =>
        [host, () => Notify.webhook(`https://${host}/x`, secret), /For a chat, use Notify\.chat/] as const,
    ),
    [
      'Teams',
      () => Notify.webhook('https://acme.webhook.office.com/x', secret),
      /For a chat, use Notify\.chat/,
    ],
  ] as const)('%s', (_, work, words) => {
    expect(thrownBy(work)?.message).toMatch(words);
  });

  it('is none: a topic, and a host of the internet', () => {
    expect(thrownBy(() => Notify.topic(sns.Topic.fromTopicArn(fresh(), 'T', topicArn)))).toBeUndefined();
    for (const host of ['hooks.example.com', '172.15.0.1', '11.0.0.1', '100.128.0.1', 'slack.example.com'])
      expect(
        thrownBy(() => Notify.webhook(`https://${host}/x`, secret)),
        host,
      ).toBeUndefined();
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
