/** How a database is reached, and who logs in. */
import type * as ec2 from 'aws-cdk-lib/aws-ec2';
import type * as secretsmanager from 'aws-cdk-lib/aws-secretsmanager';

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
