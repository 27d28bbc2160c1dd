/** The functions that lead a fleet's run: CloudFormation's events reach one, the command line the other. */
import { Duration, Stack } from 'aws-cdk-lib';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import type { ILogGroup } from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';
import { FLEET_PLAN_FILE, fleetEnvironment, type ListedBy } from '../../../lambda/contract/fleet-run';
import { handlerCode } from '../functions/handler-code';
import { executionRole } from '../functions/roles';
import { DeployProvider } from '../migrations/deploy-provider';
import type { Timing } from '../migrations/timing';
import { acknowledgeExecutions, acknowledgeObjects, type FleetMachine } from './machine';

export interface FleetLeadProps {
  readonly planText: string;
  readonly lists: readonly ListedBy[];
  readonly machine: FleetMachine;
  /** By server. */
  readonly functions: Readonly<Record<string, lambda.Function>>;
  /** In a nested stack: the stack's name for the ledgers. */
  readonly owner: string | undefined;
  readonly timing: Timing;
  readonly logGroup: ILogGroup;
}

/** A list of 100,000 targets, and what became of each. */
const MEMORY_MB = 1024;

export class FleetLead extends Construct {
  readonly serviceToken: string;
  readonly fleetFunction: lambda.Function;

  constructor(scope: Construct, id: string, props: FleetLeadProps) {
    super(scope, id);
    const { machine, functions, timing, logGroup } = props;
    const code = handlerCode('fleet-run', { [FLEET_PLAN_FILE]: props.planText });
    const environment = fleetEnvironment({
      bucket: machine.bucket.bucketName,
      stateMachine: machine.machine.stateMachineArn,
      functions: Stack.of(this).toJsonString(
        Object.fromEntries(Object.entries(functions).map(([name, fn]) => [name, fn.functionName])),
      ),
      stackId: Stack.of(this).stackId,
      ...(props.owner === undefined ? {} : { owner: props.owner }),
    });
    const migrate = Object.values(functions);
    const provider = new DeployProvider(this, 'Provider', {
      code,
      migrate,
      environment,
      statements: [...machine.statements(), ...foreignLists(this, props.lists)],
      timing,
      logGroup,
      memory: MEMORY_MB,
    });
    this.serviceToken = provider.serviceToken;

    const role = executionRole(this, 'FleetRole', logGroup);
    const invoke = new iam.PolicyStatement({
      sid: 'Migrate',
      actions: ['lambda:InvokeFunction'],
      resources: migrate.map(({ functionArn }) => functionArn),
    });
    for (const statement of [invoke, ...machine.statements(), ...foreignLists(this, props.lists)])
      role.addToPolicy(statement);
    for (const each of [role, provider.isComplete.role!]) {
      acknowledgeObjects(each, machine.bucket, ['latest/*', 'runs/*']);
      acknowledgeExecutions(each, machine.machine, ':*');
    }
    this.fleetFunction = new lambda.Function(this, 'Ask', {
      description: 'Trueup: where the tenants of a fleet are, and brings some of them up',
      runtime: lambda.Runtime.NODEJS_24_X,
      architecture: lambda.Architecture.ARM_64,
      handler: 'index.fleet',
      code,
      memorySize: MEMORY_MB,
      timeout: Duration.minutes(5),
      role,
      logGroup,
      environment: { NODE_OPTIONS: '--enable-source-maps', ...environment },
    });
  }
}

/** Lists in S3 that the owner named. */
function foreignLists(scope: Construct, lists: readonly ListedBy[]): iam.PolicyStatement[] {
  const resources = lists.flatMap((each) =>
    each.kind === 's3'
      ? [
          Stack.of(scope).formatArn({
            service: 's3',
            region: '',
            account: '',
            resource: each.bucket,
            resourceName: each.key,
          }),
        ]
      : [],
  );
  return resources.length === 0
    ? []
    : [new iam.PolicyStatement({ sid: 'Targets', actions: ['s3:GetObject'], resources })];
}
