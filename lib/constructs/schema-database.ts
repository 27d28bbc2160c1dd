/** Which database a schema lives in, how `migrate` gets there, and as whom it logs in. */
import { CfnResource, Stack, Token, Tokenization } from 'aws-cdk-lib';
import type * as ec2 from 'aws-cdk-lib/aws-ec2';
import type * as rds from 'aws-cdk-lib/aws-rds';
import type * as secretsmanager from 'aws-cdk-lib/aws-secretsmanager';
import type { IConstruct, IDependable } from 'constructs';

export interface DatabaseOptions {
  /**
   * The database on the server.
   * @default - the server's initial database, or `postgres` where it has none
   */
  readonly databaseName?: string;
  /**
   * Make the database at the first run if it does not exist.
   * @default false
   */
  readonly createDatabase?: boolean;
  /**
   * Secret with `username` and `password`: of the login role, or, with `auth: 'iam'`, of a role that may CREATE ROLE
   * and CREATE DATABASE and is used only until the login role and the database exist.
   * @default - the server's own secret of its master user
   */
  readonly secret?: secretsmanager.ISecret;
}

export interface ServerOptions extends DatabaseOptions {
  /**
   * `secret`: user name and password from Secrets Manager. `iam`: a token in place of a password, which needs IAM
   * authentication switched on for the server, and no secret once the role exists.
   * @default 'secret'
   */
  readonly auth?: 'secret' | 'iam';
  /**
   * The role that logs in with IAM authentication. One a database, so that each may work on its own only.
   * @default - the database's name with `_migrator`
   */
  readonly user?: string;
  /**
   * Let the first run make `user` with the secret. Without it (and without `createDatabase`) the function may read no
   * secret at all; docs/deploying.md has the SQL to make the role by hand.
   * @default - true with `auth: 'iam'`
   */
  readonly createUser?: boolean;
  /**
   * Subnets for the `migrate` function. It needs no route but to the database and, where a secret is used, to Secrets
   * Manager.
   * @default - private subnets, or isolated ones where there are no others
   */
  readonly vpcSubnets?: ec2.SubnetSelection;
  /**
   * Add the rules to the database's security groups that let `migrate` in. Also to imported ones: CDK does not show that
   * a group was imported with `mutable: false`, so say `false` for such.
   * @default true
   */
  readonly openPorts?: boolean;
  /**
   * How subnets without NAT (isolated or public) reach Secrets Manager: `true` makes an interface endpoint in the VPC (about 7 USD a month in
   * each availability zone), an endpoint is used as it is, `false` leaves it to you.
   * @default - the endpoint that the VPC has in this app; one is made for a VPC of this app when the subnets have no NAT
   * and a secret is used
   */
  readonly secretsManagerEndpoint?: boolean | ec2.IInterfaceVpcEndpoint;
  /**
   * PEM file with the only roots to trust, for a server whose certificate is not Amazon's.
   * @default - what the Lambda runtime ships: Amazon's roots for RDS, and the public ones
   */
  readonly trustedRoots?: string;
}

export interface ExistingServerOptions extends ServerOptions {
  /** The writer's endpoint. Not RDS Proxy: it pins sessions and hides who holds a lock. */
  readonly host: string;
  /** @default 5432 */
  readonly port?: number;
  readonly databaseName: string;
  readonly vpc: ec2.IVpc;
  /** The server's security groups, for the rules that let `migrate` in. */
  readonly securityGroups: readonly ec2.ISecurityGroup[];
  /**
   * `DbiResourceId` of an instance (`db-…`), `DbClusterResourceId` of a cluster (`cluster-…`).
   * @default - none; required with `auth: 'iam'`
   */
  readonly resourceId?: string;
}

export interface ExistingDataApiOptions extends DatabaseOptions {
  readonly clusterArn: string;
  readonly databaseName: string;
  readonly secret: secretsmanager.ISecret;
}

export type DatabaseLogin =
  | { readonly auth: 'secret'; readonly secret: secretsmanager.ISecret }
  | { readonly auth: 'iam'; readonly user: string; readonly resourceId: string };

export interface PgAccess {
  readonly transport: 'pg';
  readonly host: string;
  /** May be a token. */
  readonly port: number;
  readonly vpc: ec2.IVpc;
  readonly vpcSubnets?: ec2.SubnetSelection;
  readonly securityGroups: readonly ec2.ISecurityGroup[];
  readonly openPorts: boolean;
  readonly secretsManagerEndpoint?: boolean | ec2.IInterfaceVpcEndpoint;
  readonly trustedRoots?: string;
  readonly login: DatabaseLogin;
}

export interface DataApiAccess {
  readonly transport: 'data-api';
  readonly clusterArn: string;
  readonly secret: secretsmanager.ISecret;
}

type Instance = rds.DatabaseInstance | rds.DatabaseInstanceFromSnapshot;
type Cluster = rds.DatabaseCluster | rds.DatabaseClusterFromSnapshot;

/** A database that `SchemaMigrations` can work on: made in this app, or an existing one. */
export class SchemaDatabase {
  /** An RDS for PostgreSQL instance of this app. */
  static instance(instance: Instance, options: ServerOptions = {}): SchemaDatabase {
    const cfn = cfnOf(instance);
    return SchemaDatabase.server(options, {
      host: instance.dbInstanceEndpointAddress,
      port: instance.instanceEndpoint.port,
      databaseName: initialDatabase(cfn, 'dbName'),
      vpc: instance.vpc,
      securityGroups: instance.connections.securityGroups,
      secret: instance.secret,
      resourceId: () => {
        requireSwitch(instance, cfn, 'enableIamDatabaseAuthentication', 'iamAuthentication');
        return instance.instanceResourceId ?? refuseResourceId(instance.node.path);
      },
      dependencies: [],
    });
  }

