import { Annotations, CfnOutput, Duration, Names, RemovalPolicy, Stack, Token } from 'aws-cdk-lib';
import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import * as actions from 'aws-cdk-lib/aws-cloudwatch-actions';
import * as kms from 'aws-cdk-lib/aws-kms';
import type { IFunction, Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda';
import * as logs from 'aws-cdk-lib/aws-logs';
import * as sns from 'aws-cdk-lib/aws-sns';
import { Construct, type IConstruct } from 'constructs';
import { describeOutput } from '../../../lambda/contract/stack-outputs';
import { SIGNATURES } from '../../../lambda/defects/signatures';
import {
  buildAlarmName,
  buildFindingsAlarmName,
  buildMetricNamespace,
  buildWorkloadAlarmName,
} from '../../../lambda/page/alarm';
import type { ApplicationFormat } from '../../../lambda/page/logs/application-lines';
import { PageFunction } from '../functions/page-function';
import type { SchemaMigrations } from '../migrations/schema-migrations';
import { HttpsNotifier } from '../notify/https-notice';
import { collectNotifyTargets } from '../notify/notify-targets';
import { checkProps, prefixErrors, throwProblems } from '../validation/prop-checks';
import { objectCheck } from '../validation/values';
import { buildAlarmDescription, fitDescription, normalizeFolderUrl } from './alarm-description';
import { AlarmTopic } from './alarm-topic';
import { countInLog } from './log-metrics';
import { buildApplicationPatterns, buildDatabasePatterns } from './log-patterns';
import { SCHEMA_ALARMS_CHECKS, type SchemaAlarmsProps } from './schema-alarms-props';
import { SINGLE_DATAPOINT, watchDeployments, watchNotifier, watchPager } from './self-alarms';
import { watchDashboard } from './watch-dashboard';

/**
 * Raises alarms on the errors that applications get when the schema is not what they expect, and sends pages that name
 * the cause and the repair. Use one per server: it watches all of the server's databases.
 *
 * @example
 * new SchemaAlarms(stack, 'Alarms', {
 *   databaseLogGroup,
 *   schemas: [schema],
 *   notify: [Notify.email('on-call@example.com')],
 *   evaluationWindow: Duration.minutes(30),
 * });
 */
export class SchemaAlarms extends Construct {
  /** Topic that receives the text of pages, and the alarms on Trueup's own functions. */
  readonly topic: sns.ITopic;
  /** Pager: the function that turns an alarm into a page with cause and repair. */
  readonly pageFunction: LambdaFunction;
  /** Dashboard of errors, drift and deployments. Undefined with `dashboard: false`. */
  readonly dashboard?: cloudwatch.Dashboard;
  /** Log group of the server's log, as given in the props. */
  readonly databaseLogGroup: logs.ILogGroup;
  /** CloudWatch namespace of the error metrics. Each metric is named after its error signature, e.g. `on-conflict`. */
  readonly metricNamespace: string;
  /** Alarms on errors by error signature, e.g. `on-conflict`. */
  readonly errorAlarms: Readonly<Record<string, cloudwatch.Alarm>>;
  private readonly prefix: string;
  private readonly pager: PageFunction;

  constructor(scope: Construct, id: string, props: SchemaAlarmsProps) {
    super(scope, id);
    checkProps(this, props, SCHEMA_ALARMS_CHECKS);
    this.refuseCountingTwice(props);
    this.prefix = Names.uniqueResourceName(this, { maxLength: 180, allowedSpecialCharacters: '-' });
    this.metricNamespace = buildMetricNamespace(this.prefix);
    this.databaseLogGroup = props.databaseLogGroup;
    const targets = collectNotifyTargets(this, props.notify ?? []);
    const topic = new AlarmTopic(this, 'Pages', {
      topic: targets.topic?.topic,
      topicKey: targets.topic?.key,
      emails: targets.emails,
      pagesToldElsewhere: targets.chats.length + targets.https.length > 0,
    });
    this.topic = topic.topic;
    const [documents, documentKey] = targets.https.length > 0 ? createDocumentTopic(this, topic.key) : [];

    const { applicationLogGroups = [], ignore = [] } = props;
    const excludedRoles = props.excludedRoles ?? listMigratorRoles(props.schemas);
    const applications = applicationLogGroups.map(({ logGroup, json }) => ({
      logGroup,
      format: json === undefined ? ({ format: 'text' } as const) : ({ format: 'json', ...json } as const),
    }));
    prefixErrors(this, () => this.countErrors(applications, excludedRoles, ignore));

    const pager = new PageFunction(this, 'Pager', {
      topic,
      chatTopics: targets.chats,
      documents,
      documentKey,
      logGroups: [props.databaseLogGroup, ...applications.map(({ logGroup }) => logGroup)],
      queryFunctions: props.schemas.map((schema) => schema.queryFunction),
      settings: {
        prefix: this.prefix,
        topicArn: this.topic.topicArn,
        ...(targets.chats.length > 0 ? { chatTopicArns: targets.chats.map(({ topicArn }) => topicArn) } : {}),
        ...(documents ? { documentTopicArn: documents.topicArn } : {}),
        logGroups: [
          { name: props.databaseLogGroup.logGroupName, lines: { format: 'postgresql' } },
          ...applications.map(({ logGroup, format }) => ({ name: logGroup.logGroupName, lines: format })),
        ],
        functions: groupFunctionsByDatabase(props.schemas),
        ignore,
        excludedRoles,
        rescanIntervalMs: (props.rescanInterval ?? Duration.minutes(5)).toMilliseconds(),
        runbookUrl: normalizeFolderUrl(props.runbookUrl),
      },
    });
    this.pager = pager;
    this.pageFunction = pager.function;

    for (const [i, target] of (documents ? targets.https : []).entries()) {
      const id = `Notice${i + 1}-${target.form}`;
      const { logGroup: pagerLogGroup } = pager.function;
      watchNotifier(
        this,
        target,
        new HttpsNotifier(this, id, { target, documents: documents!, key: documentKey!, pagerLogGroup }),
      );
    }

    this.errorAlarms = this.alarmOnErrors(props);
    watchPager(this);
    for (const schema of props.schemas) watchDeployments(this, schema);
    if (props.dashboard ?? true) this.dashboard = watchDashboard(this, 'Dashboard', this, props.schemas);
    new CfnOutput(this, 'WatchedLogGroup', {
      value: this.databaseLogGroup.logGroupName,
      description: describeOutput('WatchedLogGroup'),
    });
    this.sayWhatMayBeMissing(props);
  }

  /**
   * Adds an alarm on Trueup's own functions. It notifies the topic directly, since the pager itself may be broken.
   * @internal
   */
  _addDirectAlarm(
    id: string,
    metric: cloudwatch.IMetric,
    props: Omit<cloudwatch.AlarmProps, 'metric'>,
  ): cloudwatch.Alarm {
    const alarm = new cloudwatch.Alarm(this, id, {
      ...props,
      metric,
      alarmDescription: fitDescription(props.alarmDescription ?? ''),
    });
    alarm.addAlarmAction(new actions.SnsAction(this.topic));
    return alarm;
  }

  /**
   * Adds an alarm of a drift check that the pager explains: which statements no longer plan, or which findings of an
   * audit are new.
   * @internal
   */
  _addPagedAlarm(
    about: 'Workload' | 'Findings',
    { node: { addr } }: IConstruct,
    props: Omit<cloudwatch.AlarmProps, 'alarmName'>,
  ): cloudwatch.Alarm {
    const buildName = about === 'Workload' ? buildWorkloadAlarmName : buildFindingsAlarmName;
    const alarm = new cloudwatch.Alarm(this, `${about} ${addr}`, {
      ...props,
      alarmName: buildName(this.prefix, addr),
      alarmDescription: fitDescription(props.alarmDescription ?? ''),
    });
    alarm.addAlarmAction(new actions.LambdaAction(this.pageFunction, { useUniquePermissionId: true }));
    return alarm;
  }

  /**
   * Lets the pager invoke this function as well when an alarm on its metrics is raised.
   * @param title what pages call the subject of the function's checks
   * @internal
   */
  _addQueryFunction(queryFunction: IFunction, title: string): void {
    prefixErrors(this, () => this.pager.addQueryFunction(queryFunction, title));
  }

  /**
   * Returns the metric that counts the errors of one signature per minute.
   * @param signature a key of `errorAlarms`
   *
   * @example
   * alarms.errorMetric('on-conflict').createAlarm(stack, 'ManyErrors', { threshold: 100, evaluationPeriods: 5 });
   */
  errorMetric(signature: string): cloudwatch.Metric {
    return new cloudwatch.Metric({
      namespace: this.metricNamespace,
      metricName: signature,
      statistic: 'Sum',
      period: Duration.minutes(1),
    });
  }

  /**
   * Refuses the server's log group among those of the applications: its errors would be counted twice, which raises
   * every alarm at half its threshold.
   */
  private refuseCountingTwice({ databaseLogGroup, applicationLogGroups = [] }: SchemaAlarmsProps): void {
    const { logGroupName } = databaseLogGroup;
    if (applicationLogGroups.every((each) => each.logGroup.logGroupName !== logGroupName)) return;
    throwProblems(
      this,
      `applicationLogGroups holds databaseLogGroup (${logGroupName}), whose errors are counted already`,
    );
  }

  private countErrors(
    applications: readonly { readonly logGroup: logs.ILogGroup; readonly format: ApplicationFormat }[],
    excludedRoles: readonly string[],
    ignore: readonly string[],
  ): void {
    for (const signature of SIGNATURES) {
      const filters = new Construct(this, `Count ${signature.id}`);
      const metric = { namespace: this.metricNamespace, name: signature.id };
      const patterns = buildDatabasePatterns(signature, { excludedRoles, ignore });
      countInLog(filters, 'Database', this.databaseLogGroup, patterns, metric);
      applications.forEach(({ logGroup, format }, i) => {
        countInLog(
          filters,
          `Application${i + 1}-`,
          logGroup,
          buildApplicationPatterns(signature, format, ignore),
          metric,
        );
      });
    }
  }

  private alarmOnErrors(props: SchemaAlarmsProps): Record<string, cloudwatch.Alarm> {
    const { evaluationWindow = Duration.minutes(15) } = props;
    return Object.fromEntries(
      SIGNATURES.map((signature) => {
        const alarm = new cloudwatch.Alarm(this, `Alarm ${signature.id}`, {
          alarmName: buildAlarmName(this.prefix, signature.id),
          alarmDescription: prefixErrors(this, () =>
            fitDescription(buildAlarmDescription(signature, props.runbookUrl)),
          ),
          metric: this.errorMetric(signature.id),
          ...SINGLE_DATAPOINT,
          threshold: props.threshold ?? 1,
          evaluationPeriods: evaluationWindow.toMinutes(),
        });
        alarm.addAlarmAction(new actions.LambdaAction(this.pageFunction, { useUniquePermissionId: true }));
        return [signature.id, alarm];
      }),
    );
  }

  private sayWhatMayBeMissing({ databaseLogGroup }: SchemaAlarmsProps): void {
    // A group of this app is made before the filters that refer to it; of one that is known by name only, nothing is known.
    const { logGroupName } = databaseLogGroup;
    if (Token.isUnresolved(logGroupName) || isMadeInApp(this, logGroupName)) return;
    Annotations.of(this).addInfo(
      `The log group ${logGroupName} has to exist when this is deployed. If CloudFormation says "The specified ` +
        'log group does not exist": switch the export of the PostgreSQL log on (cloudwatchLogsExports) and wait for its first ' +
        'line, or make a log group of this name.',
    );
  }
}

/** A `DatabaseStack` makes it, for example, and is deployed before the schemas that are watched. */
function isMadeInApp(scope: Construct, logGroupName: string): boolean {
  const { environment } = Stack.of(scope);
  return scope.node.root.node
    .findAll()
    .some(
      (each) =>
        each instanceof logs.CfnLogGroup &&
        each.logGroupName === logGroupName &&
        each.stack.environment === environment,
    );
}

/** Creates the topic to which the pager publishes each document once; each receiver over HTTPS has a queue on it. */
const createDocumentTopic = (scope: Construct, pagesKey: kms.IKey | undefined): [sns.Topic, kms.IKey] => {
  const masterKey =
    pagesKey ??
    new kms.Key(scope, 'DocumentKey', {
      description: "Trueup's pages on their way to receivers over HTTPS",
      enableKeyRotation: true,
      // The key encrypts only messages in transit.
      removalPolicy: RemovalPolicy.DESTROY,
    });
  return [new sns.Topic(scope, 'Documents', { enforceSSL: true, masterKey }), masterKey];
};

/**
 * Returns the roles that log in with IAM authentication. They were created for migrations, so excluding them excludes
 * no application's errors.
 */
function listMigratorRoles(schemas: readonly SchemaMigrations[]): readonly string[] {
  const roles = schemas.map(({ database: { _access: access } }) =>
    access.transport === 'pg' && access.login.auth === 'iam' ? access.login.user : null,
  );
  return [...new Set(roles.filter((role) => role !== null && !Token.isUnresolved(role)))] as string[];
}

function groupFunctionsByDatabase(schemas: readonly SchemaMigrations[]): Record<string, string[]> {
  const functions: Record<string, string[]> = {};
  for (const { database, queryFunction } of schemas) {
    const known = functions[database.databaseName] ?? [];
    functions[database.databaseName] = [...known, queryFunction.functionName];
  }
  return functions;
}

export const alarmsCheck = objectCheck<SchemaAlarms>(
  'must be a SchemaAlarms',
  'errorAlarms',
  'databaseLogGroup',
);
