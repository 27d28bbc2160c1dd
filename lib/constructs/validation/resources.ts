/** Checks objects of the CDK: AWS resources and constructs. Our own constructs are checked beside their classes. */
import { CfnResource, Stack } from 'aws-cdk-lib';
import type * as ec2 from 'aws-cdk-lib/aws-ec2';
import type * as kms from 'aws-cdk-lib/aws-kms';
import * as logs from 'aws-cdk-lib/aws-logs';
import type * as rds from 'aws-cdk-lib/aws-rds';
import type * as secretsmanager from 'aws-cdk-lib/aws-secretsmanager';
import type * as sns from 'aws-cdk-lib/aws-sns';
import type { IConstruct } from 'constructs';
import { describeKind, formatValue, type PropCheck } from './prop-checks';
import { list, objectCheck, plainObjectCheck, text } from './values';

export const secretCheck = objectCheck<secretsmanager.ISecret>(
  'must be a Secret of aws-secretsmanager',
  'secretArn',
);
export const vpcCheck = objectCheck<ec2.IVpc>('must be a Vpc of aws-ec2', 'vpcId', 'selectSubnets');
export const kmsKeyCheck = objectCheck<kms.IKey>('must be a Key of aws-kms', 'keyArn');
export const topicCheck = objectCheck<sns.ITopic>('must be a Topic of aws-sns', 'topicArn');

export const securityGroupsCheck = list(
  objectCheck<ec2.ISecurityGroup>('must be a SecurityGroup of aws-ec2', 'securityGroupId'),
  {
    key: (group: ec2.ISecurityGroup) => group.securityGroupId,
  },
);

const logGroupObjectCheck = objectCheck<logs.ILogGroup>(
  'must be a LogGroup of aws-logs',
  'logGroupName',
  'logGroupArn',
);

/**
 * Checks a log group, whose class must support metric filters:
 * https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CloudWatch_Logs_Log_Classes.html
 */
export const logGroupCheck: PropCheck = (value, name) => {
  const problem = logGroupObjectCheck(value, name);
  if (problem !== undefined) return problem;
  const cfn = (value as IConstruct).node?.defaultChild;
  const kind = cfn instanceof logs.CfnLogGroup ? cfn.logGroupClass : undefined;
  return kind === logs.LogGroupClass.INFREQUENT_ACCESS || kind === logs.LogGroupClass.DELIVERY
    ? `${name} is ${formatValue(value)} of class ${kind}; it must be of class STANDARD, since no other has metric filters`
    : undefined;
};

export const logGroupNameCheck = text({
  must: 'must be the name of a log group, e.g. /aws/rds/instance/shop/postgresql: up to 512 letters, digits or any of _ - / . #',
  matches: /^[\w\-/.#]{1,512}$/,
});

export const subnetSelectionCheck = plainObjectCheck(
  'must be a selection of subnets, e.g. { subnetType: … }',
);

/**
 * Returns a check that a selection matches subnets of this VPC. Without a selection CDK chooses a type of subnet, which
 * the VPC may not have.
 */
export const buildSubnetsCheck =
  (of: ec2.IVpc): PropCheck =>
  (selection, name) => {
    try {
      const { subnetIds, isPendingLookup } = of.selectSubnets(selection as ec2.SubnetSelection | undefined);
      return subnetIds.length > 0 || isPendingLookup
        ? undefined
        : `${name} selects no subnet; it must select some of ${describeKind(of)}`;
    } catch (error) {
      return `${name} must select subnets of ${describeKind(of)}: ${(error as Error).message.replace(/\.$/, '')}`;
    }
  };

/** Returns the resource inside a CDK construct; an imported construct has none. */
export function findResource(construct: IConstruct): CfnResource | undefined {
  const child = construct.node.defaultChild;
  return child !== undefined && CfnResource.isCfnResource(child) ? child : undefined;
}

/** A property of an instance's or a cluster's resource. */
export type ServerProperty = keyof rds.CfnDBInstanceProps | keyof rds.CfnDBClusterProps;

/** Returns a property of a server's resource, as far as it is known at synth. */
export const readProperty = (resource: CfnResource, property: ServerProperty): unknown =>
  Stack.of(resource).resolve((resource as unknown as Record<string, unknown>)[property]);
