/** The network path from `migrate` to the database and to Secrets Manager: security groups and endpoint. */
import { Annotations, CfnResource, Stack, Stage, Token } from 'aws-cdk-lib';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import type { Construct, IDependable } from 'constructs';
import { acknowledgeEndpoint } from '../functions/acknowledge';
import type { PgAccess } from './access';

export interface NetworkPath {
  readonly securityGroup: ec2.SecurityGroup;
  /** Rules and endpoint: before they are there, no connection comes about. */
  readonly dependencies: readonly IDependable[];
}

/** @param readsSecret whether the function has to reach Secrets Manager */
export function openNetworkPath(scope: Construct, access: PgAccess, readsSecret: boolean): NetworkPath {
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
    const groups = endpoint?.securityGroups ?? [];
    dependencies.push(...allow(scope, 'SecretsManager', securityGroup, groups, ec2.Port.HTTPS, true));
    if (endpoint?.resource) dependencies.push(endpoint.resource);
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

interface Endpoint {
  readonly securityGroups: readonly ec2.ISecurityGroup[];
  /** Where this app makes it. */
  readonly resource?: IDependable;
}

function secretsManagerEndpoint(scope: Construct, access: PgAccess): Endpoint | undefined {
  const { vpc, secretsManagerEndpoint: wish } = access;
  if (wish === false) return undefined;
  if (typeof wish === 'object') return fromConstruct(wish);
  const [existing] = findEndpoints(scope, vpc);
  if (existing) return fromResource(scope, existing);
  if (wish ?? (isOfThisApp(vpc) && hasNoWayOut(access))) {
    return fromConstruct(addSecretsManagerEndpoint(vpc, 'TrueupSecretsManager'));
  }
  if (hasNoWayOut(access)) {
    Annotations.of(scope).addWarningV2(
      'trueup:secretsManagerEndpoint',
      'migrate reads a secret, and runs in subnets that cannot reach it: isolated ones, or public ones, where a function has ' +
        'no public address. Whether their VPC has an endpoint for Secrets Manager is not known here. Set ' +
        'secretsManagerEndpoint: true to make one, or false if there is one.',
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
  // At the end of synth, when those that are declared later are there too.
  endpoint.node.addValidation({ validate: () => refuseSecond(endpoint, vpc) });
  return endpoint;
}

/** Amazon refuses it in the middle of a deployment: the private name can lead to one endpoint only. */
function refuseSecond(own: ec2.InterfaceVpcEndpoint, vpc: ec2.IVpc): string[] {
  const others = findEndpoints(own, vpc).filter((each) => each !== own.node.defaultChild);
  return others.map(
    (other) =>
      `${other.node.path} is a second endpoint for Secrets Manager with the same private name in one VPC, which AWS refuses. ` +
      'Keep one: make yours before the schema (then it is found), or give it to the schema as secretsManagerEndpoint; ' +
      'a VPC that DatabaseStack makes has one already.',
  );
}

/** A second endpoint with the same private name would be refused, so one that any stack makes is used. */
function findEndpoints(scope: Construct, vpc: ec2.IVpc): ec2.CfnVPCEndpoint[] {
  const inApp = (Stage.of(scope) ?? scope.node.root).node.findAll();
  return inApp.filter(
    (each): each is ec2.CfnVPCEndpoint =>
      CfnResource.isCfnResource(each) &&
      each.cfnResourceType === 'AWS::EC2::VPCEndpoint' &&
      isSecretsManagers(each as ec2.CfnVPCEndpoint, vpc),
  );
}

function isSecretsManagers(endpoint: ec2.CfnVPCEndpoint, vpc: ec2.IVpc): boolean {
  const { vpcId, serviceName, privateDnsEnabled } = endpoint;
  if (vpcId !== vpc.vpcId || privateDnsEnabled === false) return false;
  // The name holds the region, mostly as a token.
  return /\.secretsmanager\b(?!-)/.test(JSON.stringify(Stack.of(endpoint).resolve(serviceName)) ?? '');
}

const fromConstruct = (endpoint: ec2.IInterfaceVpcEndpoint): Endpoint => ({
  securityGroups: endpoint.connections.securityGroups,
  resource: endpoint.node.defaultChild,
});

/** CDK's own construct lies around the resource, unless somebody made the resource by itself. */
function fromResource(scope: Construct, resource: ec2.CfnVPCEndpoint): Endpoint {
  const around = resource.node.scope;
  if (around instanceof ec2.InterfaceVpcEndpoint) return fromConstruct(around);
  const ids = Token.isUnresolved(resource.securityGroupIds) ? [] : (resource.securityGroupIds ?? []);
  return {
    resource,
    securityGroups: ids.map((id, index) =>
      ec2.SecurityGroup.fromSecurityGroupId(scope, `EndpointGroup${index}`, String(id)),
    ),
  };
}

const isOfThisApp = (vpc: ec2.IVpc): boolean => vpc.node.defaultChild !== undefined;

/** Isolated subnets, and public ones: a function there has no public address, and so no use for the gateway. */
function hasNoWayOut({ vpc, vpcSubnets }: PgAccess): boolean {
  const selected = vpc.selectSubnets(vpcSubnets);
  // The first of two passes, in which CDK looks the VPC up.
  if (selected.isPendingLookup) return false;
  const without = new Set([...vpc.isolatedSubnets, ...vpc.publicSubnets].map((subnet) => subnet.subnetId));
  return selected.subnetIds.every((id) => without.has(id));
}
