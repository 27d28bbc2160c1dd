import type { Duration } from 'aws-cdk-lib';
import type * as logs from 'aws-cdk-lib/aws-logs';
import { type SchemaMigrations, schemasCheck } from '../migrations/schema-migrations';
import { type Notify, notifyTargetCheck } from '../notify/notify';
import { phraseCheck, quotableRoleCheck, runbookUrlCheck, selectorsCheck } from '../validation/patterns';
import { optional, type PropChecks } from '../validation/prop-checks';
import { logGroupCheck } from '../validation/resources';
import { booleanCheck, durationCheck, integerCheck, list, propsCheck } from '../validation/values';
import type { ApplicationLogGroup } from './application-log-group';

/** Options of `SchemaAlarms` besides the server's log and its schemas. */
export interface SchemaAlarmsOptions {
  /**
   * Receivers of pages: email addresses, a topic, chats, PagerDuty, webhooks. The text always goes to a topic, a new
   * one unless `Notify.topic` names yours. The alarms on Trueup's own functions go to that topic too.
   * @default - nobody is notified; `cdk synth` warns
   */
  readonly notify?: Notify[];
  /**
   * Log groups of applications, for errors that do not appear in the server's log.
   * @default - no application logs
   */
  readonly applicationLogGroups?: ApplicationLogGroup[];
  /**
   * Names of roles whose errors do not count. Never name the role that an application logs in as.
   * @default - the roles that the schemas log in as with IAM authentication, which only Trueup uses
   */
  readonly excludedRoles?: string[];
  /**
   * Phrases that exclude a log line, e.g. the name of a table: a line that contains one does not count. They are plain
   * ASCII without double quotes or backslashes.
   * @default - no line is excluded
   */
  readonly ignore?: string[];
  /**
   * Number of errors in one minute that raises the alarm.
   * @default 1
   */
  readonly threshold?: number;
  /**
   * Period over which an alarm is evaluated, in whole minutes up to a day. One minute with enough errors raises the
   * alarm, so that lines which arrive late still count. The alarm stays raised until there have been no errors for this
   * long.
   * @default Duration.minutes(15)
   */
  readonly evaluationWindow?: Duration;
  /**
   * Interval at which the pager looks for further affected tables, columns or statements while an alarm is raised, in
   * whole minutes up to an hour.
   * @default Duration.minutes(5)
   */
  readonly rescanInterval?: Duration;
  /**
   * URL where you publish `docs/defects` of this package, e.g. `https://wiki.example.com/trueup/defects/`.
   * @default - pages have no link to a runbook, because a path inside a package does not help the reader of an email
   */
  readonly runbookUrl?: string;
  /**
   * Whether to create a dashboard of errors, drift and deployments.
   * @default true
   */
  readonly dashboard?: boolean;
}

/** Props of `SchemaAlarms`. */
export interface SchemaAlarmsProps extends SchemaAlarmsOptions {
  /**
   * Log group of the server's log, `/aws/rds/instance/<identifier>/postgresql` or
   * `/aws/rds/cluster/<identifier>/postgresql`. It must exist before the alarms are deployed: enable the log export, or
   * create the group first.
   */
  readonly databaseLogGroup: logs.ILogGroup;
  /**
   * Schemas on this server. The pager diagnoses errors through their functions, and their deployments are watched too.
   */
  readonly schemas: SchemaMigrations[];
}

const DAY_MINUTES = 24 * 60;

const APPLICATION_LOG_GROUP_CHECKS: PropChecks<ApplicationLogGroup> = {
  logGroup: logGroupCheck,
  json: optional(selectorsCheck),
};

export const SCHEMA_ALARMS_CHECKS: PropChecks<SchemaAlarmsProps> = {
  databaseLogGroup: logGroupCheck,
  schemas: schemasCheck,
  notify: optional(list(notifyTargetCheck)),
  applicationLogGroups: optional(
    list(propsCheck(APPLICATION_LOG_GROUP_CHECKS), {
      key: (each: ApplicationLogGroup) => each.logGroup.logGroupName,
    }),
  ),
  excludedRoles: optional(list(quotableRoleCheck)),
  ignore: optional(list(phraseCheck)),
  threshold: optional(integerCheck(1, 1_000_000)),
  evaluationWindow: optional(durationCheck('minutes', 1, DAY_MINUTES)),
  rescanInterval: optional(durationCheck('minutes', 1, 60)),
  runbookUrl: optional(runbookUrlCheck),
  dashboard: optional(booleanCheck),
};
