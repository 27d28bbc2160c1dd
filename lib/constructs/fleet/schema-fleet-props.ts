import type { Duration } from 'aws-cdk-lib';
import type * as kms from 'aws-cdk-lib/aws-kms';
import type * as logs from 'aws-cdk-lib/aws-logs';
import type { SchemaAlarms } from '../alarms/schema-alarms';
import type { SchemaDatabase } from '../database/schema-database';
import type { TimingProps } from '../migrations/timing';
import type { FleetTenants } from './tenants';

/** Secrets that the tenants of a fleet may name. */
export interface TenantSecretsProps {
  /**
   * Prefix of the secrets' names, ending with a slash, e.g. `acme/tenants/`. The server's function may read every secret of
   * this account and region whose name has the prefix, and no others. With several servers, give a prefix for each
   * server name, so that no function reads the secrets of another server's tenants. Tenants on a server without a
   * prefix cannot name secrets.
   *
   * @example
   * new SchemaFleet(stack, 'Tenants', {
   *   servers: { main: SchemaDatabase.instance(instance) },
   *   tenants: [FleetTenants.list({ bucket: 'acme-tenants', key: 'tenants.jsonl' })],
   *   folder: 'migrations/courses',
   *   tenantSecrets: { prefix: { main: 'acme/main/' } },
   * });
   */
  readonly prefix: string | Readonly<Record<string, string>>;
  /**
   * KMS key that encrypts the secrets.
   * @default - the key `aws/secretsmanager` of AWS
   */
  readonly encryptionKey?: kms.IKey;
}

