/**
 * What `migrate` is told by its environment. The construct writes it with {@link migrateEnvironment}, the handler reads
 * it once with {@link migrateSettings}: nothing below the handler reads the environment.
 */
import { isAbsolute, join } from 'node:path';
import { TrueupError } from '../contract/errors';

/** The compiled migrations, beside the bundled handler. */
export const MANIFEST_FILE = 'manifest.json';
/** Roots of a database that is not signed by Amazon's, beside the bundled handler. */
export const ROOTS_FILE = 'roots.pem';
/** Amazon's roots for RDS by region, beside the bundled handler. */
export const AMAZON_ROOTS_FILE = 'amazon-roots.json';
/**
 * Amazon's roots in the managed Node.js runtime, for NODE_EXTRA_CA_CERTS: Node 20 and later do not load them unasked
 * (https://docs.aws.amazon.com/lambda/latest/dg/lambda-nodejs.html).
 */
export const RUNTIME_ROOTS = '/var/runtime/ca-cert.pem';

const NAMES = {
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
  /** `true` or absent */
  createDatabase: 'TRUEUP_CREATE_DATABASE',
  /** `true` or absent */
  asksOnly: 'TRUEUP_ASKS_ONLY',
  metricsOf: 'TRUEUP_METRICS_OF',
  workloadDays: 'TRUEUP_WORKLOAD_DAYS',
  rootsFile: 'TRUEUP_ROOTS_FILE',
  amazonRootsFile: 'TRUEUP_AMAZON_ROOTS_FILE',
  manifestFile: 'TRUEUP_MANIFEST_FILE',
  fleetFile: 'TRUEUP_FLEET_FILE',
  checksADay: 'TRUEUP_CHECKS_A_DAY',
} as const;

/** As environment variables: strings only, since CloudFormation fills some of them in at deployment. */
export type MigrateVariables = { readonly [K in keyof typeof NAMES]?: string };

/** Environment variables for `values`; what is undefined is left out. */
export function migrateEnvironment(values: MigrateVariables): Record<string, string> {
  return Object.fromEntries(
    Object.entries(values)
      .filter((entry): entry is [keyof typeof NAMES, string] => entry[1] !== undefined)
      .map(([key, value]) => [NAMES[key], value]),
  );
}

/** How the runner logs in, over TLS. */
export type Login =
  /** User name and password from a secret with the keys `username` and `password`, as RDS writes it. */
  | { readonly auth: 'secret'; readonly secretArn: string }
  /** A token of fifteen minutes in place of a password; the role must have been granted `rds_iam`. */
  | { readonly auth: 'iam'; readonly user: string };

export type Connection =
  | {
      readonly transport: 'pg';
      readonly host: string;
      readonly port: number;
      readonly database: string;
      readonly login: Login;
      /** PEM file with the only roots to trust. Null: what Node trusts, with NODE_EXTRA_CA_CERTS. */
      readonly rootsFile: string | null;
      /** Amazon's roots by region, for an endpoint of RDS; the runtime's are trusted as well. @default - the runtime's */
      readonly amazonRootsFile?: string;
      /** @default - none */
      readonly runtimeRootsFile?: string;
    }
  | {
      readonly transport: 'data-api';
      readonly clusterArn: string;
      readonly secretArn: string;
      readonly database: string;
    };

export interface MigrateSettings {
  readonly namespace: string;
  /** The role that owns the application's tables; null for the login role. */
  readonly ownerRole: string | null;
  readonly connection: Connection;
  /**
   * Secret of a role that may CREATE ROLE and CREATE DATABASE. It is read only when the database does not exist
   * (SQLSTATE 3D000) and `createDatabase` is set, or when the login with IAM authentication is refused because its role
   * does not exist yet: then that role is made, with LOGIN, `rds_iam`, CREATE on the database, and membership in
   * `ownerRole` (or CREATE on schema public without one). Null: nothing is made.
   */
  readonly adminSecretArn: string | null;
  /** Make the database at the first run, owned by `ownerRole` where that is set. */
  readonly createDatabase: boolean;
  /**
   * Answers questions, and refuses what changes the database: every session is read only, and nothing is made.
   * @default false
   */
  readonly asksOnly?: boolean;
  /** See {@link EngineContext.workloadDays}. @default 0 */
  readonly workloadDays?: number;
  /** The function under whose name metrics are, whichever of the two runs the check. @default - this one */
  readonly metricsOf?: string;
  readonly manifestFile: string;
  /** What this server's function knows of its fleet (`FleetFile`). @default - it is part of none */
  readonly fleetFile?: string;
  /** How often a fleet's scheduled check runs: each looks at its part, and all at everybody. @default 24 */
  readonly checksADay?: number;
}

/**
 * @param folder where the bundled handler lies (`__dirname`): relative files are looked for there
 * @throws {TrueupError} naming the variable that is missing or wrong
 */
export function migrateSettings(env: NodeJS.ProcessEnv, folder: string): MigrateSettings {
  const optional = (key: keyof typeof NAMES): string | null => env[NAMES[key]] || null;
  const required = (key: keyof typeof NAMES): string => optional(key) ?? refuse(key, 'is not set');
  const oneOf = <T extends string>(key: keyof typeof NAMES, allowed: readonly T[]): T => {
    const value = required(key);
    return allowed.find((each) => each === value) ?? refuse(key, `must be ${allowed.join(' or ')}`);
  };
  const inFolder = (path: string): string => (isAbsolute(path) ? path : join(folder, path));

  const port = (): number => {
    const value = Number(required('port'));
    return Number.isInteger(value) && value > 0 && value < 65_536 ? value : refuse('port', 'is not a port');
  };
  const whole = (key: 'workloadDays' | 'checksADay', least: number, what: string): number => {
    const value = Number(required(key));
    return Number.isInteger(value) && value >= least ? value : refuse(key, `is not a number of ${what}`);
  };
  const login = (): Login =>
    oneOf('auth', ['secret', 'iam']) === 'secret'
      ? { auth: 'secret', secretArn: required('secretArn') }
      : { auth: 'iam', user: required('user') };
  const rootsFile = optional('rootsFile');
  const amazonRootsFile = optional('amazonRootsFile');
  const fleetFile = optional('fleetFile');

  return {
    namespace: required('namespace'),
    ownerRole: optional('ownerRole'),
    connection:
      oneOf('transport', ['pg', 'data-api']) === 'pg'
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
    ...(optional('asksOnly') === 'true' ? { asksOnly: true } : {}),
    metricsOf: optional('metricsOf') ?? undefined,
    ...(optional('workloadDays') === null ? {} : { workloadDays: whole('workloadDays', 0, 'days') }),
    manifestFile: inFolder(optional('manifestFile') ?? MANIFEST_FILE),
    ...(fleetFile === null ? {} : { fleetFile: inFolder(fleetFile) }),
    ...(optional('checksADay') === null ? {} : { checksADay: whole('checksADay', 1, 'checks') }),
  };
}

function refuse(key: keyof typeof NAMES, what: string): never {
  throw new TrueupError({
    code: 'manifest',
    message: `The environment variable ${NAMES[key]} ${what}.`,
    remedy: 'Deploy the function again with the construct that sets it.',
  });
}
