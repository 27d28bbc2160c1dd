/** Which database a schema lives in, how `migrate` gets there, and as whom it logs in. */
import { CfnResource, Tokenization } from 'aws-cdk-lib';
import type * as ec2 from 'aws-cdk-lib/aws-ec2';
import type * as rds from 'aws-cdk-lib/aws-rds';
import type * as secretsmanager from 'aws-cdk-lib/aws-secretsmanager';
import type { IDependable } from 'constructs';
import { refuse } from '../validation/check';
import {
  checkCluster,
  checkDatabaseOptions,
  checkExistingDataApi,
  checkExistingServer,
  checkInstance,
  checkPlacement,
  checkServerOptions,
  requireSwitch,
} from '../validation/database';
import { propertyOf } from '../validation/resources';
import type { DataApiAccess, PgAccess } from './access';
import { loginFor, type ServerLogin } from './login';
import type {
  DatabaseOptions,
  ExistingDataApiOptions,
  ExistingServerOptions,
  ServerOptions,
} from './options';

interface Server extends ServerLogin {
  readonly host: string;
  readonly port: number;
  readonly vpc: ec2.IVpc;
  readonly securityGroups: readonly ec2.ISecurityGroup[];
  readonly dependencies: readonly IDependable[];
}

type Instance = rds.DatabaseInstance | rds.DatabaseInstanceFromSnapshot;
type Cluster = rds.DatabaseCluster | rds.DatabaseClusterFromSnapshot;

/**
 * A database that `SchemaMigrations` can work on: made in this app, or an existing one.
 *
 * @example
 * // The initial database of an instance or cluster of this app, as its master user
 * SchemaDatabase.instance(instance);
 *
 * // One of several on a server, made by the first run, as a role of its own
 * SchemaDatabase.cluster(cluster, { databaseName: 'courses', createDatabase: true, auth: 'iam' });
 *
 * // A server that this app does not make
 * SchemaDatabase.existing({
 *   host: 'prod.cluster-c0ffee.eu-central-1.rds.amazonaws.com',
 *   databaseName: 'courses',
 *   vpc,
 *   securityGroups: [databaseSecurityGroup],
 *   secret,
 * });
 */
export class SchemaDatabase {
  /** An RDS for PostgreSQL instance of this app. */
  static instance(instance: Instance, options: ServerOptions = {}): SchemaDatabase {
    const where = 'SchemaDatabase.instance';
    const cfn = checkInstance(where, instance);
    checkServerOptions(where, options);
    return SchemaDatabase.server(`${where}(${instance.node.path})`, options, {
      host: instance.dbInstanceEndpointAddress,
      port: instance.instanceEndpoint.port,
      databaseName: initialDatabase(cfn, 'dbName'),
      vpc: instance.vpc,
      securityGroups: instance.connections.securityGroups,
      secret: instance.secret,
      resourceId: () => {
        requireSwitch(instance, cfn, 'enableIamDatabaseAuthentication', 'iamAuthentication');
        return instance.instanceResourceId;
      },
      dependencies: [],
    });
  }

  /** An Aurora PostgreSQL cluster of this app, through its writer's endpoint. */
  static cluster(cluster: Cluster, options: ServerOptions = {}): SchemaDatabase {
    const where = 'SchemaDatabase.cluster';
    const cfn = checkCluster(where, cluster);
    checkServerOptions(where, options);
    return SchemaDatabase.server(`${where}(${cluster.node.path})`, options, {
      host: cluster.clusterEndpoint.hostname,
      port: cluster.clusterEndpoint.port,
      databaseName: initialDatabase(cfn, 'databaseName'),
      vpc: cluster.vpc,
      securityGroups: cluster.connections.securityGroups,
      secret: cluster.secret,
      resourceId: () => {
        requireSwitch(cluster, cfn, 'enableIamDatabaseAuthentication', 'iamAuthentication');
        return cluster.clusterResourceIdentifier;
      },
      // The cluster's endpoint is there before anything answers on it.
      dependencies: instancesOf(cluster),
    });
  }

