/** The app: one stack for the server, one for each database's schema, one that watches. Settings come from context (cdk.json, `-c key=value`). */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { type App, Duration, type Environment } from 'aws-cdk-lib';
import { Notify } from '../constructs/notify/notify';
import { folder as folderCheck, list as listCheck, text as textCheck } from '../constructs/validation/values';
import { DatabaseStack } from './database-stack';
import { SchemaStack } from './schema-stack';
import { WatchStack } from './watch-stack';

/** Every key begins with `trueup:`; docs/deploying.md lists them. Values of `-c` are strings. */
export interface Settings {
  /** Prefix of the stacks' names. @default 'Trueup' */
  readonly prefix: string;
  /** @default 'instance' */
  readonly engine: 'instance' | 'aurora';
  /** How `migrate` speaks to the database; `data-api` needs `aurora`. @default 'pg' */
  readonly transport: 'pg' | 'data-api';
  /** @default 'secret' */
  readonly auth: 'secret' | 'iam';
  /** Who makes the master user's secret: RDS (`true`) or CloudFormation. @default true */
  readonly managedSecret: boolean;
  /** @default true */
  readonly logStatements: boolean;
  /** For a test that is thrown away. @default false */
  readonly cheap: boolean;
  /** Folder that holds one folder of migrations a database. @default 'migrations' */
  readonly migrations: string;
  /** Databases to deploy, by the names of their folders. @default - all of them */
  readonly databases: readonly string[];
  /** Another value forces a run. @default - none */
  readonly runId: string | undefined;
  /** Alarms, pager and drift checks, in a stack of their own. @default true */
  readonly watch: boolean;
  /** Whom pages go to, joined with commas. @default - nobody yet: the topic is an output to subscribe to */
  readonly emails: readonly string[];
}

const KEYS = [
  'prefix',
  'engine',
  'transport',
  'auth',
  'managedSecret',
  'logStatements',
  'cheap',
  'migrations',
  'databases',
  'runId',
  'watch',
  'emails',
] as const satisfies readonly (keyof Settings)[];
type Key = (typeof KEYS)[number];

/** @throws {Error} for a key or a value that is none, since CDK passes over what nobody reads */
export function settingsOf(app: App): Settings {
  refuseOtherKeys(app);
  const text = (key: Key): string | undefined => {
    const value: unknown = app.node.tryGetContext(`trueup:${key}`);
    return value === undefined || value === '' ? undefined : String(value);
  };
  const oneOf = <T extends string>(key: Key, allowed: readonly [T, ...T[]]): T => {
    const value = text(key) ?? allowed[0];
    const found = allowed.find((each) => each === value);
    if (found === undefined)
      throw new Error(`trueup:${key} is ${value}; it must be ${allowed.join(' or ')}.`);
    return found;
  };
  const list = (key: Key): readonly string[] | undefined =>
    text(key)
      ?.split(',')
      .map((each) => each.trim())
      .filter((each) => each !== '');
  const flag = (key: Key, byDefault: boolean): boolean =>
    oneOf(key, byDefault ? ['true', 'false'] : ['false', 'true']) === 'true';
  const migrations = text('migrations') ?? 'migrations';
  return {
    prefix: text('prefix') ?? 'Trueup',
    engine: oneOf('engine', ['instance', 'aurora']),
    transport: oneOf('transport', ['pg', 'data-api']),
    auth: oneOf('auth', ['secret', 'iam']),
    managedSecret: flag('managedSecret', true),
    logStatements: flag('logStatements', true),
    cheap: flag('cheap', false),
    migrations,
    databases: list('databases') ?? foldersOf(migrations),
    runId: text('runId'),
    watch: flag('watch', true),
    emails: list('emails') ?? [],
  };
}

const databaseList = listCheck(
  textCheck({
    must: 'must be the name of a folder, which is the name of its database',
    matches: /^[^/\\]+$/,
  }),
);

export function compose(app: App, settings: Settings, env?: Environment): void {
  const { prefix, engine, transport, auth, databases, migrations } = settings;
  if (databases.length === 0) throw new Error(`${migrations} holds no folder of migrations.`);
  const problem = databaseList(databases, 'trueup:databases');
  if (problem !== undefined) throw new Error(`${problem}.`);
  const server = new DatabaseStack(app, `${prefix}Database`, {
    env,
    description: 'PostgreSQL server of the schemas that Trueup deploys',
    engine,
    dataApi: transport === 'data-api',
    managedSecret: settings.managedSecret,
    logStatements: settings.logStatements,
    cheap: settings.cheap,
  });
  const stacks = databases.map((databaseName) => {
    const database = { databaseName, createDatabase: true };
    return new SchemaStack(app, `${prefix}${pascalCase(databaseName)}`, {
      env,
      description: `Schema of the database ${databaseName}`,
      databaseLogGroupName: server.logGroupName,
      schema: {
        database:
          transport === 'data-api' ? server.dataApi(database) : server.database({ ...database, auth }),
        folder: join(migrations, databaseName),
        runId: settings.runId,
      },
    });
  });
  if (!settings.watch) return;
  new WatchStack(app, `${prefix}Watch`, {
    env,
    description: 'Alarms and drift checks of the schemas that Trueup deploys',
    databaseLogGroupName: server.logGroupName,
    schemas: stacks.map((stack) => stack.schema),
    alarms: { notify: settings.emails.map((each) => Notify.email(each)) },
    // A check wakes a paused Aurora, which then runs for some minutes: every hour, it would hardly ever pause.
    driftInterval: settings.cheap && engine === 'aurora' ? Duration.days(1) : undefined,
  }).addStackDependency(server, 'The log group has to be there.');
}

function refuseOtherKeys(app: App): void {
  const known = KEYS.map((key) => `trueup:${key}`);
  const other = Object.keys(app.node.getAllContext() as object).filter(
    (key) => key.startsWith('trueup:') && !known.includes(key),
  );
  if (other.length > 0)
    throw new Error(`${other.join(', ')} is no setting of this app. There are ${known.join(', ')}.`);
}

function foldersOf(folder: string): string[] {
  const problem = folderCheck(folder, 'trueup:migrations');
  if (problem !== undefined) throw new Error(`${problem}.`);
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name)
    .sort();
}

const pascalCase = (name: string): string =>
  name
    .split(/[^A-Za-z0-9]+/)
    .map((word) => word.charAt(0).toUpperCase() + word.slice(1))
    .join('');
