/** Describes the database of a schema, how `migrate` reaches it, and the role that it logs in as. */
import { CfnResource, Tokenization } from 'aws-cdk-lib';
import type * as ec2 from 'aws-cdk-lib/aws-ec2';
import type * as rds from 'aws-cdk-lib/aws-rds';
import type * as secretsmanager from 'aws-cdk-lib/aws-secretsmanager';
import type { Construct, IDependable } from 'constructs';
import {
  checkCluster,
  checkDatabaseOptions,
  checkExistingDataApi,
  checkExistingServer,
  checkInstance,
  checkPlacement,
  checkServerOptions,
  requireSwitch,
} from '../validation/database-options';
import { throwProblems } from '../validation/prop-checks';
import { readProperty, type ServerProperty } from '../validation/resources';
import { objectCheck } from '../validation/values';
import type { DataApiAccess, MigratorLogin, PgAccess } from './access';
import {
  type DatabaseOrigin,
  isCreatedByTrueup,
  resolveLogin,
  resolveMigratorLogin,
  type ServerLogin,
} from './login';
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

/**
 * The classes of aws-rds that the checks accept. The public methods take their common base class, because a union would be
 * untyped in Java, C# and Go.
 */
type Instance = rds.DatabaseInstance | rds.DatabaseInstanceFromSnapshot;
type Cluster = rds.DatabaseCluster | rds.DatabaseClusterFromSnapshot;