  /** An Aurora PostgreSQL cluster of this app, through its writer's endpoint. */
  static cluster(cluster: Cluster, options: ServerOptions = {}): SchemaDatabase {
    const cfn = cfnOf(cluster);
    return SchemaDatabase.server(options, {
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
    const cfn = cfnOf(cluster);
    requireSwitch(cluster, cfn, 'enableHttpEndpoint', 'enableDataApi');
    const secret = options.secret ?? cluster.secret ?? refuseSecret(cluster.node.path);
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
    if (!Token.isUnresolved(options.host) && /\.proxy-[a-z0-9]+\./.test(options.host)) {
      throw new Error(
        `${options.host} is an RDS Proxy, which pins sessions and hides who holds a lock. ` +
          "Give the database's own endpoint.",
      );
    }
    return SchemaDatabase.server(options, {
      host: options.host,
      port: options.port ?? 5432,
      databaseName: options.databaseName,
      vpc: options.vpc,
      securityGroups: options.securityGroups,
      secret: undefined,
      resourceId: () => options.resourceId ?? refuseResourceId(options.host),
      dependencies: [],
    });
  }

  /** An Aurora cluster that this app does not make, through the RDS Data API. */
  static existingDataApi(options: ExistingDataApiOptions): SchemaDatabase {
    return new SchemaDatabase(
      { transport: 'data-api', clusterArn: options.clusterArn, secret: options.secret },
      options.databaseName,
      options.createDatabase ? options.secret : undefined,
      options.createDatabase ?? false,
      [options.secret],
    );
  }

  private static server(
    options: ServerOptions,
    server: {
      readonly host: string;
      readonly port: number;
      readonly databaseName: string;
      readonly vpc: ec2.IVpc;
      readonly securityGroups: readonly ec2.ISecurityGroup[];
      readonly secret: secretsmanager.ISecret | undefined;
      readonly resourceId: () => string;
      readonly dependencies: readonly IDependable[];
    },
  ): SchemaDatabase {
    const auth = options.auth ?? 'secret';
    const createDatabase = options.createDatabase ?? false;
    const secret = options.secret ?? server.secret;
    const needsAdmin = createDatabase || (auth === 'iam' && options.createUser !== false);
    if ((auth === 'secret' || needsAdmin) && !secret) refuseSecret(server.host);
    if (auth === 'secret' && (options.user !== undefined || options.createUser !== undefined)) {
      throw new Error("user and createUser go with auth: 'iam'; with a secret, the secret says who logs in.");
    }
    const admin = needsAdmin ? secret : undefined;
    const databaseName = options.databaseName ?? server.databaseName;
    const login: DatabaseLogin =
      auth === 'secret'
        ? { auth, secret: secret! }
        : {
            auth,
            user: checkedUser(options.user ?? migratorOf(databaseName)),
            resourceId: server.resourceId(),
          };
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
      createDatabase,
      [...(auth === 'secret' || admin ? [secret!] : []), ...server.dependencies],
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
    const { access } = this;
    if (access.transport === 'data-api') return access.secret;
    return access.login.auth === 'secret' ? access.login.secret : this.admin;
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

const cfnOf = (database: IConstruct): CfnResource => database.node.defaultChild as CfnResource;

function initialDatabase(cfn: CfnResource, property: 'dbName' | 'databaseName'): string {
  const name = (cfn as unknown as Record<string, unknown>)[property];
  return typeof name === 'string' ? name : 'postgres';
}

/** Refuses at synth what would fail in the middle of a deployment. What is not known yet passes. */
function requireSwitch(database: IConstruct, cfn: CfnResource, property: string, prop: string): void {
  const value: unknown = Stack.of(cfn).resolve((cfn as unknown as Record<string, unknown>)[property]);
  if (value === undefined || value === false) {
    throw new Error(`${database.node.path} needs ${prop}: true.`);
  }
}

function instancesOf(cluster: Cluster): readonly IDependable[] {
  return cluster.node
    .findAll()
    .filter((each) => CfnResource.isCfnResource(each) && each.cfnResourceType === 'AWS::RDS::DBInstance');
}

function migratorOf(databaseName: string): string {
  if (!Token.isUnresolved(databaseName)) return `${databaseName}_migrator`;
  throw new Error("auth: 'iam' names its role after the database, whose name is a token here: give `user`.");
}

/** It ends up in the resource of an IAM statement, where `*` would mean every role. */
function checkedUser(user: string): string {
  if (!/^[A-Za-z0-9_.@+-]{1,63}$/.test(user)) {
    throw new Error(`user ${JSON.stringify(user)} must be 1 to 63 letters, digits or any of _ . @ + -`);
  }
  return user;
}

function refuseSecret(database: string): never {
  throw new Error(
    `${database} has no secret to log in with. Give \`secret\`, or \`auth: 'iam'\` with \`createUser: false\`.`,
  );
}

function refuseResourceId(host: string): never {
  throw new Error(`auth: 'iam' for ${host} needs its resourceId, which the permission rds-db:connect names.`);
}
