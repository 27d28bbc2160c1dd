/**
 * Defines the options of a `SchemaDatabase`: those of every database, of a server that is reached in its VPC, and of
 * existing databases.
 */
import type * as ec2 from 'aws-cdk-lib/aws-ec2';
import type * as secretsmanager from 'aws-cdk-lib/aws-secretsmanager';

/** Options of the login, which every database has. */
export interface LoginOptions {
  /**
   * Whether the first run creates the database if it does not exist.
   * @default false
   */
  readonly createDatabase?: boolean;
  /**
   * Role that Trueup logs in as. `own`: a dedicated role, `user`, which the first run creates with the secret. It uses
   * IAM authentication or, over the Data API, a separate secret. It owns schema `trueup` and nothing else, and is a
   * member of `owner`, which is created too if none is given. On a deployed database, the next deployment transfers the
   * ledger to this role. `secret`: the role that the secret names.
   * @default - `own` if Trueup creates the database (through `createDatabase`, or as the initial one of a
   * `DatabaseStack`) and neither `secret` nor `auth` is given, but a database that an earlier version deployed keeps
   * its login until you set `own`; otherwise `secret`
   */
  readonly login?: 'own' | 'secret';
  /**
   * Name of the login role, for `login: 'own'` or `auth: 'iam'`. Use a different one for each database, so that each
   * login can work only on its own database.
   * @default - the database's name with `_migrator`
   */
  readonly user?: string;
  /**
   * Whether the first run creates `user` with the secret. If `false` (and, with `auth: 'iam'`, without
   * `createDatabase`), the functions have no permission to read that secret; docs/deploying.md has the SQL that creates
   * the role.
   * @default true
   */
  readonly createUser?: boolean;
}

/** Options of a database on a server of this app. */
export interface DatabaseOptions extends LoginOptions {
  /**
   * Name of the database on the server.
   * @default - the server's initial database, or `postgres` if it has none
   */
  readonly databaseName?: string;
  /**
   * Secret with the `username` and `password` of the login role. With `login: 'own'` or `auth: 'iam'` it is the secret
   * of a role that may CREATE ROLE and CREATE DATABASE, and is used only until the login role and the database exist.
   * @default - the secret of the server's master user
   */
  readonly secret?: secretsmanager.ISecret;
}

/** Options for a server that the functions reach within its VPC. */
export interface ConnectionOptions {
  /**
   * Authentication of the login role. `secret`: user name and password from Secrets Manager. `iam`: a token instead of
   * a password; the server must have IAM authentication enabled, and no secret is needed once the role exists.
   * @default 'secret'
   */
  readonly auth?: 'secret' | 'iam';
  /**
   * Subnets of the `migrate` function. It needs a route only to the database and, if a secret is used, to Secrets
   * Manager.
   * @default - private subnets, or isolated ones if there are no others
   */
  readonly vpcSubnets?: ec2.SubnetSelection;
  /**
   * Whether to add rules that admit `migrate` to the database's security groups, including imported ones. CDK does not
   * show that a group was imported with `mutable: false`, so set this to `false` for those.
   * @default true
   */
  readonly openPorts?: boolean;
  /**
   * Interface endpoint through which the functions reach Secrets Manager, if they run in subnets without NAT (isolated
   * or public). Its security groups get a rule that admits them.
   * @default - an endpoint for Secrets Manager that this app has created in the VPC
   */
  readonly secretsManagerEndpoint?: ec2.IInterfaceVpcEndpoint;
  /**
   * Whether to create an interface endpoint for Secrets Manager in the VPC (about 7 USD a month in each availability
   * zone), unless this app has created one. `false` leaves the connection to Secrets Manager to you. It cannot be
   * combined with `secretsManagerEndpoint`.
   * @default - `true` if this app creates the VPC, the subnets have no NAT and a secret is used; otherwise no endpoint
   * is created, and `cdk synth` warns if the subnets have no NAT
   */
  readonly createSecretsManagerEndpoint?: boolean;
  /**
   * PEM file with the only root certificates to trust, for a server whose certificate is not Amazon's. The path is
   * relative to the working directory, and the file becomes part of the function's code.
   * @default - Amazon's roots for RDS: those that the Lambda runtime ships and, for an endpoint in a commercial region,
   * the copy that comes with Trueup; for any other host also the public ones
   */
  readonly trustedRoots?: string;
}

/** Options of a database on a server of this app that is reached in its VPC. */
export interface ServerOptions extends DatabaseOptions, ConnectionOptions {}

/** Options of a database on a server that this app does not create. */
export interface ExistingServerOptions extends LoginOptions, ConnectionOptions {
  /** Host name of the writer's endpoint. RDS Proxy is refused, because it pins sessions and hides who holds a lock. */
  readonly host: string;
  /**
   * Port of the server.
   * @default 5432
   */
  readonly port?: number;
  /** Name of the database on the server. */
  readonly databaseName: string;
  /**
   * Secret with the `username` and `password` of the login role. With `login: 'own'` or `auth: 'iam'` it is the secret
   * of a role that may CREATE ROLE and CREATE DATABASE, and is used only until the login role and the database exist.
   * @default - none; required unless the login uses IAM authentication and the first run creates neither its role nor the
   * database
   */
  readonly secret?: secretsmanager.ISecret;
  /** VPC of the function: the server's, or one with a route to it. */
  readonly vpc: ec2.IVpc;
  /** Security groups of the server, which get the rules that admit `migrate`. */
  readonly securityGroups: ec2.ISecurityGroup[];
  /**
   * Resource ID of the server: `DbiResourceId` of an instance (`db-…`) or `DbClusterResourceId` of a cluster
   * (`cluster-…`).
   * @default - none; required for IAM authentication (`auth: 'iam'` or `login: 'own'`)
   */
  readonly resourceId?: string;
}

/** Options of a database in an Aurora cluster that this app does not create, reached through the RDS Data API. */
export interface ExistingDataApiOptions extends LoginOptions {
  /**
   * ARN of the cluster, e.g. `arn:aws:rds:eu-central-1:123456789012:cluster:prod`. The cluster must be in the stack's
   * region and account.
   */
  readonly clusterArn: string;
  /** Name of the database in the cluster. */
  readonly databaseName: string;
  /** Secret with the `username` and `password` of the login role. The Data API always requires one. */
  readonly secret: secretsmanager.ISecret;
}
