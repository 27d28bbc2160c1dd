/**
 * Creates the resources of a fleet's run: the bucket with its lists and results, and the state machine that processes
 * them.
 */
import { ArnFormat, Duration, RemovalPolicy, Stack } from 'aws-cdk-lib';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import type { ILogGroup } from 'aws-cdk-lib/aws-logs';
import * as s3 from 'aws-cdk-lib/aws-s3';
import * as sfn from 'aws-cdk-lib/aws-stepfunctions';
import { Construct, type IConstruct, type IDependable } from 'constructs';
import { buildFleetEnvironment } from '../../../lambda/contract/fleet-run';
import { acknowledgeNagRule, acknowledgeResource } from '../functions/acknowledge';
import { createExecutionRole } from '../functions/execution-role';
import { buildFleetStates } from './states';

export interface FleetMachineProps {
  readonly code: lambda.Code;
  /** Functions by server name. */
  readonly functions: Readonly<Record<string, lambda.Function>>;
  readonly concurrency: number;
  readonly logGroup: ILogGroup;
}

const RETENTION = Duration.days(30);

export class FleetMachine extends Construct {
  readonly bucket: s3.Bucket;
  readonly machine: sfn.StateMachine;
  /** Resources that must exist before a run starts. */
  readonly dependencies: readonly IDependable[];

  constructor(scope: Construct, id: string, props: FleetMachineProps) {
    super(scope, id);
    this.bucket = this.makeBucket();
    const tally = this.makeTally(props);
    const functions = [tally, ...Object.values(props.functions)];
    const role = this.makeRole(functions);
    this.machine = new sfn.StateMachine(this, 'Run', {
      comment: 'Trueup: a folder of migrations over a fleet',
      stateMachineType: sfn.StateMachineType.STANDARD,
      role,
      definitionBody: sfn.DefinitionBody.fromString(
        Stack.of(this).toJsonString(
          buildFleetStates({
            bucket: this.bucket.bucketName,
            servers: Object.entries(props.functions).map(([name, { functionArn }]) => ({
              name,
              functionArn,
            })),
            tallyArn: tally.functionArn,
            concurrency: props.concurrency,
          }),
        ),
      ),
    });
    acknowledgeNagRule(
      this.machine,
      'AwsSolutions-SF1',
      "What became of each tenant is in the fleet's bucket, and each wave in the functions' log.",
    );
    acknowledgeNagRule(
      this.machine,
      'AwsSolutions-SF2',
      'Its states call functions that log each of their steps.',
    );
    this.dependencies = [this.bucket, this.machine, this.allowMaps(role)];
  }

  /** Returns the permissions to run the machine and to use the lists and results. */
  statements(): iam.PolicyStatement[] {
    return [
      new iam.PolicyStatement({
        sid: 'Runs',
        actions: ['states:ListExecutions', 'states:StartExecution'],
        resources: [this.machine.stateMachineArn],
      }),
      new iam.PolicyStatement({
        sid: 'OfARun',
        actions: ['states:DescribeExecution', 'states:StopExecution'],
        resources: [this.executions(':*')],
      }),
      new iam.PolicyStatement({
        sid: 'ListsAndResults',
        actions: ['s3:GetObject', 's3:PutObject'],
        resources: [this.bucket.arnForObjects('latest/*'), this.bucket.arnForObjects('runs/*')],
      }),
      // Without this permission, S3 answers 403 for a missing object, as for one that may not be read.
      new iam.PolicyStatement({
        sid: 'WhatIsNotThere',
        actions: ['s3:ListBucket'],
        resources: [this.bucket.bucketArn],
      }),
    ];
  }

  /**
   * Creates the bucket. It is retained when a failed first deployment is rolled back, because the rollback reads from
   * it.
   */
  private makeBucket(): s3.Bucket {
    const bucket = new s3.Bucket(this, 'Lists', {
      encryption: s3.BucketEncryption.S3_MANAGED,
      blockPublicAccess: s3.BlockPublicAccess.BLOCK_ALL,
      objectOwnership: s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
      enforceSSL: true,
      removalPolicy: RemovalPolicy.RETAIN,
      lifecycleRules: [{ expiration: RETENTION, abortIncompleteMultipartUploadAfter: Duration.days(1) }],
    });
    acknowledgeNagRule(
      bucket,
      'AwsSolutions-S1',
      'Three functions and Step Functions use it; who reads it is in CloudTrail.',
    );
    return bucket;
  }

