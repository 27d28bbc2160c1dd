/**
 * Creates the network path from `migrate` to the database and to Secrets Manager: security groups, rules and an
 * endpoint.
 */
import { Annotations, CfnResource, Stack, Stage, Token } from 'aws-cdk-lib';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import type { Construct, IDependable } from 'constructs';
import { acknowledgeEndpoint } from '../functions/acknowledge';
import type { PgAccess } from './access';

export interface NetworkPath {
  readonly securityGroup: ec2.SecurityGroup;
  /** Rules and endpoint, without which no connection succeeds. */
  readonly dependencies: readonly IDependable[];
}

/** Opens the network path of a function. @param readsSecret whether the function has to reach Secrets Manager */
export function openNetworkPath(scope: Construct, access: PgAccess, readsSecret: boolean): NetworkPath {
  const securityGroup = new ec2.SecurityGroup(scope, 'SecurityGroup', {
    vpc: access.vpc,
    description: 'Trueup: migrate, to the database and to Secrets Manager',
    allowAllOutbound: false,
  });
  const databasePort = ec2.Port.tcp(access.port);
  const dependencies = allowTraffic(
    scope,
    'Database',
    securityGroup,
    access.securityGroups,
    databasePort,
    access.openPorts,
  );
  if (readsSecret) {
    const endpoint = resolveSecretsManagerEndpoint(scope, access);
    const groups = endpoint?.securityGroups ?? [];
    dependencies.push(...allowTraffic(scope, 'SecretsManager', securityGroup, groups, ec2.Port.HTTPS, true));
    if (endpoint?.resource) dependencies.push(endpoint.resource);
  }
  return { securityGroup, dependencies };
}

/**
 * Allows traffic from the function's security group to the other side's groups. The groups are imported by ID into this
 * construct's scope. The rules then belong to this stack, on which the groups' stack must not depend, and the custom
 * resource can depend on exactly these rules. A group's own subtree may contain rules of services that depend on the
 * custom resource.
 */
function allowTraffic(
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
  // Without a known group, e.g. for the public endpoint of Secrets Manager behind a NAT gateway, any address is
  // allowed.
  if (imported.length === 0) from.addEgressRule(ec2.Peer.anyIpv4(), port, `Trueup to ${id}`);
  return [...imported, ...from.node.children.filter((child) => !before.has(child))];
}

interface Endpoint {
  readonly securityGroups: readonly ec2.ISecurityGroup[];
  /** The endpoint's resource, if this app creates it. */
  readonly resource?: IDependable;
}

function resolveSecretsManagerEndpoint(scope: Construct, access: PgAccess): Endpoint | undefined {
  const { vpc, secretsManagerEndpoint: given, createSecretsManagerEndpoint: create } = access;
  if (create === false) return undefined;
  if (given) return fromConstruct(given);
  const [existing] = findEndpoints(scope, vpc);
  if (existing) return fromResource(scope, existing);
  if (create ?? (isOfThisApp(vpc) && hasNoWayOut(access))) {
    return fromConstruct(addSecretsManagerEndpoint(vpc, 'TrueupSecretsManager'));
  }
  if (hasNoWayOut(access)) {
    Annotations.of(scope).addWarningV2(
      'trueup:secretsManagerEndpoint',
      'migrate reads a secret, and runs in subnets that cannot reach it: isolated ones, or public ones, where a function has ' +
        'no public address. Whether their VPC has an endpoint for Secrets Manager is not known here. Set ' +
        'createSecretsManagerEndpoint: true to create one, or false if there is one.',
    );
  }
  return undefined;
}

/**
 * Adds an interface endpoint for Secrets Manager. It serves everything in the VPC, because its private DNS name
 * replaces the public one there.
 */
export function addSecretsManagerEndpoint(vpc: ec2.IVpc, id: string): ec2.InterfaceVpcEndpoint {
  const endpoint = vpc.addInterfaceEndpoint(id, {
    service: ec2.InterfaceVpcEndpointAwsService.SECRETS_MANAGER,
  });
  acknowledgeEndpoint(endpoint);
  // Validated at the end of synth, when endpoints that are declared later exist too.
  endpoint.node.addValidation({ validate: () => validateSingleEndpoint(endpoint, vpc) });
  return endpoint;
}

/**
 * Reports a second endpoint at synth, because AWS refuses it in the middle of a deployment: the private DNS name can
 * resolve to only one endpoint.
 */
function validateSingleEndpoint(own: ec2.InterfaceVpcEndpoint, vpc: ec2.IVpc): string[] {
  const others = findEndpoints(own, vpc).filter((each) => each !== own.node.defaultChild);
  return others.map(
    (other) =>
      `${other.node.path} is a second endpoint for Secrets Manager with the same private name in one VPC, which AWS refuses. ` +
      'Keep one: make yours before the schema (then it is found), or give it to the schema as secretsManagerEndpoint; ' +
      'a VPC that DatabaseStack makes has one already.',
  );
}

/**
 * Finds the endpoints for Secrets Manager that any stack of the app creates in this VPC. One of them is reused, since
 * AWS refuses a second one with the same private DNS name.
 */
function findEndpoints(scope: Construct, vpc: ec2.IVpc): ec2.CfnVPCEndpoint[] {
  const inApp = (Stage.of(scope) ?? scope.node.root).node.findAll();
  return inApp.filter(
    (each): each is ec2.CfnVPCEndpoint =>
      CfnResource.isCfnResource(each) &&
      each.cfnResourceType === 'AWS::EC2::VPCEndpoint' &&
      isSecretsManagerEndpoint(each as ec2.CfnVPCEndpoint, vpc),
  );
}

function isSecretsManagerEndpoint(endpoint: ec2.CfnVPCEndpoint, vpc: ec2.IVpc): boolean {
  const { vpcId, serviceName, privateDnsEnabled } = endpoint;
  if (vpcId !== vpc.vpcId || privateDnsEnabled === false) return false;
  // The service name contains the region, usually as a token.
  return /\.secretsmanager\b(?!-)/.test(JSON.stringify(Stack.of(endpoint).resolve(serviceName)) ?? '');
}

const fromConstruct = (endpoint: ec2.IInterfaceVpcEndpoint): Endpoint => ({
  securityGroups: endpoint.connections.securityGroups,
  resource: endpoint.node.defaultChild,
});

/** Uses CDK's own construct around the resource, unless the resource was created directly as an L1 construct. */
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

/**
 * Returns whether all selected subnets lack a route to the internet for a function: isolated subnets, and public ones,
 * where a function has no public address and so cannot use the internet gateway.
 */
function hasNoWayOut({ vpc, vpcSubnets }: PgAccess): boolean {
  const selected = vpc.selectSubnets(vpcSubnets);
  // CDK is still looking the VPC up in the first of its two passes.
  if (selected.isPendingLookup) return false;
  const without = new Set([...vpc.isolatedSubnets, ...vpc.publicSubnets].map((subnet) => subnet.subnetId));
  return selected.subnetIds.every((id) => without.has(id));
}
