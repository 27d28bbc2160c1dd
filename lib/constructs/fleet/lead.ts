/**
 * Creates the functions that control a fleet's run: one handles CloudFormation's events, the other the command line.
 */
import { Duration, Stack } from 'aws-cdk-lib';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import type { ILogGroup } from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';
import {
  buildFleetEnvironment,
  FLEET_PLAN_FILE,
  type TenantListing,
} from '../../../lambda/contract/fleet-run';
import { createExecutionRole } from '../functions/execution-role';
import { createHandlerCode } from '../functions/handler-code';
import { DeployProvider } from '../migrations/deploy-provider';
import type { Timing } from '../migrations/timing';
import type { FleetMachine } from './machine';

export interface FleetLeadProps {
  readonly planText: string;
  readonly lists: readonly TenantListing[];
  readonly machine: FleetMachine;
  /** Functions by server name. */
  readonly functions: Readonly<Record<string, lambda.Function>>;
  /** Name of the stack in the ledgers, if the stack is nested. */
  readonly owner: string | undefined;
  readonly timing: Timing;
  readonly logGroup: ILogGroup;
}

/** Enough memory for a list of 100,000 tenants and their results. */
const MEMORY_MB = 1024;

export class FleetLead extends Construct {
  readonly serviceToken: string;
  readonly fleetFunction: lambda.Function;
  /**
   * The same function for callers that may inspect but not migrate. It is separate because IAM controls who invokes a
   * function, but not with which request.
   */
  readonly queryFunction: lambda.Function;

  constructor(scope: Construct, id: string, props: FleetLeadProps) {
    super(scope, id);
    const { machine, functions, timing, logGroup } = props;
    const code = createHandlerCode('fleet-run', { [FLEET_PLAN_FILE]: props.planText });
    const environment = buildFleetEnvironment({
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
      statements: [...machine.statements(), ...buildListReadStatements(this, props.lists)],
      timing,
      logGroup,
      memory: MEMORY_MB,
    });
    this.serviceToken = provider.serviceToken;

    const role = createExecutionRole(this, 'FleetRole', logGroup);
    const invoke = new iam.PolicyStatement({
      sid: 'Migrate',
      actions: ['lambda:InvokeFunction'],
      resources: migrate.map(({ functionArn }) => functionArn),
    });
    for (const statement of [invoke, ...machine.statements(), ...buildListReadStatements(this, props.lists)])
      role.addToPolicy(statement);
    for (const each of [role, provider.isComplete.role!]) machine.acknowledge(each);
    const fleetFunction = (id: string, description: string, more: Record<string, string> = {}) =>
      new lambda.Function(this, id, {
        description,
        runtime: lambda.Runtime.NODEJS_24_X,
        architecture: lambda.Architecture.ARM_64,
        handler: 'index.fleet',
        code,
        memorySize: MEMORY_MB,
        timeout: Duration.minutes(5),
        role,
        logGroup,
        environment: { NODE_OPTIONS: '--enable-source-maps', ...environment, ...more },
      });
    this.fleetFunction = fleetFunction(
      'Up',
      'Trueup: where the tenants of a fleet are, and brings some of them up',
    );
    this.queryFunction = fleetFunction(
      'Query',
      'Trueup: where the tenants of a fleet are; changes nothing',
      buildFleetEnvironment({ queryOnly: 'true' }),
    );
  }
}

/** Returns the permissions to read the lists in S3 that the props name. */
function buildListReadStatements(scope: Construct, lists: readonly TenantListing[]): iam.PolicyStatement[] {
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
    : [new iam.PolicyStatement({ sid: 'TenantLists', actions: ['s3:GetObject'], resources })];
}
