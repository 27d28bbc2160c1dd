import { ArnFormat, Duration, Lazy, RemovalPolicy, Stack } from 'aws-cdk-lib';
import * as events from 'aws-cdk-lib/aws-events';
import * as targets from 'aws-cdk-lib/aws-events-targets';
import * as iam from 'aws-cdk-lib/aws-iam';
import type * as kms from 'aws-cdk-lib/aws-kms';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import * as destinations from 'aws-cdk-lib/aws-lambda-destinations';
import * as logs from 'aws-cdk-lib/aws-logs';
import type * as sns from 'aws-cdk-lib/aws-sns';
import { Construct } from 'constructs';
import { PAGE_VARIABLE, type PageSettings } from '../../../lambda/page/page-settings';
import { type AlarmTopic, grantPublish } from '../alarms/alarm-topic';
import { acknowledgeNagRule, acknowledgeResource } from './acknowledge';
import { createExecutionRole } from './execution-role';
import { createHandlerCode } from './handler-code';

export interface PageFunctionProps {
  readonly settings: Omit<PageSettings, 'ownLogGroup'>;
  readonly topic: AlarmTopic;
  readonly chatTopics: readonly sns.ITopic[];
  /** Topic for the functions that forward pages over HTTPS. */
  readonly documents: sns.ITopic | undefined;
  /** Key of that topic. */
  readonly documentKey: kms.IKey | undefined;
  readonly logGroups: readonly logs.ILogGroup[];
  readonly queryFunctions: readonly lambda.IFunction[];
}

/** Lambda's limit for all environment variables together. */
const MAX_ENVIRONMENT_BYTES = 4_096;

/**
 * The pager, which runs outside any VPC. It is invoked asynchronously and never retried. If it fails, the topic
 * receives the event as it came, i.e. the raw alarm.
 */
export class PageFunction extends Construct {
  readonly function: lambda.Function;
  private readonly settings: PageSettings;
  private readonly fleets: Record<string, string> = {};
  private readonly queryFleets = new iam.PolicyStatement({
    sid: 'QueryFleets',
    actions: ['lambda:InvokeFunction'],
  });

  constructor(scope: Construct, id: string, { settings, topic, ...props }: PageFunctionProps) {
    super(scope, id);
    const logGroup = new logs.LogGroup(this, 'Log', {
      retention: logs.RetentionDays.ONE_MONTH,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    const role = createExecutionRole(this, 'Role', logGroup);
    topic.grantPublish(role);
    for (const chat of props.chatTopics) grantPublish(role, 'Chat', chat, chat.masterKey);
    if (props.documents) grantPublish(role, 'Document', props.documents, props.documentKey);
    this.allow(role, { ...props, logGroups: [...props.logGroups, logGroup] });

    this.settings = { ...settings, ownLogGroup: logGroup.logGroupName };
    this.checkSize();
    this.function = new lambda.Function(this, 'Function', {
      description: 'Trueup: turns an alarm on database errors into a page with cause and repair',
      runtime: lambda.Runtime.NODEJS_24_X,
      architecture: lambda.Architecture.ARM_64,
      handler: 'index.handler',
      code: createHandlerCode('page'),
      memorySize: 512,
      // The pager waits for log lines, reads them and queries the database, each within its own time limit.
      timeout: Duration.minutes(5),
      role,
      logGroup,
      environment: {
        NODE_OPTIONS: '--enable-source-maps',
        // Lazy, because fleets are added later.
        [PAGE_VARIABLE]: Lazy.string({ produce: () => this.settingsText() }),
      },
    });
    this.function.configureAsyncInvoke({
      retryAttempts: 0,
      maxEventAge: Duration.minutes(10),
      onFailure: new destinations.SnsDestination(topic.topic),
    });
    acknowledgeNagRule(
      role,
      'AwsSolutions-IAM5[Action::kms:GenerateDataKey*]',
      "CDK's own grant for the destination: the actions of one name, on the topic's key only.",
    );
    this.schedule(settings.rescanIntervalMs);
  }

  /** Lets the pager invoke another function. @param title what pages call the subject of the function's checks */
  addQueryFunction({ functionArn, functionName }: lambda.IFunction, title: string): void {
    if (Object.keys(this.fleets).length === 0) this.function.addToRolePolicy(this.queryFleets);
    this.queryFleets.addResources(functionArn);
    this.fleets[functionName] = title;
    this.checkSize();
  }

  private settingsText(): string {
    const { settings, fleets } = this;
    return JSON.stringify(Object.keys(fleets).length === 0 ? settings : { ...settings, fleets });
  }

  private checkSize(): void {
    const size = Buffer.byteLength(JSON.stringify(Stack.of(this).resolve(this.settingsText())));
    if (size <= MAX_ENVIRONMENT_BYTES) return;
    throw new Error(
      `The pager's settings would have ${size} bytes, and a function's environment takes ${MAX_ENVIRONMENT_BYTES}. Watch fewer log groups or fleets with one SchemaAlarms, or ignore fewer phrases.`,
    );
  }

  private allow(
    role: iam.Role,
    { logGroups, queryFunctions }: Pick<PageFunctionProps, 'logGroups' | 'queryFunctions'>,
  ): void {
    role.addToPolicy(
      new iam.PolicyStatement({
        sid: 'ReadLines',
        actions: ['logs:FilterLogEvents'],
        resources: logGroups.map((group) => group.logGroupArn),
      }),
    );
    const everyAlarm = Stack.of(this).formatArn({
      service: 'cloudwatch',
      resource: 'alarm',
      resourceName: '*',
      arnFormat: ArnFormat.COLON_RESOURCE_NAME,
    });
    role.addToPolicy(
      new iam.PolicyStatement({
        sid: 'SeeAlarms',
        actions: ['cloudwatch:DescribeAlarms'],
        resources: [everyAlarm],
      }),
    );
    acknowledgeResource(
      role,
      everyAlarm,
      "DescribeAlarms lists, and CloudWatch authorizes a list on alarm:* of account and region, as AWS's own policies grant it; it reads only.",
    );
    if (queryFunctions.length > 0) {
      role.addToPolicy(
        new iam.PolicyStatement({
          sid: 'QueryDatabase',
          actions: ['lambda:InvokeFunction'],
          resources: queryFunctions.map((each) => each.functionArn),
        }),
      );
    }
    for (const group of logGroups) {
      acknowledgeResource(
        role,
        group.logGroupArn,
        'The ARN of a log group ends with :*, which stands for its streams.',
      );
    }
  }

  /** Schedules the pager, because an alarm that stays raised does not invoke it again. */
  private schedule(intervalMs: number): void {
    new events.Rule(this, 'Rescan', {
      description: 'Trueup: pages what appears while an alarm is up',
      schedule: events.Schedule.rate(Duration.millis(intervalMs)),
      targets: [
        new targets.LambdaFunction(this.function, {
          event: events.RuleTargetInput.fromObject({
            action: 'look-again',
            time: events.EventField.time,
          }),
          retryAttempts: 0,
        }),
      ],
    });
  }
}
