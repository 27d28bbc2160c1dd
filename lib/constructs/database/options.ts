/** What is said of a database: of every one, of a server that is reached in its VPC, and of one that exists already. */
import type * as ec2 from 'aws-cdk-lib/aws-ec2';
import type * as secretsmanager from 'aws-cdk-lib/aws-secretsmanager';

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
   * PEM file with the only roots to trust, for a server whose certificate is not Amazon's. Relative to the working
   * directory; it goes into the function's code.
   * @default - Amazon's roots for RDS: what the Lambda runtime ships, and for an endpoint in a commercial region the copy that
   * comes with Trueup; for any other host also the public ones
   */
  readonly trustedRoots?: string;
}

export interface ExistingServerOptions extends ServerOptions {
  /** The writer's endpoint. Not RDS Proxy: it pins sessions and hides who holds a lock. */
  readonly host: string;
  /**
   * The server's port.
   * @default 5432
   */
  readonly port?: number;
  /** The database on the server. */
  readonly databaseName: string;
  /** The VPC that the function is placed in: the server's, or one with a route to it. */
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
  /**
   * The cluster's ARN, e.g. `arn:aws:rds:eu-central-1:123456789012:cluster:prod`. It must be in the stack's region and
   * account.
   */
  readonly clusterArn: string;
  /** The database of the cluster. */
  readonly databaseName: string;
  /** Secret with `username` and `password` of the role that logs in. The Data API always takes one. */
  readonly secret: secretsmanager.ISecret;
}
