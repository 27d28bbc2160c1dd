/** What `SchemaDatabase` is made of: options, and servers of this app. */
import type { CfnResource } from 'aws-cdk-lib';
import type * as ec2 from 'aws-cdk-lib/aws-ec2';
import type { IConstruct } from 'constructs';
import type {
  DatabaseOptions,
  ExistingDataApiOptions,
  ExistingServerOptions,
  ServerOptions,
} from '../database/options';
import { type Checks, checkProps, kindOf, optional, refuse, shown } from './check';
import { host } from './host';
import { clusterArn, databaseName, loginRole, resourceId } from './names';
import { propertyOf, resourceIn, secret, securityGroups, subnetSelection, subnetsIn, vpc } from './resources';
import { trustedRoots } from './trusted-roots';
import { flag, objectWith, oneOf, whole } from './values';

const endpoint = objectWith('must be true, false or an InterfaceVpcEndpoint', 'vpcEndpointId', 'connections');

const DATABASE: Checks<DatabaseOptions> = {
  databaseName: optional(databaseName),
  createDatabase: optional(flag),
  secret: optional(secret),
};

const SERVER: Checks<ServerOptions> = {
  ...DATABASE,
  auth: optional(oneOf('secret', 'iam')),
  user: optional(loginRole),
  createUser: optional(flag),
  // Which subnets it selects is looked at with the VPC.
  vpcSubnets: optional(subnetSelection),
  openPorts: optional(flag),
  secretsManagerEndpoint: optional((value, name) =>
    typeof value === 'boolean' ? undefined : endpoint(value, name),
  ),
  trustedRoots: optional(trustedRoots),
};

const EXISTING_SERVER: Checks<ExistingServerOptions> = {
  ...SERVER,
  host,
  port: optional(whole(1, 65_535)),
  databaseName,
  vpc,
  securityGroups,
  resourceId: optional(resourceId),
};

const EXISTING_DATA_API: Checks<ExistingDataApiOptions> = { ...DATABASE, clusterArn, databaseName, secret };

export const checkDatabaseOptions = (where: string, options: DatabaseOptions): void =>
  checkProps(where, options, DATABASE);
export const checkServerOptions = (where: string, options: ServerOptions): void =>
  checkProps(where, options, SERVER);
export const checkExistingServer = (where: string, options: ExistingServerOptions): void =>
  checkProps(where, options, EXISTING_SERVER);
export const checkExistingDataApi = (where: string, options: ExistingDataApiOptions): void =>
  checkProps(where, options, EXISTING_DATA_API);

/** @throws {Error} where the function would be placed nowhere, that is, outside the VPC */
export function checkPlacement(where: string, server: ec2.IVpc, options: ServerOptions): void {
  const problem = subnetsIn(server)(options.vpcSubnets, 'vpcSubnets');
  if (problem !== undefined) refuse(where, problem);
}

/** @returns the resource inside it */
export function checkInstance(where: string, instance: IConstruct): CfnResource {
  const cfn = checkServer(where, instance, 'AWS::RDS::DBInstance', 'a DatabaseInstance');
  if (propertyOf(cfn, 'sourceDbInstanceIdentifier') !== undefined) {
    refuse(where, `${kindOf(instance)} is a read replica, which is read-only. Give its source`);
  }
  return cfn;
}

/** @returns the resource inside it */
export const checkCluster = (where: string, cluster: IConstruct): CfnResource =>
  checkServer(where, cluster, 'AWS::RDS::DBCluster', 'a DatabaseCluster');

const ENGINES: readonly unknown[] = ['postgres', 'aurora-postgresql'];

function checkServer(where: string, server: IConstruct, type: string, must: string): CfnResource {
  const cfn = server?.node === undefined ? undefined : resourceIn(server);
  if (cfn === undefined && isImported(server)) {
    refuse(
      where,
      `${kindOf(server)} is imported, so little is known of it. Describe it with SchemaDatabase.existing`,
    );
  }
  if (cfn?.cfnResourceType !== type) {
    refuse(where, `the server is ${kindOf(server)}; it must be ${must} of aws-rds`);
  }
  const engine = propertyOf(cfn, 'engine');
  if (typeof engine === 'string' && !ENGINES.includes(engine)) {
    refuse(where, `${kindOf(server)} is of engine ${shown(engine)}; it must be ${ENGINES.join(' or ')}`);
  }
  return cfn;
}

const isImported = (server: unknown): server is IConstruct =>
  typeof server === 'object' &&
  server !== null &&
  ('instanceEndpoint' in server || 'clusterEndpoint' in server);

/** Refuses at synth what would fail in the middle of a deployment. What is not known yet passes. */
export function requireSwitch(database: IConstruct, cfn: CfnResource, property: string, prop: string): void {
  const value = propertyOf(cfn, property);
  if (value === undefined || value === false) {
    refuse(database, `${prop} must be true`);
  }
}
