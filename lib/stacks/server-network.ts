/** Creates and checks the VPC and the subnets of a server. */
import type { Stack } from 'aws-cdk-lib';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import { addSecretsManagerEndpoint } from '../constructs/database/network';
import { acknowledgeNagRule } from '../constructs/functions/acknowledge';
import { throwProblems } from '../constructs/validation/prop-checks';
import { buildSubnetsCheck } from '../constructs/validation/resources';
import type { DatabaseStackProps } from './database-stack-props';

export interface IsolatedVpc {
  readonly vpc: ec2.Vpc;
  /** Endpoint for Secrets Manager. */
  readonly endpoint: ec2.InterfaceVpcEndpoint;
}

/** Creates a VPC with no route in or out, except to Secrets Manager. */
export function createIsolatedVpc(stack: Stack): IsolatedVpc {
  const vpc = new ec2.Vpc(stack, 'Vpc', {
    maxAzs: 2,
    natGateways: 0,
    subnetConfiguration: [{ name: 'Isolated', subnetType: ec2.SubnetType.PRIVATE_ISOLATED, cidrMask: 24 }],
    // Nothing uses the default group, and removing its rules would require another function with permissions on
    // security groups.
    restrictDefaultSecurityGroup: false,
  });
  const endpoint = addSecretsManagerEndpoint(vpc, 'SecretsManager');
  acknowledgeNagRule(
    vpc,
    'AwsSolutions-VPC7',
    'No route leads in or out; add flow logs with vpc.addFlowLog() to your own destination.',
  );
  return { vpc, endpoint };
}

export const getSubnetSelection = ({ vpcSubnets }: DatabaseStackProps): ec2.SubnetSelection =>
  vpcSubnets ?? { subnetType: ec2.SubnetType.PRIVATE_ISOLATED };

/** Refuses subnets in only one availability zone, as RDS does for a subnet group. */
export function checkSubnets(stack: Stack, vpc: ec2.IVpc, selection: ec2.SubnetSelection): void {
  const problem = buildSubnetsCheck(vpc)(selection, 'vpcSubnets');
  if (problem !== undefined) throwProblems(stack, problem);
  const zones = findAvailabilityZones(vpc.selectSubnets(selection));
  if (zones === undefined || zones.size > 1) return;
  throwProblems(
    stack,
    `vpcSubnets selects subnets in one availability zone (${[...zones].join()}); at least two are required`,
  );
}

/**
 * Returns the subnets' availability zones, or undefined if they are unknown: CDK throws for a subnet that was imported
 * only by its ID.
 */
function findAvailabilityZones(selected: ec2.SelectedSubnets): ReadonlySet<string> | undefined {
  try {
    return selected.isPendingLookup ? undefined : new Set(selected.availabilityZones);
  } catch {
    return undefined;
  }
}
