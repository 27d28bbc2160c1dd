/** Where a server stands: its VPC and its subnets. */
import type { Stack } from 'aws-cdk-lib';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import { addSecretsManagerEndpoint } from '../constructs/database/network';
import { acknowledge } from '../constructs/functions/acknowledge';
import { refuse } from '../constructs/validation/check';
import { subnetsIn } from '../constructs/validation/resources';
import type { DatabaseStackProps } from './database-stack-props';

export interface IsolatedVpc {
  readonly vpc: ec2.Vpc;
  /** Of Secrets Manager. */
  readonly endpoint: ec2.InterfaceVpcEndpoint;
}

/** No route leads in or out of it, except to Secrets Manager. */
export function isolatedVpc(stack: Stack): IsolatedVpc {
  const vpc = new ec2.Vpc(stack, 'Vpc', {
    maxAzs: 2,
    natGateways: 0,
    subnetConfiguration: [{ name: 'Isolated', subnetType: ec2.SubnetType.PRIVATE_ISOLATED, cidrMask: 24 }],
    // Nothing uses the default group, and to empty it takes another function with rights on security groups.
    restrictDefaultSecurityGroup: false,
  });
  const endpoint = addSecretsManagerEndpoint(vpc, 'SecretsManager');
  acknowledge(
    vpc,
    'AwsSolutions-VPC7',
    'No route leads in or out; add flow logs with vpc.addFlowLog() where you keep them.',
  );
  return { vpc, endpoint };
}

export const subnetsOf = ({ vpcSubnets }: DatabaseStackProps): ec2.SubnetSelection =>
  vpcSubnets ?? { subnetType: ec2.SubnetType.PRIVATE_ISOLATED };

/** RDS refuses a subnet group in one zone. */
export function checkSubnets(stack: Stack, vpc: ec2.IVpc, selection: ec2.SubnetSelection): void {
  const problem = subnetsIn(vpc)(selection, 'vpcSubnets');
  if (problem !== undefined) refuse(stack, problem);
  const zones = zonesOf(vpc.selectSubnets(selection));
  if (zones === undefined || zones.size > 1) return;
  refuse(
    stack,
    `vpcSubnets selects subnets in one availability zone (${[...zones].join()}); it must be two at least`,
  );
}

/** Undefined where they are not known: CDK throws for a subnet that is imported by its id alone. */
function zonesOf(selected: ec2.SelectedSubnets): ReadonlySet<string> | undefined {
  try {
    return selected.isPendingLookup ? undefined : new Set(selected.availabilityZones);
  } catch {
    return undefined;
  }
}
