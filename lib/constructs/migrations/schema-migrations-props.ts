import type * as logs from 'aws-cdk-lib/aws-logs';
import type { SchemaDatabase } from '../database/schema-database';
import { type Check, type Checks, optional } from '../validation/check';
import { namespace, roleName } from '../validation/names';
import { logGroup, schemaDatabase } from '../validation/resources';
import {
  duration,
  flag,
  folder,
  objectOf,
  oneFile,
  paths,
  plainObject,
  text,
  whole,
} from '../validation/values';
import type { TimingProps } from './timing';

/** What the drift check's audit does: `docs/audit-schedule.md`. */
export interface ScheduledAuditProps {
  /**
   * A file of findings that are accepted, a line each: `id object  # reason`, as `trueup audit --accept` takes it; absolute or
   * relative to the working directory. Read at synth. Nobody is paged for them.
   * @default - none
   */
  readonly accept?: string;
  /**
   * `false`: the drift check does not audit. For all but one of the schemas of a database, since an audit looks at all of it.
   * @default true
   */
  readonly scheduled?: boolean;
}

export interface SchemaMigrationsProps extends TimingProps {
  /**
   * The database, and how the functions reach it.
   *
   * @example
   * SchemaDatabase.instance(instance, { databaseName: 'courses', createDatabase: true });
   */
  readonly database: SchemaDatabase;
  /** Folder of migration files, absolute or relative to the working directory. Compiled at synth. */
  readonly folder: string;
  /**
   * Workload files: the statements that the application of this deployment sends, absolute or relative to the working
   * directory. Read at synth. A migration that would break what the running application sends is refused, and what this one
   * sends has to plan before the deployment succeeds. At most 10,000 statements, 4 MiB.
   *
   * @example
   * new SchemaMigrations(stack, 'Schema', {
   *   database: SchemaDatabase.instance(database),
   *   folder: 'migrations/shop',
   *   workload: 'workload/shop.sql',
   * });
   * @default - none; nothing is planned, unless the deployment before this one had a workload
   */
  readonly workload?: string | readonly string[];
  /**
   * Days. With a workload, statements that the database itself was seen to run are guarded too: those that ran since the last
   * deployment. A job that runs seldom may not have: what ran within so many days is guarded as well, whatever was deployed
   * since. Then an old application's statements stand in the way for as long.
   * @default - what ran since the last deployment, and no more
   */
  readonly workloadDays?: number;
  /**
   * What is wrong with the database beside its migrations is looked for by every drift check, and paged once.
   *
   * @example
   * new SchemaMigrations(stack, 'Schema', {
   *   database: SchemaDatabase.instance(database),
   *   folder: 'migrations/shop',
   *   audit: { accept: 'audit-accept' },
   * });
   * @default - every drift check audits, and nothing is accepted
   */
  readonly audit?: ScheduledAuditProps;
  /**
   * Which of the database's ledgers. One construct owns it. It stays the same when the folder is renamed: another one has
   * an empty ledger, and a deployment that would run applied migrations a second time is refused.
   * @default - the folder's name
   */
  readonly namespace?: string;
  /**
   * The role that owns the application's tables. Migrations run as this role; the login role must be a member of it.
   * @default - the login role
   */
  readonly owner?: string;
  /**
   * Take the namespace over from another stack that owns it.
   * @default false
   */
  readonly adopt?: boolean;
  /**
   * For a database that was there before its migrations were: mark everything up to this name as applied, without running
   * it, if it verifies. These files are history (`-- migrate:history`): the rules of consent are for those after them.
   * @default - none
   */
  readonly baseline?: string;
  /**
   * When a later resource of the stack fails after this one had succeeded, the new application may already be running, so
   * a rollback keeps what the deployment applied. `true` undoes it all the same, where that is harmless.
   * @default false
   */
  readonly undoAfterSuccess?: boolean;
  /**
   * Another text forces a run although nothing else has changed, e.g. after a restore.
   * @default - none
   */
  readonly runId?: string;
  /**
   * For all functions of this construct.
   * @default - a log group of its own, kept for a month, which stays when the stack is rolled back or deleted, since it
   * says why
   */
  readonly logGroup?: logs.ILogGroup;
  /**
   * How many questions may be answered at the same time, of the pager, of `trueup status --stack` and of the drift check.
   * Lambda sets as many aside of what the account may run at once, and refuses to go below 100 for the rest: an account
   * that may run 10, as new ones do, cannot have it.
   * @default - as many as the account allows; ten sessions on a database, more are refused
   */
  readonly askConcurrency?: number;
  /**
   * Add stack outputs: position, what was applied, undone and kept, warnings, the command that follows the log, and the
   * functions that `trueup --stack` invokes.
   * @default true
   */
  readonly outputs?: boolean;
}

const HOUR_S = 3_600;

const SCHEDULED_AUDIT: Checks<ScheduledAuditProps> = { accept: optional(oneFile), scheduled: optional(flag) };
const auditProps = plainObject('must be an object with accept, scheduled');
export const scheduledAudit: Check = (value, name) =>
  auditProps(value, name) ?? objectOf(SCHEDULED_AUDIT)(value, name);

export const SCHEMA_MIGRATIONS: Checks<SchemaMigrationsProps> = {
  database: schemaDatabase,
  folder,
  workload: optional(paths),
  workloadDays: optional(whole(1, 90)),
  audit: optional(scheduledAudit),
  namespace: optional(namespace),
  owner: optional(roleName),
  adopt: optional(flag),
  baseline: optional(text({ must: 'must be the name of a versioned migration of the folder' })),
  undoAfterSuccess: optional(flag),
  // An empty text is what an unset variable gives, and forces nothing.
  runId: optional((value, name) => (value === '' ? undefined : RUN_ID(value, name))),
  logGroup: optional(logGroup),
  askConcurrency: optional(whole(1, 1_000)),
  outputs: optional(flag),
  // How they fit together is timing's.
  totalTimeout: optional(duration('seconds', 30, HOUR_S)),
  slice: optional(duration('seconds', 2, HOUR_S)),
  queryInterval: optional(duration('seconds', 1, 300)),
  databaseWait: optional(duration('seconds', 1, HOUR_S)),
};

const RUN_ID = text({ must: 'must be a text of one line, up to 256 bytes', maxBytes: 256 });
