/** Describes how a database is reached, and the role that logs in. */
import type * as ec2 from 'aws-cdk-lib/aws-ec2';
import type * as secretsmanager from 'aws-cdk-lib/aws-secretsmanager';

export type DatabaseLogin =
  | { readonly auth: 'secret'; readonly secret: secretsmanager.ISecret }
  | { readonly auth: 'iam'; readonly user: string; readonly resourceId: string };

/** A dedicated login of Trueup, one per database, which the first run creates. */
export interface MigratorLogin {
  readonly user: string;
  /** Whether a database that was deployed with another role keeps that role, because `login: 'own'` was not set. */
  readonly keepDeployed: boolean;
}

export interface PgAccess {
  readonly transport: 'pg';
  readonly host: string;
  /** Port of the server, which may be a token. */
  readonly port: number;
  readonly vpc: ec2.IVpc;
  readonly vpcSubnets?: ec2.SubnetSelection;
  readonly securityGroups: readonly ec2.ISecurityGroup[];
  readonly openPorts: boolean;
  readonly secretsManagerEndpoint?: ec2.IInterfaceVpcEndpoint;
  readonly createSecretsManagerEndpoint?: boolean;
  readonly trustedRoots?: string;
  readonly login: DatabaseLogin;
}

export interface DataApiAccess {
  readonly transport: 'data-api';
  readonly clusterArn: string;
  /** Secret of the login; undefined for Trueup's dedicated login, whose secret is created next to the functions. */
  readonly secret: secretsmanager.ISecret | undefined;
}