  /** An Aurora PostgreSQL cluster of this app through the RDS Data API: no function in a VPC, no open port. */
  static dataApi(cluster: Cluster, options: DatabaseOptions = {}): SchemaDatabase {
    const where = 'SchemaDatabase.dataApi';
    const cfn = checkCluster(where, cluster);
    checkDatabaseOptions(where, options);
    requireSwitch(cluster, cfn, 'enableHttpEndpoint', 'enableDataApi');
    const secret = options.secret ?? cluster.secret;
    if (!secret) refuse(`${where}(${cluster.node.path})`, 'it has no secret to log in with. Give `secret`');
    return new SchemaDatabase(
      { transport: 'data-api', clusterArn: cluster.clusterArn, secret },
      options.databaseName ?? initialDatabase(cfn, 'databaseName'),
      options.createDatabase ? secret : undefined,
      options.createDatabase ?? false,
      [secret, ...instancesOf(cluster)],
    );
  }

  /** A PostgreSQL server that this app does not make. */
  static existing(options: ExistingServerOptions): SchemaDatabase {
    const where = 'SchemaDatabase.existing';
    checkExistingServer(where, options);
    return SchemaDatabase.server(where, options, {
      host: options.host,
      port: options.port ?? 5432,
      databaseName: options.databaseName,
      vpc: options.vpc,
      securityGroups: options.securityGroups,
      secret: undefined,
      resourceId: () => options.resourceId,
      dependencies: [],
    });
  }

  /** An Aurora cluster that this app does not make, through the RDS Data API. */
  static existingDataApi(options: ExistingDataApiOptions): SchemaDatabase {
    checkExistingDataApi('SchemaDatabase.existingDataApi', options);
    return new SchemaDatabase(
      { transport: 'data-api', clusterArn: options.clusterArn, secret: options.secret },
      options.databaseName,
      options.createDatabase ? options.secret : undefined,
      options.createDatabase ?? false,
      [options.secret],
    );
  }

  private static server(where: string, options: ServerOptions, server: Server): SchemaDatabase {
    checkPlacement(where, server.vpc, options);
    const databaseName = options.databaseName ?? server.databaseName;
    const { login, admin, secrets } = loginFor(where, options, { ...server, databaseName });
    return new SchemaDatabase(
      {
        transport: 'pg',
        host: server.host,
        port: server.port,
        vpc: server.vpc,
        vpcSubnets: options.vpcSubnets,
        securityGroups: server.securityGroups,
        openPorts: options.openPorts ?? true,
        secretsManagerEndpoint: options.secretsManagerEndpoint,
        trustedRoots: options.trustedRoots,
        login,
      },
      databaseName,
      admin,
      options.createDatabase ?? false,
      [...secrets, ...server.dependencies],
    );
  }

  private constructor(
    readonly access: PgAccess | DataApiAccess,
    readonly databaseName: string,
    /** Whose rights make the role and the database, where the first run is to make them. */
    readonly admin: secretsmanager.ISecret | undefined,
    readonly createDatabase: boolean,
    /** What must be there before anybody logs in: the secret with its attachment, a cluster's instances. */
    readonly dependencies: readonly IDependable[],
  ) {}

  /** The secret that `migrate` reads, if any. */
  get secret(): secretsmanager.ISecret | undefined {
    return this.loginSecret ?? this.admin;
  }

  /** The login role's, unless it logs in with a token. */
  get loginSecret(): secretsmanager.ISecret | undefined {
    const { access } = this;
    if (access.transport === 'data-api') return access.secret;
    return access.login.auth === 'secret' ? access.login.secret : undefined;
  }

  /** The same text for the same server of this app, token or not. */
  get server(): string {
    return this.access.transport === 'pg' ? this.access.host : this.access.clusterArn;
  }

  /** Which database this is, for the custom resource's properties: another one is another target. */
  get target(): string {
    const { access, databaseName } = this;
    return access.transport === 'pg'
      ? `pg:${access.host}:${Tokenization.stringifyNumber(access.port)}/${databaseName}`
      : `data-api:${access.clusterArn}/${databaseName}`;
  }

  /** Who logs in, for the custom resource's properties. */
  get loginIdentity(): string {
    const { access } = this;
    if (access.transport === 'data-api') return `secret:${access.secret.secretArn}`;
    return access.login.auth === 'iam'
      ? `iam:${access.login.user}`
      : `secret:${access.login.secret.secretArn}`;
  }
}

function initialDatabase(cfn: CfnResource, property: 'dbName' | 'databaseName'): string {
  const name = propertyOf(cfn, property);
  return typeof name === 'string' ? name : 'postgres';
}

function instancesOf(cluster: Cluster): readonly IDependable[] {
  return cluster.node
    .findAll()
    .filter((each) => CfnResource.isCfnResource(each) && each.cfnResourceType === 'AWS::RDS::DBInstance');
}
