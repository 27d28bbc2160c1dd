import type { CfnResource } from 'aws-cdk-lib';
import { Stack, Validations } from 'aws-cdk-lib';
import type * as lambda from 'aws-cdk-lib/aws-lambda';
import type { IConstruct } from 'constructs';

/** Acknowledges an intended cdk-nag finding, with the reason. */
export function acknowledgeNagRule(scope: IConstruct, id: string, reason: string): void {
  Validations.of(scope).acknowledge({ id, reason });
}

/**
 * Acknowledges a wildcard in an ARN. cdk-nag compares the ARN as it is in the template. That text depends on whether
 * region and account are known and whether a part comes from another stack, and the latter is decided only while the
 * app is synthesized.
 */
export function acknowledgeResource(scope: IConstruct, arn: string, reason: string): void {
  const id = () => `AwsSolutions-IAM5[Resource::${flattenReference(Stack.of(scope).resolve(arn))}]`;
  const atFirst = id();
  acknowledgeNagRule(scope, atFirst, reason);
  scope.node.addValidation({
    validate: () => {
      const now = id();
      if (now !== atFirst) acknowledgeNagRule(scope, now, reason);
      return [];
    },
  });
}

/** Formats a value of the template as cdk-nag does. */
function flattenReference(value: unknown): string {
  if (typeof value === 'string') return value.replaceAll('${', '<').replaceAll('}', '>');
  const [[name, argument] = []] = Object.entries(value as object);
  switch (name) {
    case 'Fn::Join': {
      const [delimiter, parts] = argument as [string, unknown[]];
      return parts.map(flattenReference).join(delimiter);
    }
    case 'Fn::GetAtt':
      return `<${(argument as unknown[]).map(flattenReference).join('.')}>`;
    case 'Ref':
      return `<${flattenReference(argument)}>`;
    case 'Fn::ImportValue':
    case 'Fn::Sub':
      return flattenReference(argument);
    default:
      return JSON.stringify(value);
  }
}

/**
 * Acknowledges a grant on all versions of a function, which CDK's own grants include; cdk-nag wants each such resource
 * named.
 */
export function acknowledgeVersions(scope: IConstruct, fn: lambda.Function, reason: string): void {
  const logicalId = Stack.of(fn).resolve((fn.node.defaultChild as CfnResource).logicalId);
  acknowledgeNagRule(scope, `AwsSolutions-IAM5[Resource::<${logicalId}.Arn>:*]`, reason);
}

/**
 * Acknowledges an endpoint's security group rule for the VPC's own address range. cdk-nag cannot evaluate a rule whose
 * address is resolved during the deployment.
 */
export function acknowledgeEndpoint(endpoint: IConstruct): void {
  acknowledgeNagRule(
    endpoint,
    'AwsSolutions-EC23',
    "Admits the VPC's own addresses, which are not known at synth.",
  );
}
