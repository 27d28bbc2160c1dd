import { Duration, Stack } from 'aws-cdk-lib';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import type { ILogGroup } from 'aws-cdk-lib/aws-logs';
import { Provider } from 'aws-cdk-lib/custom-resources';
import { Construct } from 'constructs';
import { buildDeployEnvironment } from '../../../lambda/contract/custom-resource';
import { acknowledgeNagRule, acknowledgeVersions } from '../functions/acknowledge';
import { createExecutionRole } from '../functions/execution-role';
import type { Timing } from './timing';

export interface DeployProviderProps {
  /** Code that contains both handlers, `index.onEvent` and `index.isComplete`. */
  readonly code: lambda.Code;
  /** Functions that `isComplete` may invoke. */
  readonly migrate: readonly lambda.Function[];
  readonly environment: Readonly<Record<string, string>>;
  /** Further permissions of `isComplete`. @default - none */
  readonly statements?: readonly iam.PolicyStatement[];
  readonly timing: Timing;
  readonly logGroup: ILogGroup;
  /** Memory of `isComplete` in MB. @default 256 */
  readonly memory?: number;
}

/**
 * The functions that handle CloudFormation's events, behind CDK's provider framework. `onEvent` records the start, and
 * each call of `isComplete` lets `migrate` work for one slice. They run outside any VPC, because they query
 * CloudFormation for the state of the stack.
 */
export class DeployProvider extends Construct {
  /**
   * ARN of the function behind the custom resource. It never changes, because CloudFormation refuses to move a custom
   * resource to another function.
   */
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
      role: createExecutionRole(this, 'OnEventRole', logGroup),
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
        ...buildDeployEnvironment({
          sliceMs: timing.slice.toMilliseconds(),
          timeoutMs: timing.totalTimeout.toMilliseconds(),
          rollbackWaitMs: timing.connectTimeout.toMilliseconds(),
          answerTimeoutMs: timing.answerTimeout.toMilliseconds(),
          queryIntervalMs: timing.queryInterval.toMilliseconds(),
          logGroup: logGroup.logGroupName,
        }),
        ...props.environment,
      },
    });

    this.isComplete = isComplete;

    const frameworkOnEventRole = createExecutionRole(this, 'FrameworkOnEventRole', logGroup);
    const frameworkIsCompleteRole = createExecutionRole(this, 'FrameworkIsCompleteRole', logGroup);
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
    acknowledgeNagRule(
      waiter,
      'AwsSolutions-SF1',
      'Its log would hold the pre-signed URL of each answer; isComplete logs every poll itself.',
    );
    acknowledgeNagRule(
      waiter,
      'AwsSolutions-SF2',
      'One state that calls one function: there is nothing to trace.',
    );
  }

  private isCompleteRole({ migrate, logGroup, statements = [] }: DeployProviderProps): iam.Role {
    const role = createExecutionRole(this, 'IsCompleteRole', logGroup);
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
