import type { Duration } from 'aws-cdk-lib';
import type * as logs from 'aws-cdk-lib/aws-logs';
import type { SchemaMigrations } from '../migrations/schema-migrations';
import { type Notify, notifyTarget } from '../notify/notify';
import { type Checks, optional } from '../validation/check';
import { phrase, quotableRole, runbookUrl, selectors } from '../validation/patterns';
import { logGroup, schemas } from '../validation/resources';
import { duration, flag, list, objectOf, whole } from '../validation/values';
import type { ApplicationLogGroup } from './application-log-group';

export interface SchemaAlarmsProps {
  /**
   * The log group of the server's log, `/aws/rds/instance/<identifier>/postgresql` or
   * `/aws/rds/cluster/<identifier>/postgresql`. It has to exist: switch the log export on, or make the group first.
   */
  readonly databaseLogGroup: logs.ILogGroup;
  /** Schemas on this server: their functions look into the databases for a page, and their deployments are watched. */
  readonly schemas: readonly SchemaMigrations[];
  /**
   * Whom pages go to: addresses, a topic, chats, PagerDuty, webhooks. The text always goes to a topic, a new one unless
   * `Notify.topic` names yours; the alarms on Trueup's own functions go there too.
   * @default - nobody is told; `cdk synth` warns
   */
  readonly notify?: readonly Notify[];
  /**
   * Log groups of applications, which may have seen errors that the server's log does not have.
   * @default - none
   */
  readonly applicationLogGroups?: readonly ApplicationLogGroup[];
  /**
   * Roles whose own errors do not count. Never the role that an application logs in as.
   * @default - the roles that schemas log in as with IAM authentication, which nobody else uses
   */
  readonly exceptRoles?: readonly string[];
  /**
   * Phrases; a line that holds one does not count, e.g. the name of a table. Plain ASCII without double quotes.
   * @default - none
   */
  readonly ignore?: readonly string[];
  /**
   * Errors in one minute that raise the alarm.
   * @default 1
   */
  readonly threshold?: number;
  /**
   * How far back an alarm looks, in whole minutes up to a day. One minute with enough errors raises it, so that lines
   * which arrive late count, and it stays up until the errors have stopped for this long.
   * @default - 15 minutes
   */
  readonly evaluationWindow?: Duration;
  /**
   * While an alarm is up: how often to look for another table, column or statement.
   * @default - 5 minutes
   */
  readonly lookAgain?: Duration;
  /**
   * Where docs/defects of this package is to be read, e.g. `https://wiki.example.com/trueup/defects/`.
   * @default - pages have no runbook: a path inside a package is of no use to whoever reads a mail
   */
  readonly runbookUrl?: string;
  /**
   * One dashboard: errors, drift, deployments.
   * @default true
   */
  readonly dashboard?: boolean;
}

const DAY_MINUTES = 24 * 60;

const APPLICATION_LOG_GROUP: Checks<ApplicationLogGroup> = { logGroup, json: optional(selectors) };

export const SCHEMA_ALARMS: Checks<SchemaAlarmsProps> = {
  databaseLogGroup: logGroup,
  schemas,
  notify: optional(list(notifyTarget)),
  applicationLogGroups: optional(
    list(objectOf(APPLICATION_LOG_GROUP), { key: (each: ApplicationLogGroup) => each.logGroup.logGroupName }),
  ),
  exceptRoles: optional(list(quotableRole)),
  ignore: optional(list(phrase)),
  threshold: optional(whole(1, 1_000_000)),
  evaluationWindow: optional(duration('minutes', 1, DAY_MINUTES)),
  lookAgain: optional(duration('minutes', 1, 60)),
  runbookUrl: optional(runbookUrl),
  dashboard: optional(flag),
};