/**
 * A database that `SchemaMigrations` can migrate, created in this app or existing already.
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
  /**
   * Uses an RDS for PostgreSQL instance of this app.
   * @param instance a `DatabaseInstance` or `DatabaseInstanceFromSnapshot`; a read replica is refused
   */
  static instance(instance: rds.DatabaseInstanceBase, options: ServerOptions = {}): SchemaDatabase {
    return SchemaDatabase._instance(instance, options);
  }

  /**
   * Does the same as `instance` for a caller that knows who creates the server.
   * @internal
   */
  static _instance(
    given: rds.DatabaseInstanceBase,
    options: ServerOptions,
    origin?: DatabaseOrigin,
  ): SchemaDatabase {
    const where = 'SchemaDatabase.instance';
    const cfn = checkInstance(where, given);
    const instance = given as Instance;
    checkServerOptions(where, options);
    return SchemaDatabase.server(
      `${where}(${instance.node.path})`,
      options,
      {
        host: instance.dbInstanceEndpointAddress,
        port: instance.instanceEndpoint.port,
        databaseName: readInitialDatabase(cfn, 'dbName'),
        vpc: instance.vpc,
        securityGroups: instance.connections.securityGroups,
        secret: instance.secret,
        resourceId: () => {
          requireSwitch(instance, cfn, 'enableIamDatabaseAuthentication', 'iamAuthentication');
          return instance.instanceResourceId;
        },
        takesTokens: () => isEnabled(cfn, 'enableIamDatabaseAuthentication'),
        dependencies: [],
      },
      origin,
    );
  }

  /**
   * Uses an Aurora PostgreSQL cluster of this app, through its writer's endpoint.
   * @param cluster a `DatabaseCluster` or `DatabaseClusterFromSnapshot`
   */
  static cluster(cluster: rds.DatabaseClusterBase, options: ServerOptions = {}): SchemaDatabase {
    return SchemaDatabase._cluster(cluster, options);
  }

  /**
   * Does the same as `cluster` for a caller that knows who creates the server.
   * @internal
   */
  static _cluster(
    given: rds.DatabaseClusterBase,
    options: ServerOptions,
    origin?: DatabaseOrigin,
  ): SchemaDatabase {
    const where = 'SchemaDatabase.cluster';
    const cfn = checkCluster(where, given);
    const cluster = given as Cluster;
    checkServerOptions(where, options);
    return SchemaDatabase.server(
      `${where}(${cluster.node.path})`,
      options,
      {
        host: cluster.clusterEndpoint.hostname,
        port: cluster.clusterEndpoint.port,
        databaseName: readInitialDatabase(cfn, 'databaseName'),
        vpc: cluster.vpc,
        securityGroups: cluster.connections.securityGroups,
        secret: cluster.secret,
        resourceId: () => {
          requireSwitch(cluster, cfn, 'enableIamDatabaseAuthentication', 'iamAuthentication');
          return cluster.clusterResourceIdentifier;
        },
        takesTokens: () => isEnabled(cfn, 'enableIamDatabaseAuthentication'),
        // The cluster's endpoint exists before any instance answers on it.
        dependencies: findInstances(cluster),
      },
      origin,
    );
  }

  /**
   * Uses an Aurora PostgreSQL cluster of this app through the RDS Data API, with no function in a VPC and no open port.
   * @param cluster a `DatabaseCluster` or `DatabaseClusterFromSnapshot` with the Data API enabled
   */
  static dataApi(cluster: rds.DatabaseClusterBase, options: DatabaseOptions = {}): SchemaDatabase {
    return SchemaDatabase._dataApi(cluster, options);
  }

  /**
   * Does the same as `dataApi` for a caller that knows who creates the server.
   * @internal
   */
  static _dataApi(
    given: rds.DatabaseClusterBase,
    options: DatabaseOptions,
    origin?: DatabaseOrigin,
  ): SchemaDatabase {
    const where = 'SchemaDatabase.dataApi';
    const cfn = checkCluster(where, given);
    const cluster = given as Cluster;
    checkDatabaseOptions(where, options);
    requireSwitch(cluster, cfn, 'enableHttpEndpoint', 'enableDataApi');
    return SchemaDatabase.overDataApi(
      `${where}(${cluster.node.path})`,
      options,
      options.databaseName ?? readInitialDatabase(cfn, 'databaseName'),
      { clusterArn: cluster.clusterArn, secret: cluster.secret, dependencies: findInstances(cluster) },
      origin,
    );
  }

  /** Uses a PostgreSQL server that this app does not create. */
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
      takesTokens: () => false,
      dependencies: [],
    });
  }

  /** Uses an Aurora cluster that this app does not create, through the RDS Data API. */
  static existingDataApi(options: ExistingDataApiOptions): SchemaDatabase {
    const where = 'SchemaDatabase.existingDataApi';
    checkExistingDataApi(where, options);
    const { clusterArn } = options;
    return SchemaDatabase.overDataApi(where, options, options.databaseName, {
      clusterArn,
      secret: undefined,
      dependencies: [],
    });
  }

  private static overDataApi(
    where: string,
    options: DatabaseOptions,
    databaseName: string,
    server: Pick<DataApiAccess, 'clusterArn' | 'secret'> & Pick<Server, 'dependencies'>,
    origin: DatabaseOrigin = { madeHere: false },
  ): SchemaDatabase {
    const { createDatabase = false } = options;
    const own = resolveMigratorLogin(where, options, databaseName, {
      byDefault: isCreatedByTrueup(options, origin),
    });
    if (!own && (options.user !== undefined || options.createUser !== undefined)) {
      throwProblems(
        where,
        "user and createUser go with login: 'own'; with a secret, the secret says who logs in",
      );
    }
    const secret = options.secret ?? server.secret;
    const needsSecret = !own || options.createUser !== false;
    if (needsSecret && !secret) throwProblems(where, 'it has no secret to log in with. Give `secret`');
    const admin = needsSecret && (own || createDatabase) ? secret : undefined;
    return new SchemaDatabase(
      { transport: 'data-api', clusterArn: server.clusterArn, secret: own ? undefined : secret },
      databaseName,
      admin,
      createDatabase,
      [...(needsSecret ? [secret!] : []), ...server.dependencies],
      own,
      !own && secret === server.secret,
      own?.keepDeployed
        ? () => SchemaDatabase.overDataApi(where, { ...options, ...SECRET_LOGIN }, databaseName, server)
        : undefined,
    );
  }

  private static server(
    where: string,
    options: ServerOptions,
    server: Server,
    origin?: DatabaseOrigin,
  ): SchemaDatabase {
    checkPlacement(where, server.vpc, options);
    const databaseName = options.databaseName ?? server.databaseName;
    const { login, own, admin, secrets } = resolveLogin(where, options, { ...server, databaseName }, origin);
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
        createSecretsManagerEndpoint: options.createSecretsManagerEndpoint,
        trustedRoots: options.trustedRoots,
        login,
      },
      databaseName,
      admin,
      options.createDatabase ?? false,
      [...secrets, ...server.dependencies],
      own,
      login.auth === 'secret' && login.secret === server.secret,
      own?.keepDeployed
        ? () => SchemaDatabase.server(where, { ...options, ...SECRET_LOGIN }, server)
        : undefined,
    );
  }

  private constructor(
    /** @internal */
    readonly _access: PgAccess | DataApiAccess,
    /** Name of the database on the server. It may be a token. */
    readonly databaseName: string,
    /**
     * Secret of the role that creates the login role and the database, if the first run is to create either.
     * @internal
     */
    readonly _admin: secretsmanager.ISecret | undefined,
    /** Whether the first run creates the database if it does not exist. */
    readonly createDatabase: boolean,
    /**
     * Resources that must exist before the first login: the secret with its attachment, and a cluster's instances.
     * @internal
     */
    readonly _dependencies: readonly IDependable[],
    /**
     * The dedicated login that Trueup creates; undefined if Trueup creates none.
     * @internal
     */
    readonly _own: MigratorLogin | undefined,
    /**
     * Whether it logs in as the master user of a server of this app.
     * @internal
     */
    readonly _asMaster: boolean,
    private readonly withSecret: (() => SchemaDatabase) | undefined,
  ) {}

  /** Secret that the `migrate` function reads; undefined if it reads none. */
  get secret(): secretsmanager.ISecret | undefined {
    return this._loginSecret ?? this._admin;
  }

  /**
   * Returns this database as a server of a fleet, which uses one login for all of its tenants.
   * @throws {Error} if `login: 'own'` was set
   * @internal
   */
  _forFleet(scope: Construct): SchemaDatabase {
    if (!this._own) return this;
    if (!this.withSecret)
      throwProblems(
        scope,
        "login: 'own' is for one database. The login of a fleet is one a server: take it out",
      );
    return this.withSecret();
  }

  /**
   * The administrator's secret, if the query function may need it: a deployed database may keep its old login, and
   * synth does not know whether it does.
   * @internal
   */
  get _keptSecret(): secretsmanager.ISecret | undefined {
    return this._own?.keepDeployed ? this._admin : undefined;
  }

  /**
   * The secret of the login role, unless it logs in with a token.
   * @internal
   */
  get _loginSecret(): secretsmanager.ISecret | undefined {
    const { _access: access } = this;
    if (access.transport === 'data-api') return access.secret;
    return access.login.auth === 'secret' ? access.login.secret : undefined;
  }

  /**
   * An identifier that is the same for every database on the same server of this app, whether it is a token or not.
   * @internal
   */
  get _server(): string {
    return this._access.transport === 'pg' ? this._access.host : this._access.clusterArn;
  }

  /**
   * Identifies the database in the custom resource's properties: another value means another target.
   * @internal
   */
  get _target(): string {
    const { _access: access, databaseName } = this;
    return access.transport === 'pg'
      ? `pg:${access.host}:${Tokenization.stringifyNumber(access.port)}/${databaseName}`
      : `data-api:${access.clusterArn}/${databaseName}`;
  }

  /**
   * Identifies the login in the custom resource's properties.
   * @internal
   */
  get _loginIdentity(): string {
    const { _access: access, _own: own } = this;
    // Unchanged from earlier versions, so that setting `login: 'own'` is an update, which moves the ledger.
    if (own?.keepDeployed) return `secret:${this._admin!.secretArn}`;
    if (access.transport === 'data-api')
      return access.secret ? `secret:${access.secret.secretArn}` : `own:${own!.user}`;
    return access.login.auth === 'iam'
      ? `iam:${access.login.user}`
      : `secret:${access.login.secret.secretArn}`;
  }
}

const SECRET_LOGIN = { login: 'secret', user: undefined, createUser: undefined } as const;

function readInitialDatabase(cfn: CfnResource, property: 'dbName' | 'databaseName'): string {
  const name = readProperty(cfn, property);
  return typeof name === 'string' ? name : 'postgres';
}

function findInstances(cluster: Cluster): readonly IDependable[] {
  return cluster.node
    .findAll()
    .filter((each) => CfnResource.isCfnResource(each) && each.cfnResourceType === 'AWS::RDS::DBInstance');
}

/**
 * Returns whether a switch of the server is on. A value that is unknown at synth counts as on; the server then reports
 * if it is not.
 */
function isEnabled(cfn: CfnResource, property: ServerProperty): boolean {
  const value = readProperty(cfn, property);
  return value !== undefined && value !== false;
}

export const schemaDatabaseCheck = objectCheck<SchemaDatabase>(
  'must be a SchemaDatabase: SchemaDatabase.instance(…), cluster(…), dataApi(…), existing(…) or existingDataApi(…)',
  '_access',
  'databaseName',
);