/** Props of `SchemaFleet`. */
export interface SchemaFleetProps extends TimingProps {
  /**
   * Servers that hold the tenants, each under a name that you choose: up to 30, all in one VPC. A tenant names one of
   * these and can reach no other host. All tenants of a server share its login. Each server's `databaseName` is the
   * database of listed tenants that name none.
   */
  readonly servers: Readonly<Record<string, SchemaDatabase>>;
  /** Sources of the list of tenants. Several sources are combined. */
  readonly tenants: FleetTenants[];
  /** Folder of migration files, absolute or relative to the working directory. It is compiled at synth. */
  readonly folder: string;
  /**
   * Files with the statements that the application sends to every tenant, absolute or relative to the working
   * directory. They are read at synth. In each tenant, a migration that would break a statement of the running
   * application is refused, and the statements in these files must plan. For a tenant with its own schema, names
   * without a schema mean that schema.
   *
   * @default - the workload of the last deployment stays guarded; if there is none, no statements are planned
   */
  readonly workload?: string | string[];
  /**
   * Whether to drop the workload of earlier deployments, so that no statement is guarded any more. If `false`, a
   * deployment without `workload` keeps guarding the workload of the last one, and warns. It cannot be combined with
   * `workload`.
   * @default false
   */
  readonly removeWorkload?: boolean;
  /**
   * Name of the ledger in each tenant's database: its namespace in schema `trueup`, and `--namespace` on the command
   * line. The ledger of a tenant with its own schema is called `<ledgerName>/<schema>`.
   * @default - the folder's name
   */
  readonly ledgerName?: string;
  /**
   * Role that owns the application's tables in every tenant. Migrations run as this role, and the login role must be a
   * member of it.
   * @default - the login role
   */
  readonly owner?: string;
  /**
   * Names of schemas that all tenants share, for a fleet with one schema per tenant. They follow the tenant's own schema in the
   * search path.
   * @default - no shared schemas
   */
  readonly sharedSchemas?: string[];
  /**
   * Patterns of database names. A tenant can only be in a database that matches one, wherever the tenant is listed. `*`
   * matches any characters, `?` matches one.
   * @default - any database except the server's own (postgres, rdsadmin, templates), which are always refused
   */
  readonly databases?: string[];
  /**
   * Secrets that tenants may name: each holds the user name and password of the tenant's own login. The host is always
   * the server's.
   *
   * @example
   * new SchemaFleet(stack, 'Tenants', {
   *   servers: { main: SchemaDatabase.instance(instance) },
   *   tenants: [FleetTenants.list({ bucket: 'acme-tenants', key: 'tenants.jsonl' })],
   *   folder: 'migrations/courses',
   *   tenantSecrets: { prefix: 'acme/tenants/' },
   * });
   * @default - tenants cannot name secrets; all use the server's login
   */
  readonly tenantSecrets?: TenantSecretsProps;
  /**
   * Maximum number of tenants that are migrated at the same time on each server. Each uses a connection. A run is refused if
   * this is more than a tenth of the server's free connections.
   * @default 8
   */
  readonly maxConcurrency?: number;
  /**
   * Names of the tenants that are migrated first, up to 100.
   * @default - one tenant, chosen by name and the same in each deployment
   */
  readonly canary?: string[];
  /**
   * Sizes of the waves between the canaries and the rest, in percent of all tenants: whole numbers that add up to at
   * most 100. There can be up to 20 such waves.
   * @default [5]
   */
  readonly waves?: number[];
  /**
   * Maximum number of tenants that may fail, in all waves together. If more fail, the next wave does not start and the
   * deployment fails. With a value above 0, resources that depend on this construct are updated while up to this many
   * tenants are behind, so your application must work with the old schema too.
   * @default 0
   */
  readonly maxFailures?: number;
  /**
   * Maximum time for the migration of one tenant, over all of its slices, in whole seconds from 10 seconds to an hour. A
   * tenant that takes longer counts as failed; the next deployment continues where it stopped.
   * @default Duration.minutes(10)
   */
  readonly tenantTimeout?: Duration;
  /**
   * The waves that the deployment waits for. With `canary`, it succeeds once the canaries are migrated and the other
   * waves have started; those continue in the background.
   * @default 'all'
   */
  readonly waitFor?: 'all' | 'canary';
  /**
   * Alarms to add the fleet to. They are raised for a failed deployment of the fleet, and for a run that fails after its deployment has succeeded
   * (`waitFor: 'canary'`).
   * @default - no alarms; `cdk synth` warns if `waitFor` is `canary`
   */
  readonly alarms?: SchemaAlarms;
  /**
   * Number of tenants, now or in the future. `cdk synth` warns if they do not fit into `totalTimeout`, or need more than
   * a quota of AWS allows.
   * @default - not checked; synth prints how many tenants fit
   */
  readonly expectedTenants?: number;
  /**
   * Expected time for the migration of one tenant, for the check of `expectedTenants`.
   * @default Duration.seconds(30)
   */
  readonly expectedTime?: Duration;
  /**
   * Newest versioned migration that the tenants' databases already hold, for tenants that are older than their
   * migrations. The first deployment that reaches a tenant records this one and the older ones as applied without
   * running them, if their verify sections pass there. A tenant that holds none of them is new and gets every migration
   * in order. One that holds only some of them fails.
   *
   * @example
   * new SchemaFleet(stack, 'Tenants', {
   *   servers: { main: SchemaDatabase.instance(instance) },
   *   tenants: [FleetTenants.schemas({ database: 'shop', pattern: 'tenant_*' })],
   *   folder: 'migrations/courses',
   *   baseline: '0001_as_found',
   * });
   * @default - every migration that is not recorded is run
   */
  readonly baseline?: string;
  /**
   * Whether to take over tenants from another stack that owns them.
   * @default false
   */
  readonly adopt?: boolean;
  /**
   * Whether a rollback undoes this deployment even if this resource succeeded before a later one failed, like
   * `rollbackAfterSuccess` of `SchemaMigrations`.
   * @default false
   */
  readonly rollbackAfterSuccess?: boolean;
  /**
   * Text that forces a run when it changes, although nothing else has changed. One line of up to 256 bytes; an empty text
   * forces no run.
   * @default - no run is forced
   */
  readonly forceRunToken?: string;
  /**
   * Log group of all functions of this construct.
   * @default - a new log group, kept for a month; it is retained when the stack is rolled back or deleted
   */
  readonly logGroup?: logs.ILogGroup;
  /**
   * Whether to add stack outputs: the number of tenants in each state, which ones failed, what was undone and kept, and
   * the functions that `trueup --stack` invokes.
   * @default true
   */
  readonly outputs?: boolean;
}
