/**
 * The settings of `migrate`, passed as environment variables. The construct writes them with {@link
 * migrateEnvironment}, and the handler reads them once with {@link readMigrateSettings}. No other code reads the
 * environment.
 */
import { isAbsolute, join } from 'node:path';
import { TrueupError } from '../contract/errors';
import type { Database } from '../postgres/database';

/** File name of the compiled migrations, next to the bundled handler. */
export const MANIFEST_FILE = 'manifest.json';
/**
 * File name of the trusted roots for a database whose certificate is not issued by Amazon, next to the bundled handler.
 */
export const ROOTS_FILE = 'roots.pem';
/** File name of Amazon's roots for RDS by region, next to the bundled handler. */
export const AMAZON_ROOTS_FILE = 'amazon-roots.json';
/**
 * Amazon's roots in the managed Node.js runtime, for NODE_EXTRA_CA_CERTS. Node 20 and later do not load them by default
 * (https://docs.aws.amazon.com/lambda/latest/dg/lambda-nodejs.html).
 */
export const RUNTIME_ROOTS = '/var/runtime/ca-cert.pem';

const VARIABLE_NAMES = {
  namespace: 'TRUEUP_NAMESPACE',
  ownerRole: 'TRUEUP_OWNER_ROLE',
  /** `pg` or `data-api` */
  transport: 'TRUEUP_TRANSPORT',
  host: 'TRUEUP_HOST',
  port: 'TRUEUP_PORT',
  clusterArn: 'TRUEUP_CLUSTER_ARN',
  database: 'TRUEUP_DATABASE',
  /** `secret` or `iam` */
  auth: 'TRUEUP_AUTH',
  user: 'TRUEUP_USER',
  secretArn: 'TRUEUP_SECRET_ARN',
  adminSecretArn: 'TRUEUP_ADMIN_SECRET_ARN',
  /** `own`, `own-unless-deployed` or absent */
  login: 'TRUEUP_LOGIN',
  /** `true` or absent */
  createDatabase: 'TRUEUP_CREATE_DATABASE',
  /** `true` or absent */
  queryOnly: 'TRUEUP_QUERY_ONLY',
  metricsOf: 'TRUEUP_METRICS_OF',
  workloadDays: 'TRUEUP_WORKLOAD_DAYS',
  rootsFile: 'TRUEUP_ROOTS_FILE',
  amazonRootsFile: 'TRUEUP_AMAZON_ROOTS_FILE',
  manifestFile: 'TRUEUP_MANIFEST_FILE',
  fleetFile: 'TRUEUP_FLEET_FILE',
  checksADay: 'TRUEUP_CHECKS_A_DAY',
} as const;

/**
 * The settings as environment variables. All are strings, because CloudFormation resolves some of them only at
 * deployment.
 */
export type MigrateVariables = { readonly [K in keyof typeof VARIABLE_NAMES]?: string };

/** Returns the environment variables for `values`, without undefined ones. */
export function buildMigrateVariables(values: MigrateVariables): Record<string, string> {
  return Object.fromEntries(
    Object.entries(values)
      .filter((entry): entry is [keyof typeof VARIABLE_NAMES, string] => entry[1] !== undefined)
      .map(([key, value]) => [VARIABLE_NAMES[key], value]),
  );
}

/** How the runner logs in, over TLS. */
export type LoginMethod =
  /** User name and password from a secret with the keys `username` and `password`, as RDS writes it. */
  | { readonly auth: 'secret'; readonly secretArn: string }
  /** A token that is valid for fifteen minutes replaces the password. The role must have been granted `rds_iam`. */
  | { readonly auth: 'iam'; readonly user: string };

export type ConnectionSettings =
  | {
      readonly transport: 'pg';
      readonly host: string;
      readonly port: number;
      readonly database: string;
      readonly login: LoginMethod;
      /** PEM file with the only roots to trust. Null means Node's default, including NODE_EXTRA_CA_CERTS. */
      readonly rootsFile: string | null;
      /**
       * Amazon's roots by region, for an RDS endpoint. The runtime's roots are trusted as well. @default - only the
       * runtime's roots
       */
      readonly amazonRootsFile?: string;
      /** PEM file with the roots of the runtime. @default - none */
      readonly runtimeRootsFile?: string;
    }
  | {
      readonly transport: 'data-api';
      readonly clusterArn: string;
      readonly secretArn: string;
      readonly database: string;
    };

export interface ConnectOptions {
  /** Every transaction begins READ ONLY and is rolled back. */
  readonly readOnly?: boolean;
  /**
   * Opens a writable session for a check's records in schema trueup, even in the query function. Only
   * our own statements on that schema may run in it.
   */
  readonly forRecords?: boolean;
  /** A fleet's database on the same server. It is never created. @default - the database of the settings */
  readonly database?: string;
  /** Name of a secret to use for the login. @default - the login of the settings */
  readonly secret?: string;
  /** Namespace that pg_stat_activity shows for the session. @default - the namespace of the settings */
  readonly namespace?: string;
}

export type Connect = (options?: ConnectOptions) => Promise<Database>;

