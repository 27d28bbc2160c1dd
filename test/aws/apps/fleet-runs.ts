/**
 * Runs of a fleet without a database: the library's own state machine, bucket and tally, and machines of the same states that
 * each lack one right.
 */
import { CfnOutput, CustomResource, Duration, RemovalPolicy, type Stack } from 'aws-cdk-lib';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import type { ILogGroup } from 'aws-cdk-lib/aws-logs';
import * as sfn from 'aws-cdk-lib/aws-stepfunctions';
import { FleetMachine } from '../../../lib/constructs/fleet/machine';
import { buildFleetStates } from '../../../lib/constructs/fleet/states';
import { createHandlerCode } from '../../../lib/constructs/functions/handler-code';
import { ALL_RIGHTS, AT_ONCE, LIVING_TENANTS, RIGHTS, type Right, SERVER } from '../fleet-run';
import { handler } from '../handlers/code';

const CONCURRENCY = 2;

export function fleetRuns(stack: Stack, logGroup: ILogGroup): void {
  const code = handler('fleet', '1');
  const common = {
    code,
    runtime: lambda.Runtime.NODEJS_24_X,
    architecture: lambda.Architecture.ARM_64,
    timeout: Duration.minutes(2),
    memorySize: 256,
    logGroup,
  };
  const tenant = new lambda.Function(stack, 'FleetTenant', { ...common, handler: 'index.tenant' });
  const fleet = new FleetMachine(stack, 'Fleet', {
    code: createHandlerCode('fleet-run'),
    functions: { [SERVER]: tenant },
    concurrency: CONCURRENCY,
    logGroup,
  });
  // Here nothing is to be left; the custom resource below empties it.
  fleet.bucket.applyRemovalPolicy(RemovalPolicy.DESTROY);
  // By its name, whoever runs the check may start it and look at it.
  (fleet.machine.node.defaultChild as sfn.CfnStateMachine).stateMachineName = `${stack.stackName}-fleet`;
  const tally = fleet.node.findChild('Tally') as lambda.Function;
  const without = ALL_RIGHTS.map((right) => machineWithout(stack, right, { fleet, tenant, tally }));

  const begins = (id: string, name: string) => {
    const made = new lambda.Function(stack, id, {
      ...common,
      handler: `index.${name}`,
      environment: { BUCKET: fleet.bucket.bucketName },
    });
    for (const statement of fleet.statements()) made.addToRolePolicy(statement);
    return made;
  };
  const atOnce = begins('FleetAtOnce', 'atOnce');
  atOnce.addToRolePolicy(
    new iam.PolicyStatement({
      actions: ['s3:DeleteObject'],
      resources: [fleet.bucket.arnForObjects('*')],
    }),
  );
  const resource = new CustomResource(stack, 'FleetRun', {
    serviceToken: atOnce.functionArn,
    serviceTimeout: Duration.minutes(5),
    properties: { machine: fleet.machine.stateMachineArn, run: AT_ONCE, tenants: LIVING_TENANTS },
  });
  resource.node.addDependency(...fleet.dependencies, atOnce);

  const begin = begins('FleetBegin', 'begin');
  begin.addToRolePolicy(
    new iam.PolicyStatement({
      actions: ['states:StartExecution'],
      resources: without.map(({ stateMachineArn }) => stateMachineArn),
    }),
  );
  const output = (id: string, value: string) => new CfnOutput(stack, id, { value });
  output('FleetMachine', fleet.machine.stateMachineArn);
  output('FleetBeginFunction', begin.functionName);
  output('FleetDenied', resource.getAttString('Denied'));
  for (const [i, right] of ALL_RIGHTS.entries()) output(`FleetWithout${right}`, without[i]!.stateMachineArn);
}

/** The library's states, under a role that has all rights but one. */
function machineWithout(
  stack: Stack,
  right: Right,
  { fleet, tenant, tally }: { fleet: FleetMachine; tenant: lambda.Function; tally: lambda.Function },
): sfn.StateMachine {
  const role = new iam.Role(stack, `Without-${right}-Role`, {
    assumedBy: new iam.ServicePrincipal('states.amazonaws.com'),
  });
  for (const each of [tenant, tally]) each.grantInvoke(role);
  role.addToPolicy(
    new iam.PolicyStatement({
      actions: ['s3:GetObject', 's3:PutObject', 's3:AbortMultipartUpload', 's3:ListMultipartUploadParts'],
      resources: [fleet.bucket.arnForObjects('runs/*')],
    }),
  );
  role.addToPolicy(
    new iam.PolicyStatement({
      actions: ['states:StartExecution', 'states:DescribeExecution', 'states:StopExecution'],
      resources: ['*'],
    }),
  );
  role.addToPolicy(
    new iam.PolicyStatement({
      effect: iam.Effect.DENY,
      actions: [RIGHTS[right].action],
      resources: ['*'],
    }),
  );
  return new sfn.StateMachine(stack, `Without-${right}`, {
    stateMachineName: `${stack.stackName}-without-${right}`,
    role,
    definitionBody: sfn.DefinitionBody.fromString(
      stack.toJsonString(
        buildFleetStates({
          bucket: fleet.bucket.bucketName,
          servers: [{ name: SERVER, functionArn: tenant.functionArn }],
          tallyArn: tally.functionArn,
          concurrency: CONCURRENCY,
        }),
      ),
    ),
  });
}
