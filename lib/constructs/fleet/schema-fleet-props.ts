import type { Duration } from 'aws-cdk-lib';
import type * as kms from 'aws-cdk-lib/aws-kms';
import type * as logs from 'aws-cdk-lib/aws-logs';
import type { SchemaAlarms } from '../alarms/schema-alarms';
import type { SchemaDatabase } from '../database/schema-database';
import type { TimingProps } from '../migrations/timing';
import type { FleetTargets } from './targets';

export interface TenantSecretsProps {
  /**
   * How the names of the secrets begin, with a slash at the end: `acme/tenants/`. The functions of the servers may read every
   * secret of this account and region whose name begins so, and no other.
   */
  readonly prefix: string;
  /**
   * The key that they are encrypted with.
   * @default - `aws/secretsmanager`
   */
  readonly encryptionKey?: kms.IKey;
}

export interface SchemaFleetProps extends TimingProps {
  /**
   * The servers that have tenants, by a name of yours: up to 30, in one VPC. A target names one of these, and can reach nothing
   * else. The login is one for all tenants of a server; the database that is named here is the one that a list without
   * databases means.
   */
  readonly servers: Readonly<Record<string, SchemaDatabase>>;
  /** Where the tenants are listed; from several lists at once, where there are several. */
  readonly targets: readonly FleetTargets[];
  /** Folder of migration files, absolute or relative to the working directory. Compiled at synth. */
  readonly folder: string;
  /**
   * Workload files: the statements that the application sends, to every tenant alike. Absolute or relative to the working
   * directory, read at synth. In each tenant, a migration that would break what the running application sends is refused, and
   * what this one sends has to plan. For a tenant in a schema of its own, names without a schema mean that schema.
   *
   * @default - none; nothing is planned, unless the deployment before this one had a workload
   */
  readonly workload?: string | readonly string[];
  /**
   * Which of a tenant's ledgers.
   * @default - the folder's name
   */
  readonly namespace?: string;
  /**
   * The role that owns the application's tables, in every tenant. Migrations run as this role; the login role must be a
   * member of it.
   * @default - the login role
   */
  readonly owner?: string;
  /**
   * For a schema a tenant: schemas that all share, searched after the tenant's own.
   * @default - none
   */
  readonly sharedSchemas?: readonly string[];
  /**
   * Patterns of names of databases: a target, wherever it is listed, can be in no other one. `*` stands for any characters, `?`
   * for one.
   * @default - any database but the server's own (postgres, rdsadmin, templates), which are refused always
   */
  readonly databases?: readonly string[];
  /**
   * Lets a target name a secret with the user name and password of its own login. The host is the server's always.
   *
   * @example
   * new SchemaFleet(stack, 'Tenants', {
   *   servers: { main: SchemaDatabase.instance(instance) },
   *   targets: [FleetTargets.list({ bucket: 'acme-tenants', key: 'targets.jsonl' })],
   *   folder: 'migrations/courses',
   *   tenantSecrets: { prefix: 'acme/tenants/' },
   * });
   * @default - none can: the login is that of the server
   */
  readonly tenantSecrets?: TenantSecretsProps;
  /**
   * How many tenants are migrated at once on each server. Each has a connection; a run is refused where they would take more
   * than a tenth of those that the server has free.
   * @default 8
   */
  readonly maxConcurrency?: number;
  /**
   * Names of targets that are migrated first, up to 100.
   * @default - one of them, the same in each deployment
   */
  readonly canary?: readonly string[];
  /**
   * Percent of all tenants, for each wave between the canaries and the rest; up to 20 waves.
   * @default - one wave of 5 %
   */
  readonly waves?: readonly number[];
  /**
   * How many tenants may fail, in all waves together, before the next wave is not begun and the deployment fails. With more
   * than 0, what depends on this construct is updated while so many tenants are behind: your application must be able to
   * live with that.
   * @default 0
   */
  readonly tolerated?: number;
  /**
   * How long one tenant may take, over all of its slices.
   * @default - 10 minutes
   */
  readonly perTargetTimeout?: Duration;
  /**
   * `canary`: the deployment succeeds when the canaries are at version and the other waves have begun; they go on by
   * themselves.
   * @default 'all'
   */
  readonly waitFor?: 'all' | 'canary';
  /**
   * Who is told when a deployment of the fleet fails, or a run that goes on after its deployment does (`waitFor: 'canary'`).
   * @default - nobody; `cdk synth` warns where `waitFor` is `canary`
   */
  readonly alarms?: SchemaAlarms;
  /**
   * How many tenants there are or will be, for the arithmetic that synth does: whether they fit in the hour that
   * CloudFormation waits.
   * @default - synth says how many fit
   */
  readonly expectedTargets?: number;
  /**
   * How long the migration of one tenant takes, for the same arithmetic.
   * @default - 30 seconds
   */
  readonly expectedTime?: Duration;
  /**
   * Take tenants over from another stack that owns them.
   * @default false
   */
  readonly adopt?: boolean;
  /**
   * Undo also when a later resource of the stack failed after this one had succeeded: as `undoAfterSuccess` of
   * `SchemaMigrations`.
   * @default false
   */
  readonly undoAfterSuccess?: boolean;
  /**
   * Another text forces a run although nothing else has changed.
   * @default - none
   */
  readonly runId?: string;
  /**
   * For all functions of this construct.
   * @default - a log group of its own, kept for a month, which stays when the stack is rolled back or deleted
   */
  readonly logGroup?: logs.ILogGroup;
  /**
   * Add stack outputs: how many tenants are in which state, those that failed, what was undone and kept, and the function
   * that `trueup --stack` invokes.
   * @default true
   */
  readonly outputs?: boolean;
}
