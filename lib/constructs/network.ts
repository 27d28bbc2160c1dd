/** The way of `migrate` to the database and to Secrets Manager, opened from the function's side. */
import { Annotations, CfnResource, Stack } from 'aws-cdk-lib';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import type { Construct, IDependable } from 'constructs';
import { acknowledgeEndpoint } from './acknowledge';
import type { PgAccess } from './schema-database';

export interface Way {
  readonly securityGroup: ec2.SecurityGroup;
  /** Rules and endpoint: before they are there, no connection comes about. */
  readonly dependencies: readonly IDependable[];
}

/** @param readsSecret whether the function has to reach Secrets Manager */
export function openWay(scope: Construct, access: PgAccess, readsSecret: boolean): Way {
  const securityGroup = new ec2.SecurityGroup(scope, 'SecurityGroup', {
    vpc: access.vpc,
    description: 'Trueup: migrate, to the database and to Secrets Manager',
    allowAllOutbound: false,
  });
  const databasePort = ec2.Port.tcp(access.port);
  const dependencies = allow(
    scope,
    'Database',
    securityGroup,
    access.securityGroups,
    databasePort,
    access.openPorts,
  );
  if (readsSecret) {
    const endpoint = secretsManagerEndpoint(scope, access);
    const groups = endpoint?.connections.securityGroups ?? [];
    dependencies.push(...allow(scope, 'SecretsManager', securityGroup, groups, ec2.Port.HTTPS, true));
    const cfn = endpoint?.node.defaultChild;
    if (cfn) dependencies.push(cfn);
  }
  return { securityGroup, dependencies };
}

/**
 * The other side's groups are imported by id into our scope, so that the rules stay in our stack (theirs must not depend
 * on ours) and so that we can depend on exactly these rules: a group's own subtree may hold rules of services that
 * wait for us.
 */
function allow(
  scope: Construct,
  id: string,
  from: ec2.SecurityGroup,
  to: readonly ec2.ISecurityGroup[],
  port: ec2.Port,
  ingress: boolean,
): IDependable[] {
  const before = new Set(from.node.children);
  const imported = to.map((group, index) =>
    ec2.SecurityGroup.fromSecurityGroupId(scope, `${id}Group${index}`, group.securityGroupId, {
      mutable: ingress,
    }),
  );
  for (const group of imported) from.connections.allowTo(group, port, `Trueup to ${id}`);
  // No group is known, e.g. the public endpoint of Secrets Manager behind a NAT gateway.
  if (imported.length === 0) from.addEgressRule(ec2.Peer.anyIpv4(), port, `Trueup to ${id}`);
  return [...imported, ...from.node.children.filter((child) => !before.has(child))];
}

function secretsManagerEndpoint(scope: Construct, access: PgAccess): ec2.IInterfaceVpcEndpoint | undefined {
  const { vpc, secretsManagerEndpoint: wish } = access;
  if (wish === false) return undefined;
  if (typeof wish === 'object') return wish;
  const existing = findEndpoint(vpc);
  if (existing) return existing;
  if (wish ?? (isOfThisApp(vpc) && isIsolated(access))) {
    return addSecretsManagerEndpoint(vpc, 'TrueupSecretsManager');
  }
  if (isIsolated(access)) {
    Annotations.of(scope).addWarningV2(
      'trueup:secretsManagerEndpoint',
      'migrate runs in isolated subnets and reads a secret; whether their VPC has an endpoint for Secrets Manager is ' +
        'not known here. Set secretsManagerEndpoint: true to make one, or false if there is one.',
    );
  }
  return undefined;
}

/** For everybody in the VPC, since its private name takes the place of the public one for all of them. */
export function addSecretsManagerEndpoint(vpc: ec2.IVpc, id: string): ec2.InterfaceVpcEndpoint {
  const endpoint = vpc.addInterfaceEndpoint(id, {
    service: ec2.InterfaceVpcEndpointAwsService.SECRETS_MANAGER,
  });
  acknowledgeEndpoint(endpoint);
  return endpoint;
}

/** A second endpoint with the same private name would be refused, so one that the VPC's stack makes is used. */
function findEndpoint(vpc: ec2.IVpc): ec2.InterfaceVpcEndpoint | undefined {
  const cfn = Stack.of(vpc)
    .node.findAll()
    .find(
      (each): each is ec2.CfnVPCEndpoint =>
        CfnResource.isCfnResource(each) &&
        each.cfnResourceType === 'AWS::EC2::VPCEndpoint' &&
        (each as ec2.CfnVPCEndpoint).vpcId === vpc.vpcId &&
        ((each as ec2.CfnVPCEndpoint).serviceName ?? '').includes('secretsmanager'),
    );
  return cfn?.node.scope as ec2.InterfaceVpcEndpoint | undefined;
}

const isOfThisApp = (vpc: ec2.IVpc): boolean => vpc.node.defaultChild !== undefined;

function isIsolated({ vpc, vpcSubnets }: PgAccess): boolean {
  const selected = vpc.selectSubnets(vpcSubnets);
  // The first of two passes, in which CDK looks the VPC up.
  if (selected.isPendingLookup) return false;
  const isolated = new Set(vpc.isolatedSubnets.map((subnet) => subnet.subnetId));
  return selected.subnetIds.every((id) => isolated.has(id));
}
