/** Checks the options of `SchemaDatabase`, and the servers of this app that it is given. */
import type { CfnResource } from 'aws-cdk-lib';
import type * as ec2 from 'aws-cdk-lib/aws-ec2';
import type * as rds from 'aws-cdk-lib/aws-rds';
import type { IConstruct } from 'constructs';
import type {
  ConnectionOptions,
  DatabaseOptions,
  ExistingDataApiOptions,
  ExistingServerOptions,
  ServerOptions,
} from '../database/options';
import { hostCheck } from './host';
import { clusterArnCheck, databaseNameCheck, loginRoleCheck, resourceIdCheck } from './name-checks';
import {
  checkProps,
  describeKind,
  formatValue,
  optional,
  type PropChecks,
  throwProblems,
} from './prop-checks';
import {
  buildSubnetsCheck,
  findResource,
  readProperty,
  type ServerProperty,
  secretCheck,
  securityGroupsCheck,
  subnetSelectionCheck,
  vpcCheck,
} from './resources';
import { trustedRootsCheck } from './trusted-roots';
import { booleanCheck, enumCheck, integerCheck, objectCheck } from './values';

const endpointCheck = objectCheck<ec2.IInterfaceVpcEndpoint>(
  'must be an InterfaceVpcEndpoint of aws-ec2',
  'vpcEndpointId',
  'connections',
);

const DATABASE_CHECKS: PropChecks<DatabaseOptions> = {
  databaseName: optional(databaseNameCheck),
  createDatabase: optional(booleanCheck),
  secret: optional(secretCheck),
  login: optional(enumCheck('own', 'secret')),
  user: optional(loginRoleCheck),
  createUser: optional(booleanCheck),
};

const SERVER_CHECKS: PropChecks<ServerOptions> = {
  ...DATABASE_CHECKS,
  auth: optional(enumCheck('secret', 'iam')),
  // checkPlacement() checks which subnets it selects, because that needs the VPC.
  vpcSubnets: optional(subnetSelectionCheck),
  openPorts: optional(booleanCheck),
  secretsManagerEndpoint: optional(endpointCheck),
  createSecretsManagerEndpoint: optional(booleanCheck),
  trustedRoots: optional(trustedRootsCheck),
};

const EXISTING_SERVER_CHECKS: PropChecks<ExistingServerOptions> = {
  ...SERVER_CHECKS,
  host: hostCheck,
  port: optional(integerCheck(1, 65_535)),
  databaseName: databaseNameCheck,
  vpc: vpcCheck,
  securityGroups: securityGroupsCheck,
  resourceId: optional(resourceIdCheck),
};

const EXISTING_DATA_API_CHECKS: PropChecks<ExistingDataApiOptions> = {
  ...DATABASE_CHECKS,
  clusterArn: clusterArnCheck,
  databaseName: databaseNameCheck,
  secret: secretCheck,
};

export const checkDatabaseOptions = (where: string, options: DatabaseOptions): void =>
  checkProps(where, options, DATABASE_CHECKS);
export function checkServerOptions(where: string, options: ServerOptions): void {
  checkProps(where, options, SERVER_CHECKS);
  checkEndpoint(where, options);
}
export function checkExistingServer(where: string, options: ExistingServerOptions): void {
  checkProps(where, options, EXISTING_SERVER_CHECKS);
  checkEndpoint(where, options);
}
export const checkExistingDataApi = (where: string, options: ExistingDataApiOptions): void =>
  checkProps(where, options, EXISTING_DATA_API_CHECKS);

function checkEndpoint(
  where: string,
  { secretsManagerEndpoint, createSecretsManagerEndpoint }: ConnectionOptions,
): void {
  if (secretsManagerEndpoint === undefined || createSecretsManagerEndpoint === undefined) return;
  throwProblems(
    where,
    'secretsManagerEndpoint is the endpoint to use, and createSecretsManagerEndpoint says whether to create one. Set one of them',
  );
}

/**
 * Checks that the subnet selection matches subnets.
 * @throws {Error} if it matches none, which would place the function outside the VPC
 */
export function checkPlacement(where: string, server: ec2.IVpc, options: ServerOptions): void {
  const problem = buildSubnetsCheck(server)(options.vpcSubnets, 'vpcSubnets');
  if (problem !== undefined) throwProblems(where, problem);
}

/** Checks an instance of this app and returns the resource inside it. */
export function checkInstance(where: string, instance: IConstruct): CfnResource {
  const cfn = checkServer(where, instance, 'AWS::RDS::DBInstance', 'a DatabaseInstance');
  if (readProperty(cfn, 'sourceDbInstanceIdentifier') !== undefined) {
    throwProblems(where, `${describeKind(instance)} is a read replica, which is read-only. Give its source`);
  }
  return cfn;
}

/** Checks a cluster of this app and returns the resource inside it. */
export const checkCluster = (where: string, cluster: IConstruct): CfnResource =>
  checkServer(where, cluster, 'AWS::RDS::DBCluster', 'a DatabaseCluster');

const ENGINES: readonly unknown[] = ['postgres', 'aurora-postgresql'];

function checkServer(where: string, server: IConstruct, type: string, must: string): CfnResource {
  const cfn = server?.node === undefined ? undefined : findResource(server);
  if (cfn === undefined && isImported(server)) {
    throwProblems(
      where,
      `${describeKind(server)} is imported, so little is known of it. Describe it with SchemaDatabase.existing`,
    );
  }
  if (cfn?.cfnResourceType !== type) {
    throwProblems(where, `the server is ${describeKind(server)}; it must be ${must} of aws-rds`);
  }
  const engine = readProperty(cfn, 'engine');
  if (typeof engine === 'string' && !ENGINES.includes(engine)) {
    throwProblems(
      where,
      `${describeKind(server)} is of engine ${formatValue(engine)}; it must be ${ENGINES.join(' or ')}`,
    );
  }
  return cfn;
}

const SERVER_MEMBERS: readonly (keyof rds.IDatabaseInstance | keyof rds.IDatabaseCluster)[] = [
  'instanceEndpoint',
  'clusterEndpoint',
];

const isImported = (server: unknown): server is IConstruct =>
  typeof server === 'object' && server !== null && SERVER_MEMBERS.some((member) => member in server);

/**
 * Refuses at synth a server without a setting that the deployment needs. A value that is unknown at synth is accepted.
 */
export function requireSwitch(
  database: IConstruct,
  cfn: CfnResource,
  property: ServerProperty,
  prop: keyof rds.DatabaseInstanceProps | keyof rds.DatabaseClusterProps,
): void {
  const value = readProperty(cfn, property);
  if (value === undefined || value === false) {
    throwProblems(database, `${prop} must be true`);
  }
}
