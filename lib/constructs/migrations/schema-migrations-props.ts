import type * as logs from 'aws-cdk-lib/aws-logs';
import { type SchemaDatabase, schemaDatabaseCheck } from '../database/schema-database';
import { namespaceCheck, roleNameCheck } from '../validation/name-checks';
import { optional, type PropCheck, type PropChecks } from '../validation/prop-checks';
import { logGroupCheck } from '../validation/resources';
import {
  booleanCheck,
  durationCheck,
  filePathCheck,
  filePathsCheck,
  folder,
  integerCheck,
  plainObjectCheck,
  propsCheck,
  text,
} from '../validation/values';
import type { TimingProps } from './timing';

/** Options for the audit that each drift check runs. See `docs/audit-schedule.md`. */
export interface ScheduledAuditProps {
  /**
   * Suppressions file, absolute or relative to the working directory. It is read at synth. Each line has the
   * form `id object  # reason`, as `trueup audit --suppressions` takes it. Suppressed findings are not paged.
   * @default - no finding is suppressed
   */
  readonly suppressions?: string;
  /**
   * Whether drift checks audit the database. An audit covers the whole database, so where several schemas share one,
   * set this to `false` for all but one of them.
   * @default true
   */
  readonly scheduled?: boolean;
}

/** Props of `SchemaMigrations`. */
export interface SchemaMigrationsProps extends TimingProps {
  /**
   * Database to migrate, and how the functions reach it.
   *
   * @example
   * SchemaDatabase.instance(instance, { databaseName: 'courses', createDatabase: true });
   */
  readonly database: SchemaDatabase;
  /** Folder of migration files, absolute or relative to the working directory. It is compiled at synth. */
  readonly folder: string;
  /**
   * Files with the statements that the application of this deployment sends, absolute or relative to the working
   * directory. They are read at synth, and hold at most 10,000 statements and 4 MiB. A migration that would break a
   * statement of the application that is running is refused, and the statements in these files must plan before the
   * deployment succeeds.
   *
   * @example
   * new SchemaMigrations(stack, 'Schema', {
   *   database: SchemaDatabase.instance(database),
   *   folder: 'migrations/shop',
   *   workload: 'workload/shop.sql',
   * });
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
   * Number of days, from 1 to 90, for which statements that the database was seen to run stay guarded. With a workload,
   * such statements are guarded if they ran since the last deployment. A job that runs rarely may not have run since
   * then; this prop also guards what ran within this many days, whatever was deployed in between. The statements of an
   * old application then block migrations for just as long.
   * @default - only statements that ran since the last deployment
   */
  readonly workloadDays?: number;
  /**
   * Options of the audit that drift checks run, which looks for problems other than failed verify sections. Each finding is paged
   * once.
   *
   * @example
   * new SchemaMigrations(stack, 'Schema', {
   *   database: SchemaDatabase.instance(database),
   *   folder: 'migrations/shop',
   *   audit: { suppressions: 'audit-suppressions' },
   * });
   * @default - every drift check audits, and no finding is suppressed
   */
  readonly audit?: ScheduledAuditProps;
  /**
   * Name of the ledger in the database: its namespace in schema `trueup`, and `--namespace` on the command line. Only one
   * construct can own it. Keep it when you rename the folder: under another name the ledger is empty, and a deployment that would run applied migrations a second time is refused.
   * @default - the folder's name
   */
  readonly ledgerName?: string;
  /**
   * Role that owns the application's tables. Migrations run as this role, and the login role must be a member of it.
   * @default - the login role; with a login that Trueup creates (`login: 'own'`), `<database>_owner`
   */
  readonly owner?: string;
  /**
   * Whether to take over the ledger from another stack that owns it.
   * @default false
   */
  readonly adopt?: boolean;
  /**
   * Newest versioned migration that the database already holds, for a database that is older than its migrations. This
   * one and the migrations before it are recorded as applied without running them, if their verify sections pass. Their
   * files count as history (`-- migrate:history`), so the rules of consent apply only to later files.
   * @default - no migration is recorded without running it
   */
  readonly baseline?: string;
  /**
   * Whether a rollback undoes this deployment even if this resource succeeded before a later one failed. By default the
   * rollback keeps what was applied, because the new application may already be running. `true` undoes it where that
   * does no harm.
   * @default false
   */
  readonly rollbackAfterSuccess?: boolean;
  /**
   * Text that forces a run when it changes, even if nothing else has changed, e.g. after a restore. One line of up to
   * 256 bytes; an empty text forces no run.
   * @default - no run is forced
   */
  readonly forceRunToken?: string;
  /**
   * Log group of all functions of this construct.
   * @default - a new log group, kept for a month; it is retained when the stack is rolled back or deleted, because it
   * shows why that happened
   */
  readonly logGroup?: logs.ILogGroup;
  /**
   * Reserved concurrency of the function that answers the pager, `trueup status --stack` and the drift check. Lambda
   * takes it from the account's concurrency and must leave at least 100 unreserved, so an account with a limit of 10,
   * as new accounts have, cannot set it.
   * @default - no reservation; each database takes ten sessions at most, and more requests are refused
   */
  readonly queryConcurrency?: number;
  /**
   * Whether to add stack outputs: the position, what was applied, undone and kept, warnings, the command that follows
   * the log, and the functions that `trueup --stack` invokes.
   * @default true
   */
  readonly outputs?: boolean;
}

const HOUR_S = 3_600;

const SCHEDULED_AUDIT_CHECKS: PropChecks<ScheduledAuditProps> = {
  suppressions: optional(filePathCheck),
  scheduled: optional(booleanCheck),
};
const auditObjectCheck = plainObjectCheck('must be an object with suppressions, scheduled');
export const scheduledAuditCheck: PropCheck = (value, name) =>
  auditObjectCheck(value, name) ?? propsCheck(SCHEDULED_AUDIT_CHECKS)(value, name);

export const SCHEMA_MIGRATIONS_CHECKS: PropChecks<SchemaMigrationsProps> = {
  database: schemaDatabaseCheck,
  folder,
  workload: optional(filePathsCheck),
  removeWorkload: optional(booleanCheck),
  workloadDays: optional(integerCheck(1, 90)),
  audit: optional(scheduledAuditCheck),
  ledgerName: optional(namespaceCheck),
  owner: optional(roleNameCheck),
  adopt: optional(booleanCheck),
  baseline: optional(text({ must: 'must be the name of a versioned migration of the folder' })),
  rollbackAfterSuccess: optional(booleanCheck),
  // An unset environment variable gives an empty text, which forces nothing.
  forceRunToken: optional((value, name) => (value === '' ? undefined : forceRunTokenCheck(value, name))),
  logGroup: optional(logGroupCheck),
  queryConcurrency: optional(integerCheck(1, 1_000)),
  outputs: optional(booleanCheck),
  // `computeTiming()` checks how the durations fit together.
  totalTimeout: optional(durationCheck('seconds', 30, HOUR_S)),
  slice: optional(durationCheck('seconds', 2, HOUR_S)),
  queryInterval: optional(durationCheck('seconds', 1, 300)),
  connectTimeout: optional(durationCheck('seconds', 1, HOUR_S)),
};

const forceRunTokenCheck = text({ must: 'must be a text of one line, up to 256 bytes', maxBytes: 256 });
