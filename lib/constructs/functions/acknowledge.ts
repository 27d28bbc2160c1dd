import type { CfnResource } from 'aws-cdk-lib';
import { Stack, Validations } from 'aws-cdk-lib';
import type * as lambda from 'aws-cdk-lib/aws-lambda';
import type { IConstruct } from 'constructs';

/** A cdk-nag finding that is meant to be, and why. */
export function acknowledge(scope: IConstruct, id: string, reason: string): void {
  Validations.of(scope).acknowledge({ id, reason });
}

/** CDK's own grants of a function name all of its versions, and cdk-nag wants each such resource named. */
export function acknowledgeVersions(scope: IConstruct, fn: lambda.Function, reason: string): void {
  const logicalId = Stack.of(fn).resolve((fn.node.defaultChild as CfnResource).logicalId);
  acknowledge(scope, `AwsSolutions-IAM5[Resource::<${logicalId}.Arn>:*]`, reason);
}

/** cdk-nag cannot read a rule whose address is filled in at deployment; this one is the VPC's own range. */
export function acknowledgeEndpoint(endpoint: IConstruct): void {
  acknowledge(endpoint, 'AwsSolutions-EC23', "Admits the VPC's own addresses, which are not known at synth.");
}
