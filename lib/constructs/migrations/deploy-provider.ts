import { Duration, Stack } from 'aws-cdk-lib';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import type { ILogGroup } from 'aws-cdk-lib/aws-logs';
import { Provider } from 'aws-cdk-lib/custom-resources';
import { Construct } from 'constructs';
import { deployEnvironment } from '../../../lambda/contract/custom-resource';
import { acknowledge, acknowledgeVersions } from '../functions/acknowledge';
import { executionRole } from '../functions/roles';
import type { Timing } from './timing';

export interface DeployProviderProps {
  /** Both handlers are in it: `index.onEvent`, `index.isComplete`. */
  readonly code: lambda.Code;
  /** What `isComplete` may invoke. */
  readonly migrate: readonly lambda.Function[];
  readonly environment: Readonly<Record<string, string>>;
  /** What else `isComplete` may do. @default - nothing */
  readonly statements?: readonly iam.PolicyStatement[];
  readonly timing: Timing;
  readonly logGroup: ILogGroup;
  /** MB. @default 256 */
  readonly memory?: number;
}

/**
 * The functions that CloudFormation's events reach, behind CDK's provider framework: `onEvent` records the start, each
 * `isComplete` has `migrate` work for one slice. Outside any VPC, since they ask CloudFormation what the stack is doing.
 */
export class DeployProvider extends Construct {
  /** Never changes: CloudFormation refuses to move a custom resource to another function. */
  readonly serviceToken: string;
  readonly isComplete: lambda.Function;

  constructor(scope: Construct, id: string, props: DeployProviderProps) {
    super(scope, id);
    const { code, timing, logGroup, memory = 256 } = props;

    const common = {
      runtime: lambda.Runtime.NODEJS_24_X,
      architecture: lambda.Architecture.ARM_64,
      code,
      logGroup,
    };
    const environment = { NODE_OPTIONS: '--enable-source-maps' };
    const onEvent = new lambda.Function(this, 'OnEvent', {
      ...common,
      description: "Trueup: records that CloudFormation's event has come",
      handler: 'index.onEvent',
      memorySize: 256,
      timeout: Duration.seconds(30),
      role: executionRole(this, 'OnEventRole', logGroup),
      environment,
    });
    const isComplete = new lambda.Function(this, 'IsComplete', {
      ...common,
      description: 'Trueup: asks what the stack is doing, has migrate do the work, answers CloudFormation',
      handler: 'index.isComplete',
      memorySize: memory,
      timeout: timing.deployTimeout,
      role: this.isCompleteRole(props),
      environment: {
        ...environment,
        ...deployEnvironment({
          sliceMs: timing.slice.toMilliseconds(),
          timeoutMs: timing.totalTimeout.toMilliseconds(),
          rollbackWaitMs: timing.databaseWait.toMilliseconds(),
          answerTimeoutMs: timing.answerTimeout.toMilliseconds(),
          queryIntervalMs: timing.queryInterval.toMilliseconds(),
          logGroup: logGroup.logGroupName,
        }),
        ...props.environment,
      },
    });

    this.isComplete = isComplete;

    const frameworkOnEventRole = executionRole(this, 'FrameworkOnEventRole', logGroup);
    const frameworkIsCompleteRole = executionRole(this, 'FrameworkIsCompleteRole', logGroup);
    const provider = new Provider(this, 'Provider', {
      onEventHandler: onEvent,
      isCompleteHandler: isComplete,
      queryInterval: timing.queryInterval,
      totalTimeout: timing.frameworkTimeout,
      logGroup,
      frameworkOnEventRole,
      frameworkCompleteAndTimeoutRole: frameworkIsCompleteRole,
    });
    this.serviceToken = provider.serviceToken;

    const reason =
      "aws-cdk-lib's provider framework may invoke every version of the one function that it serves.";
    for (const role of [frameworkOnEventRole, frameworkIsCompleteRole]) {
      for (const fn of [onEvent, isComplete]) acknowledgeVersions(role, fn, reason);
    }
    const waiter = provider.node.findChild('waiter-state-machine');
    for (const name of ['framework-isComplete', 'framework-onTimeout']) {
      acknowledgeVersions(waiter, provider.node.findChild(name) as lambda.Function, reason);
    }
    acknowledge(
      waiter,
      'AwsSolutions-SF1',
      'Its log would hold the pre-signed URL of each answer; isComplete logs every poll itself.',
    );
    acknowledge(waiter, 'AwsSolutions-SF2', 'One state that calls one function: there is nothing to trace.');
  }

  private isCompleteRole({ migrate, logGroup, statements = [] }: DeployProviderProps): iam.Role {
    const role = executionRole(this, 'IsCompleteRole', logGroup);
    role.addToPolicy(
      new iam.PolicyStatement({
        sid: 'OwnStack',
        actions: ['cloudformation:DescribeStackEvents', 'cloudformation:DescribeStacks'],
        resources: [Stack.of(this).stackId],
      }),
    );
    role.addToPolicy(
      new iam.PolicyStatement({
        sid: 'Migrate',
        actions: ['lambda:InvokeFunction'],
        resources: migrate.map(({ functionArn }) => functionArn),
      }),
    );
    for (const statement of statements) role.addToPolicy(statement);
    return role;
  }
}
