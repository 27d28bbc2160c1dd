/** Checks of what other libraries make: resources of AWS's CDK, and constructs of this one. */
import { CfnResource, Stack } from 'aws-cdk-lib';
import type * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as logs from 'aws-cdk-lib/aws-logs';
import type { IConstruct } from 'constructs';
import { type Check, kindOf, shown } from './check';
import { list, objectWith, plainObject, text } from './values';

export const secret = objectWith('must be a Secret of aws-secretsmanager', 'secretArn');
export const vpc = objectWith('must be a Vpc of aws-ec2', 'vpcId', 'selectSubnets');
export const key = objectWith('must be a Key of aws-kms', 'keyArn');
export const topic = objectWith('must be a Topic of aws-sns', 'topicArn');

export const securityGroups = list(objectWith('must be a SecurityGroup of aws-ec2', 'securityGroupId'), {
  key: (group: ec2.ISecurityGroup) => group.securityGroupId,
});

export const schemaDatabase = objectWith(
  'must be a SchemaDatabase: SchemaDatabase.instance(…), cluster(…), dataApi(…), existing(…) or existingDataApi(…)',
  'access',
  'databaseName',
);
export const schema = objectWith('must be a SchemaMigrations', 'migrateFunction', 'namespace');
export const schemas = list(schema, { notEmpty: 'must name at least one SchemaMigrations' });
export const schemaFleet = objectWith('must be a SchemaFleet', 'migrateFunctions', 'namespace');
export const alarms = objectWith('must be a SchemaAlarms', 'errorAlarms', 'databaseLogGroup');

const anyLogGroup = objectWith('must be a LogGroup of aws-logs', 'logGroupName', 'logGroupArn');

/** https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CloudWatch_Logs_Log_Classes.html */
export const logGroup: Check = (value, name) => {
  const problem = anyLogGroup(value, name);
  if (problem !== undefined) return problem;
  const cfn = (value as IConstruct).node?.defaultChild;
  const kind = cfn instanceof logs.CfnLogGroup ? cfn.logGroupClass : undefined;
  return kind === logs.LogGroupClass.INFREQUENT_ACCESS || kind === logs.LogGroupClass.DELIVERY
    ? `${name} is ${shown(value)} of class ${kind}; it must be of class STANDARD, since no other has metric filters`
    : undefined;
};

export const logGroupName = text({
  must: 'must be the name of a log group, e.g. /aws/rds/instance/shop/postgresql: up to 512 letters, digits or any of _ - / . #',
  matches: /^[\w\-/.#]{1,512}$/,
});

export const subnetSelection = plainObject('must be a selection of subnets, e.g. { subnetType: … }');

/** Of this VPC; left out, it is CDK's own choice, and a VPC may have none of that kind. */
export const subnetsIn =
  (of: ec2.IVpc): Check =>
  (selection, name) => {
    try {
      const { subnetIds, isPendingLookup } = of.selectSubnets(selection as ec2.SubnetSelection | undefined);
      return subnetIds.length > 0 || isPendingLookup
        ? undefined
        : `${name} selects no subnet; it must select some of ${kindOf(of)}`;
    } catch (error) {
      return `${name} must select subnets of ${kindOf(of)}: ${(error as Error).message.replace(/\.$/, '')}`;
    }
  };

/** The resource inside CDK's own construct; an imported one has none. */
export function resourceIn(construct: IConstruct): CfnResource | undefined {
  const child = construct.node.defaultChild;
  return child !== undefined && CfnResource.isCfnResource(child) ? child : undefined;
}

/** A property of a resource as far as it is known at synth. */
export const propertyOf = (resource: CfnResource, property: string): unknown =>
  Stack.of(resource).resolve((resource as unknown as Record<string, unknown>)[property]);
