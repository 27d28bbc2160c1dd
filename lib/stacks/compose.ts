/**
 * Composes the app: one stack for the server, one for the schema of each database, and one that watches. Settings come
 * from context (cdk.json, `-c key=value`).
 */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { type App, Duration, type Environment } from 'aws-cdk-lib';
import { Notify } from '../constructs/notify/notify';
import { folder as folderCheck, list as listCheck, text as textCheck } from '../constructs/validation/values';
import { DatabaseStack } from './database-stack';
import { SchemaStack } from './schema-stack';
import { WatchStack } from './watch-stack';

/**
 * Settings of the app. Every context key begins with `trueup:`; docs/deploying.md lists them. Values of `-c` are
 * strings.
 */
export interface AppSettings {
  /** Prefix of the stacks' names. @default 'Trueup' */
  readonly prefix: string;
  /** @default 'instance' */
  readonly engine: 'instance' | 'aurora';
  /** Connection from `migrate` to the database; `data-api` needs `aurora`. @default 'pg' */
  readonly transport: 'pg' | 'data-api';
  /**
   * Authentication of the login role.
   * @default - as in `SchemaDatabase`: a dedicated login, unless the database was deployed with another one
   */
  readonly auth: 'secret' | 'iam' | undefined;
  /** Role that logs in; `own` gives deployed databases a dedicated login. @default - as `auth` */
  readonly login: 'own' | 'secret' | undefined;
  /** Whether RDS (`true`) or CloudFormation creates the master user's secret. @default true */
  readonly managedSecret: boolean;
  /** @default true */
  readonly logStatements: boolean;
  /** Whether the server is disposable, for a test. @default false */
  readonly minimalCost: boolean;
  /** Folder that contains one folder of migrations per database. @default 'migrations' */
  readonly migrations: string;
  /** Databases to deploy, by the names of their folders. @default - all of them */
  readonly databases: readonly string[];
  /** Value that forces a run when it changes. @default - no run is forced */
  readonly forceRunToken: string | undefined;
  /** Whether to create a stack with alarms, pager and drift checks. @default true */
  readonly watch: boolean;
  /**
   * Email addresses that receive pages; commas separate them in the context value.
   * @default - none; `cdk synth` warns that the topic has no subscription
   */
  readonly emails: readonly string[];
}

const SETTING_KEYS = [
  'prefix',
  'engine',
  'transport',
  'auth',
  'login',
  'managedSecret',
  'logStatements',
  'minimalCost',
  'migrations',
  'databases',
  'forceRunToken',
  'watch',
  'emails',
] as const satisfies readonly (keyof AppSettings)[];
type SettingKey = (typeof SETTING_KEYS)[number];

/**
 * Reads the settings from the app's context.
 * @throws {Error} for an unknown key or an invalid value, since CDK ignores context that is not read
 */
export function readSettings(app: App): AppSettings {
  refuseUnknownKeys(app);
  const text = (key: SettingKey): string | undefined => {
    const value: unknown = app.node.tryGetContext(`trueup:${key}`);
    return value === undefined || value === '' ? undefined : String(value);
  };
  const readChoice = <T extends string>(key: SettingKey, allowed: readonly [T, ...T[]]): T => {
    const value = text(key) ?? allowed[0];
    const found = allowed.find((each) => each === value);
    if (found === undefined)
      throw new Error(`trueup:${key} is ${value}; it must be ${allowed.join(' or ')}.`);
    return found;
  };
  const list = (key: SettingKey): readonly string[] | undefined =>
    text(key)
      ?.split(',')
      .map((each) => each.trim())
      .filter((each) => each !== '');
  const flag = (key: SettingKey, byDefault: boolean): boolean =>
    readChoice(key, byDefault ? ['true', 'false'] : ['false', 'true']) === 'true';
  const migrations = text('migrations') ?? 'migrations';
  return {
    prefix: text('prefix') ?? 'Trueup',
    engine: readChoice('engine', ['instance', 'aurora']),
    transport: readChoice('transport', ['pg', 'data-api']),
    auth: text('auth') === undefined ? undefined : readChoice<'secret' | 'iam'>('auth', ['secret', 'iam']),
    login: text('login') === undefined ? undefined : readChoice<'own' | 'secret'>('login', ['own', 'secret']),
    managedSecret: flag('managedSecret', true),
    logStatements: flag('logStatements', true),
    minimalCost: flag('minimalCost', false),
    migrations,
    databases: list('databases') ?? listDatabaseFolders(migrations),
    forceRunToken: text('forceRunToken'),
    watch: flag('watch', true),
    emails: list('emails') ?? [],
  };
}

const databaseListCheck = listCheck(
  textCheck({
    must: 'must be the name of a folder, which is the name of its database',
    matches: /^[^/\\]+$/,
  }),
);

export function composeStacks(app: App, settings: AppSettings, env?: Environment): void {
  const { prefix, engine, transport, auth, login, databases, migrations } = settings;
  if (databases.length === 0) throw new Error(`${migrations} has no folder of migrations.`);
  const problem = databaseListCheck(databases, 'trueup:databases');
  if (problem !== undefined) throw new Error(`${problem}.`);
  const server = new DatabaseStack(app, `${prefix}Database`, {
    env,
    description: 'PostgreSQL server of the schemas that Trueup deploys',
    engine,
    dataApi: transport === 'data-api',
    managedSecret: settings.managedSecret,
    logStatements: settings.logStatements,
    minimalCost: settings.minimalCost,
  });
  const stacks = databases.map((databaseName) => {
    const database = { databaseName, createDatabase: true, login };
    return new SchemaStack(app, `${prefix}${toPascalCase(databaseName)}`, {
      env,
      description: `Schema of the database ${databaseName}`,
      databaseLogGroupName: server.logGroupName,
      schema: {
        database:
          transport === 'data-api' ? server.dataApi(database) : server.database({ ...database, auth }),
        folder: join(migrations, databaseName),
        forceRunToken: settings.forceRunToken,
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
    // A check wakes a paused Aurora, which then runs for some minutes: hourly checks would leave it hardly any time to
    // pause.
    driftInterval: settings.minimalCost && engine === 'aurora' ? Duration.days(1) : undefined,
  }).addStackDependency(server, 'The log group must exist first.');
}

function refuseUnknownKeys(app: App): void {
  const known = SETTING_KEYS.map((key) => `trueup:${key}`);
  const other = Object.keys(app.node.getAllContext() as object).filter(
    (key) => key.startsWith('trueup:') && !known.includes(key),
  );
  if (other.length > 0)
    throw new Error(`This app has no setting ${other.join(', ')}. Its settings are ${known.join(', ')}.`);
}

function listDatabaseFolders(folder: string): string[] {
  const problem = folderCheck(folder, 'trueup:migrations');
  if (problem !== undefined) throw new Error(`${problem}.`);
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name)
    .sort();
}

const toPascalCase = (name: string): string =>
  name
    .split(/[^A-Za-z0-9]+/)
    .map((word) => word.charAt(0).toUpperCase() + word.slice(1))
    .join('');