  private makeTally({ code, logGroup }: FleetMachineProps): lambda.Function {
    const role = createExecutionRole(this, 'TallyRole', logGroup);
    const inRuns = this.bucket.arnForObjects('runs/*');
    role.addToPolicy(
      new iam.PolicyStatement({
        sid: 'ListsAndResults',
        actions: ['s3:GetObject', 's3:PutObject'],
        resources: [inRuns],
      }),
    );
    role.addToPolicy(
      new iam.PolicyStatement({
        sid: 'WhatIsNotThere',
        actions: ['s3:ListBucket'],
        resources: [this.bucket.bucketArn],
      }),
    );
    acknowledgeResource(role, this.bucket.arnForObjects('runs/*'), WILDCARD_REASON);
    return new lambda.Function(this, 'Tally', {
      description:
        'Trueup: after each wave of a fleet, counts what came of it and writes the lists of the next',
      runtime: lambda.Runtime.NODEJS_24_X,
      architecture: lambda.Architecture.ARM_64,
      handler: 'index.tallyWave',
      code,
      memorySize: 1024,
      timeout: Duration.minutes(10),
      role,
      logGroup,
      environment: {
        NODE_OPTIONS: '--enable-source-maps',
        ...buildFleetEnvironment({ bucket: this.bucket.bucketName }),
      },
    });
  }

  private makeRole(functions: readonly lambda.Function[]): iam.Role {
    const role = new iam.Role(this, 'RunRole', {
      assumedBy: new iam.ServicePrincipal('states.amazonaws.com'),
    });
    role.addToPolicy(
      new iam.PolicyStatement({
        sid: 'Functions',
        actions: ['lambda:InvokeFunction'],
        resources: functions.map(({ functionArn }) => functionArn),
      }),
    );
    // Permissions of a Distributed Map:
    // https://docs.aws.amazon.com/step-functions/latest/dg/iam-policies-eg-dist-map.html
    role.addToPolicy(
      new iam.PolicyStatement({
        sid: 'ListsAndResults',
        actions: ['s3:AbortMultipartUpload', 's3:GetObject', 's3:ListMultipartUploadParts', 's3:PutObject'],
        resources: [this.bucket.arnForObjects('runs/*')],
      }),
    );
    acknowledgeResource(role, this.bucket.arnForObjects('runs/*'), WILDCARD_REASON);
    return role;
  }

  /**
   * Allows the machine to start and stop the children of its maps. This is a separate policy because it names the
   * machine whose role it belongs to.
   */
  private allowMaps(role: iam.Role): iam.Policy {
    const policy = new iam.Policy(this, 'MapPolicy', {
      roles: [role],
      statements: [
        new iam.PolicyStatement({
          sid: 'Children',
          actions: ['states:StartExecution'],
          resources: [this.machine.stateMachineArn],
        }),
        new iam.PolicyStatement({
          sid: 'OfAChild',
          actions: ['states:DescribeExecution', 'states:StopExecution'],
          resources: [this.executions('/*')],
        }),
      ],
    });
    acknowledgeResource(policy, this.executions('/*'), WILDCARD_REASON);
    return policy;
  }

  /** Acknowledges the wildcards of {@link statements} for a role that has these permissions. */
  acknowledge(role: IConstruct): void {
    for (const objects of ['latest/*', 'runs/*'])
      acknowledgeResource(role, this.bucket.arnForObjects(objects), WILDCARD_REASON);
    acknowledgeResource(role, this.executions(':*'), WILDCARD_REASON);
  }

  /** Returns an ARN with a wildcard for executions. @param which `:*` for runs, `/*` for the children of their maps */
  private executions(which: ':*' | '/*'): string {
    return Stack.of(this).formatArn({
      service: 'states',
      resource: 'execution',
      arnFormat: ArnFormat.COLON_RESOURCE_NAME,
      resourceName: `${this.machine.stateMachineName}${which}`,
    });
  }
}

const WILDCARD_REASON = 'Names of runs and of their objects are made when a run begins.';
