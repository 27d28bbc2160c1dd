import { ArnFormat, Duration, Lazy, RemovalPolicy, Stack } from 'aws-cdk-lib';
import * as events from 'aws-cdk-lib/aws-events';
import * as targets from 'aws-cdk-lib/aws-events-targets';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import * as destinations from 'aws-cdk-lib/aws-lambda-destinations';
import * as logs from 'aws-cdk-lib/aws-logs';
import type * as sns from 'aws-cdk-lib/aws-sns';
import { Construct } from 'constructs';
import { PAGE_VARIABLE, type PageSettings } from '../../../lambda/page/settings';
import { type AlarmTopic, grantPublish } from '../alarms/alarm-topic';
import { acknowledge } from './acknowledge';
import { handlerCode } from './handler-code';
import { executionRole } from './roles';

export interface PageFunctionProps {
  readonly settings: Omit<PageSettings, 'ownLogGroup'>;
  readonly topic: AlarmTopic;
  readonly chatTopics: readonly sns.ITopic[];
  /** For those who send pages on over HTTPS; its key is the topic's. */
  readonly documents: sns.ITopic | undefined;
  readonly logGroups: readonly logs.ILogGroup[];
  readonly askFunctions: readonly lambda.IFunction[];
}

/** Lambda's own limit, for all variables together. */
const ENVIRONMENT_BYTES = 4_096;

/**
 * The pager, outside any VPC. It is invoked asynchronously, never retried, and what it cannot do goes as it came, the raw
 * alarm, to the topic.
 */
export class PageFunction extends Construct {
  readonly function: lambda.Function;
  private readonly settings: PageSettings;
  private readonly fleets: Record<string, string> = {};
  private readonly askFleets = new iam.PolicyStatement({
    sid: 'AskFleets',
    actions: ['lambda:InvokeFunction'],
  });

  constructor(scope: Construct, id: string, { settings, topic, ...props }: PageFunctionProps) {
    super(scope, id);
    const logGroup = new logs.LogGroup(this, 'Log', {
      retention: logs.RetentionDays.ONE_MONTH,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    const role = executionRole(this, 'Role', logGroup);
    topic.grantPublish(role);
    for (const chat of props.chatTopics) grantPublish(role, 'Chat', chat, chat.masterKey);
    if (props.documents) grantPublish(role, 'Document', props.documents, topic.key);
    this.allow(role, { ...props, logGroups: [...props.logGroups, logGroup] });

    this.settings = { ...settings, ownLogGroup: logGroup.logGroupName };
    this.checkSize();
    this.function = new lambda.Function(this, 'Function', {
      description: 'Trueup: turns an alarm on database errors into a page with cause and repair',
      runtime: lambda.Runtime.NODEJS_24_X,
      architecture: lambda.Architecture.ARM_64,
      handler: 'index.handler',
      code: handlerCode('page'),
      memorySize: 512,
      // Lines are waited for and read, the database is asked, each within a time of its own.
      timeout: Duration.minutes(5),
      role,
      logGroup,
      environment: {
        NODE_OPTIONS: '--enable-source-maps',
        // Fleets are added later.
        [PAGE_VARIABLE]: Lazy.string({ produce: () => this.settingsText() }),
      },
    });
    this.function.configureAsyncInvoke({
      retryAttempts: 0,
      maxEventAge: Duration.minutes(10),
      onFailure: new destinations.SnsDestination(topic.topic),
    });
    acknowledge(
      role,
      'AwsSolutions-IAM5[Action::kms:GenerateDataKey*]',
      "CDK's own grant for the destination: the actions of one name, on the topic's key only.",
    );
    this.schedule(settings.lookAgainMs);
  }

  /** @param title what pages call what it checks */
  alsoAsk({ functionArn, functionName }: lambda.IFunction, title: string): void {
    if (Object.keys(this.fleets).length === 0) this.function.addToRolePolicy(this.askFleets);
    this.askFleets.addResources(functionArn);
    this.fleets[functionName] = title;
    this.checkSize();
  }

  private settingsText(): string {
    const { settings, fleets } = this;
    return JSON.stringify(Object.keys(fleets).length === 0 ? settings : { ...settings, fleets });
  }

  private checkSize(): void {
    const size = Buffer.byteLength(JSON.stringify(Stack.of(this).resolve(this.settingsText())));
    if (size <= ENVIRONMENT_BYTES) return;
    throw new Error(
      `The pager's settings would have ${size} bytes, and a function's environment takes ${ENVIRONMENT_BYTES}. Watch fewer log groups or fleets with one SchemaAlarms, or ignore fewer phrases.`,
    );
  }

  private allow(
    role: iam.Role,
    { logGroups, askFunctions }: Pick<PageFunctionProps, 'logGroups' | 'askFunctions'>,
  ): void {
    role.addToPolicy(
      new iam.PolicyStatement({
        sid: 'ReadLines',
        actions: ['logs:FilterLogEvents'],
        resources: logGroups.map((group) => group.logGroupArn),
      }),
    );
    role.addToPolicy(
      new iam.PolicyStatement({
        sid: 'SeeAlarms',
        actions: ['cloudwatch:DescribeAlarms'],
        resources: [
          Stack.of(this).formatArn({
            service: 'cloudwatch',
            resource: 'alarm',
            resourceName: '*',
            arnFormat: ArnFormat.COLON_RESOURCE_NAME,
          }),
        ],
      }),
    );
    acknowledge(
      role,
      'AwsSolutions-IAM5[Resource::arn:<AWS::Partition>:cloudwatch:<AWS::Region>:<AWS::AccountId>:alarm:*]',
      "DescribeAlarms lists, and CloudWatch authorizes a list on alarm:* of account and region, as AWS's own policies grant it; it reads only.",
    );
    if (askFunctions.length > 0) {
      role.addToPolicy(
        new iam.PolicyStatement({
          sid: 'AskTheDatabase',
          actions: ['lambda:InvokeFunction'],
          resources: askFunctions.map((each) => each.functionArn),
        }),
      );
    }
    for (const group of logGroups) {
      acknowledge(
        role,
        `AwsSolutions-IAM5[Resource::${wildcardOf(group)}]`,
        'The ARN of a log group ends with :*, which stands for its streams.',
      );
    }
  }

  /** While an alarm is up it does not act again, so somebody has to look. */
  private schedule(intervalMs: number): void {
    new events.Rule(this, 'LookAgain', {
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

/** As cdk-nag writes the ARN of a group that is known by name only. */
const wildcardOf = (group: logs.ILogGroup): string => {
  const arn: unknown = Stack.of(group).resolve(group.logGroupArn);
  if (typeof arn === 'string') return arn;
  const parts = (arn as { 'Fn::Join'?: [string, unknown[]] })['Fn::Join']?.[1] ?? [];
  return parts
    .map((part) => (typeof part === 'string' ? part : `<${Object.values(part as object)[0]}>`))
    .join('');
};