export interface MigrateSettings {
  readonly namespace: string;
  /** The role that owns the application's tables, or null for the login role. */
  readonly ownerRole: string | null;
  readonly connection: ConnectionSettings;
  /**
   * Secret of a role that may CREATE ROLE and CREATE DATABASE. It is read only in two cases: if the database does not
   * exist (SQLSTATE 3D000) and `createDatabase` is set, or if a login with IAM authentication is refused because its
   * role does not exist yet. That role is then created with LOGIN, `rds_iam`, CREATE on the database, and membership in
   * `ownerRole` (or, without an owner, CREATE on schema public). Null means that nothing is created.
   */
  readonly adminSecretArn: string | null;
  /** Whether to create the database at the first run. Its owner is `ownerRole`, if set. */
  readonly createDatabase: boolean;
  /**
   * A dedicated login for this database. The first run creates the role with `adminSecretArn`, and also the owner
   * `<database>_owner` if `ownerRole` is null. A ledger that belongs to another role is transferred to it.
   * @default - Trueup does not manage the login role
   */
  readonly ownLogin?: {
    readonly user: string;
    /** Whether a database that was deployed as the role of `adminSecretArn` keeps using that role. */
    readonly keepDeployed: boolean;
  };
  /**
   * Whether this is the query function, which rejects actions that change the database. Every session is then
   * read-only, except those for its own records, and nothing is created.
   * @default false
   */
  readonly queryOnly?: boolean;
  /** See {@link EngineContext.workloadDays}. @default 0 */
  readonly workloadDays?: number;
  /**
   * Name of the function under which metrics are published, no matter which of the two runs the check. @default - this
   * function
   */
  readonly metricsOf?: string;
  readonly manifestFile: string;
  /**
   * Path of the `FleetFile` that describes this server's part of the fleet. @default - the server is not part of a
   * fleet
   */
  readonly fleetFile?: string;
  /**
   * Number of scheduled fleet checks per day. Each one covers a part of the tenants, and together they cover all.
   * @default 24
   */
  readonly checksADay?: number;
}

/**
 * Reads the settings from the environment.
 * @param folder the folder of the bundled handler (`__dirname`), which relative paths refer to
 * @throws {TrueupError} naming the variable that is missing or invalid
 */
export function readMigrateSettings(env: NodeJS.ProcessEnv, folder: string): MigrateSettings {
  const optional = (key: keyof typeof VARIABLE_NAMES): string | null => env[VARIABLE_NAMES[key]] || null;
  const required = (key: keyof typeof VARIABLE_NAMES): string =>
    optional(key) ?? throwSettingError(key, 'is not set');
  const readChoice = <T extends string>(key: keyof typeof VARIABLE_NAMES, allowed: readonly T[]): T => {
    const value = required(key);
    return (
      allowed.find((each) => each === value) ?? throwSettingError(key, `must be ${allowed.join(' or ')}`)
    );
  };
  const inFolder = (path: string): string => (isAbsolute(path) ? path : join(folder, path));

  const port = (): number => {
    const value = Number(required('port'));
    return Number.isInteger(value) && value > 0 && value < 65_536
      ? value
      : throwSettingError('port', 'is not a port');
  };
  const whole = (key: 'workloadDays' | 'checksADay', least: number, what: string): number => {
    const value = Number(required(key));
    return Number.isInteger(value) && value >= least
      ? value
      : throwSettingError(key, `is not a number of ${what}`);
  };
  const login = (): LoginMethod =>
    readChoice('auth', ['secret', 'iam']) === 'secret'
      ? { auth: 'secret', secretArn: required('secretArn') }
      : { auth: 'iam', user: required('user') };
  const rootsFile = optional('rootsFile');
  const amazonRootsFile = optional('amazonRootsFile');
  const fleetFile = optional('fleetFile');
  const ownLogin =
    optional('login') === null
      ? undefined
      : {
          user: required('user'),
          keepDeployed: readChoice('login', ['own', 'own-unless-deployed']) === 'own-unless-deployed',
        };

  return {
    namespace: required('namespace'),
    ownerRole: optional('ownerRole'),
    connection:
      readChoice('transport', ['pg', 'data-api']) === 'pg'
        ? {
            transport: 'pg',
            host: required('host'),
            port: port(),
            database: required('database'),
            login: login(),
            rootsFile: rootsFile && inFolder(rootsFile),
            ...(amazonRootsFile
              ? {
                  amazonRootsFile: inFolder(amazonRootsFile),
                  runtimeRootsFile: env.NODE_EXTRA_CA_CERTS,
                }
              : {}),
          }
        : {
            transport: 'data-api',
            clusterArn: required('clusterArn'),
            secretArn: required('secretArn'),
            database: required('database'),
          },
    adminSecretArn: optional('adminSecretArn'),
    createDatabase: optional('createDatabase') === 'true',
    ...(ownLogin === undefined ? {} : { ownLogin }),
    ...(optional('queryOnly') === 'true' ? { queryOnly: true } : {}),
    metricsOf: optional('metricsOf') ?? undefined,
    ...(optional('workloadDays') === null ? {} : { workloadDays: whole('workloadDays', 0, 'days') }),
    manifestFile: inFolder(optional('manifestFile') ?? MANIFEST_FILE),
    ...(fleetFile === null ? {} : { fleetFile: inFolder(fleetFile) }),
    ...(optional('checksADay') === null ? {} : { checksADay: whole('checksADay', 1, 'checks') }),
  };
}

function throwSettingError(key: keyof typeof VARIABLE_NAMES, what: string): never {
  throw new TrueupError({
    code: 'manifest',
    message: `The environment variable ${VARIABLE_NAMES[key]} ${what}.`,
    remedy: 'Deploy the function again with the construct that sets it.',
  });
}
