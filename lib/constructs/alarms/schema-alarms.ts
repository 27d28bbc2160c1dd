import { Annotations, CfnOutput, Duration, Names, Token } from 'aws-cdk-lib';
import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import * as actions from 'aws-cdk-lib/aws-cloudwatch-actions';
import type * as kms from 'aws-cdk-lib/aws-kms';
import type { IFunction, Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda';
import type * as logs from 'aws-cdk-lib/aws-logs';
import * as sns from 'aws-cdk-lib/aws-sns';
import { Construct, type IConstruct } from 'constructs';
import { SIGNATURES } from '../../../lambda/defects/signatures';
import { alarmName, findingsAlarmName, metricNamespace, workloadAlarmName } from '../../../lambda/page/alarm';
import type { ApplicationFormat } from '../../../lambda/page/logs/application-lines';
import { PageFunction } from '../functions/page-function';
import type { SchemaMigrations } from '../migrations/schema-migrations';
import { HttpsNotice } from '../notify/https-notice';
import { targetsOf } from '../notify/notify-targets';
import { checkProps, refuse, within } from '../validation/check';
import { descriptionOf, fitDescription, folderUrl } from './alarm-description';
import { AlarmTopic } from './alarm-topic';
import { countInLog } from './log-metrics';
import { applicationPatterns, databasePatterns } from './log-patterns';
import { SCHEMA_ALARMS, type SchemaAlarmsProps } from './schema-alarms-props';
import { ONCE, watchDeployments, watchNotice, watchPager } from './self-alarms';
import { watchDashboard } from './watch-dashboard';

/**
 * Alarms on the errors that a schema which is not what the application expects raises, and a pager that says what it is
 * and what to do. One for a server: it watches all of its databases.
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
  readonly topic: sns.ITopic;
  readonly pageFunction: LambdaFunction;
  readonly dashboard?: cloudwatch.Dashboard;
  readonly databaseLogGroup: logs.ILogGroup;
  /** CloudWatch namespace of the errors' metrics; each is named after its signature, e.g. `on-conflict`. */
  readonly metricNamespace: string;
  /** By signature. */
  readonly errorAlarms: Readonly<Record<string, cloudwatch.Alarm>>;
  private readonly prefix: string;
  private readonly pager: PageFunction;

  constructor(scope: Construct, id: string, props: SchemaAlarmsProps) {
    super(scope, id);
    checkProps(this, props, SCHEMA_ALARMS);
    this.refuseCountingTwice(props);
    this.prefix = Names.uniqueResourceName(this, { maxLength: 180, allowedSpecialCharacters: '-' });
    this.metricNamespace = metricNamespace(this.prefix);
    this.databaseLogGroup = props.databaseLogGroup;
    const targets = targetsOf(this, props.notify ?? []);
    const topic = new AlarmTopic(this, 'Pages', {
      topic: targets.topic?.topic,
      topicKey: targets.topic?.key,
      emails: targets.emails,
      pagesToldElsewhere: targets.chats.length + targets.https.length > 0,
    });
    this.topic = topic.topic;
    const documents = targets.https.length > 0 ? documentTopic(this, topic.key) : undefined;

    const { applicationLogGroups = [], ignore = [] } = props;
    const exceptRoles = props.exceptRoles ?? ownRoles(props.schemas);
    const applications = applicationLogGroups.map(({ logGroup, json }) => ({
      logGroup,
      format: json === undefined ? ({ format: 'text' } as const) : ({ format: 'json', ...json } as const),
    }));
    within(this, () => this.countErrors(applications, exceptRoles, ignore));

    const pager = new PageFunction(this, 'Pager', {
      topic,
      chatTopics: targets.chats,
      documents,
      logGroups: [props.databaseLogGroup, ...applications.map(({ logGroup }) => logGroup)],
      askFunctions: props.schemas.map((schema) => schema.askFunction),
      settings: {
        prefix: this.prefix,
        topicArn: this.topic.topicArn,
        ...(targets.chats.length > 0 ? { chatTopicArns: targets.chats.map(({ topicArn }) => topicArn) } : {}),
        ...(documents ? { documentTopicArn: documents.topicArn } : {}),
        logGroups: [
          { name: props.databaseLogGroup.logGroupName, lines: { format: 'postgresql' } },
          ...applications.map(({ logGroup, format }) => ({ name: logGroup.logGroupName, lines: format })),
        ],
        functions: functionsByDatabase(props.schemas),
        ignore,
        exceptRoles,
        lookAgainMs: (props.lookAgain ?? Duration.minutes(5)).toMilliseconds(),
        runbookUrl: folderUrl(props.runbookUrl),
      },
    });
    this.pager = pager;
    this.pageFunction = pager.function;

    for (const [i, target] of (documents ? targets.https : []).entries()) {
      const id = `Notice${i + 1}-${target.form}`;
      watchNotice(this, target, new HttpsNotice(this, id, { target, documents: documents!, key: topic.key }));
    }

    this.errorAlarms = this.alarmOnErrors(props);
    watchPager(this);
    for (const schema of props.schemas) watchDeployments(this, schema);
    if (props.dashboard ?? true) this.dashboard = watchDashboard(this, 'Dashboard', this, props.schemas);
    new CfnOutput(this, 'WatchedLogGroup', {
      value: this.databaseLogGroup.logGroupName,
      description: 'Log group that trueup alarm-test --stack writes into',
    });
    this.sayWhatMayBeMissing(props);
  }

  /** An alarm on Trueup's own functions: straight to the topic, since the pager may be what is broken. */
  alarmDirectly(
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

  /** An alarm of a drift check that the pager explains: which statements no longer plan, or what an audit found anew. */
  alarmThroughPager(
    about: 'Workload' | 'Findings',
    { node: { addr } }: IConstruct,
    props: Omit<cloudwatch.AlarmProps, 'alarmName'>,
  ): cloudwatch.Alarm {
    const nameOf = about === 'Workload' ? workloadAlarmName : findingsAlarmName;
    const alarm = new cloudwatch.Alarm(this, `${about} ${addr}`, {
      ...props,
      alarmName: nameOf(this.prefix, addr),
      alarmDescription: fitDescription(props.alarmDescription ?? ''),
    });
    alarm.addAlarmAction(new actions.LambdaAction(this.pageFunction, { useUniquePermissionId: true }));
    return alarm;
  }

  /** The pager asks this function, too, when an alarm on its metrics goes up. @param title what pages call what it checks */
  askAbout(askFunction: IFunction, title: string): void {
    within(this, () => this.pager.alsoAsk(askFunction, title));
  }

  /** Errors of one signature, a minute. */
  errorMetric(signature: string): cloudwatch.Metric {
    return new cloudwatch.Metric({
      namespace: this.metricNamespace,
      metricName: signature,
      statistic: 'Sum',
      period: Duration.minutes(1),
    });
  }

  /** A group that is watched as two things raises every alarm at half its threshold. */
  private refuseCountingTwice({ databaseLogGroup, applicationLogGroups = [] }: SchemaAlarmsProps): void {
    const { logGroupName } = databaseLogGroup;
    if (applicationLogGroups.every((each) => each.logGroup.logGroupName !== logGroupName)) return;
    refuse(
      this,
      `applicationLogGroups holds databaseLogGroup (${logGroupName}), whose errors are counted already`,
    );
  }

  private countErrors(
    applications: readonly { readonly logGroup: logs.ILogGroup; readonly format: ApplicationFormat }[],
    exceptRoles: readonly string[],
    ignore: readonly string[],
  ): void {
    for (const signature of SIGNATURES) {
      const filters = new Construct(this, `Count ${signature.id}`);
      const metric = { namespace: this.metricNamespace, name: signature.id };
      const patterns = databasePatterns(signature, { exceptRoles, ignore });
      countInLog(filters, 'Database', this.databaseLogGroup, patterns, metric);
      applications.forEach(({ logGroup, format }, i) => {
        countInLog(
          filters,
          `Application${i + 1}-`,
          logGroup,
          applicationPatterns(signature, format, ignore),
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
          alarmName: alarmName(this.prefix, signature.id),
          alarmDescription: within(this, () => fitDescription(descriptionOf(signature, props.runbookUrl))),
          metric: this.errorMetric(signature.id),
          ...ONCE,
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
    if (Token.isUnresolved(databaseLogGroup.logGroupName)) return;
    Annotations.of(this).addInfo(
      `The log group ${databaseLogGroup.logGroupName} has to exist when this is deployed. If CloudFormation says "The specified ` +
        'log group does not exist": switch the export of the PostgreSQL log on (cloudwatchLogsExports) and wait for its first ' +
        'line, or make a log group of this name.',
    );
  }
}

/** What the pager publishes once, and each receiver over HTTPS has a queue on. */
const documentTopic = (scope: Construct, masterKey: kms.IKey | undefined): sns.Topic =>
  new sns.Topic(scope, 'Documents', { enforceSSL: true, ...(masterKey ? { masterKey } : {}) });

/** Roles that log in with a token: made for the migrator, so nobody else is left out with them. */
function ownRoles(schemas: readonly SchemaMigrations[]): readonly string[] {
  const roles = schemas.map(({ database: { access } }) =>
    access.transport === 'pg' && access.login.auth === 'iam' ? access.login.user : null,
  );
  return [...new Set(roles.filter((role) => role !== null && !Token.isUnresolved(role)))] as string[];
}

function functionsByDatabase(schemas: readonly SchemaMigrations[]): Record<string, string[]> {
  const functions: Record<string, string[]> = {};
  for (const { database, askFunction } of schemas) {
    const known = functions[database.databaseName] ?? [];
    functions[database.databaseName] = [...known, askFunction.functionName];
  }
  return functions;
}
