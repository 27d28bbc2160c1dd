/** Grants the functions that connect to a database exactly the permissions that they need. */
import { ArnFormat, Stack } from 'aws-cdk-lib';
import * as iam from 'aws-cdk-lib/aws-iam';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import type { ISecret } from 'aws-cdk-lib/aws-secretsmanager';
import type { Construct } from 'constructs';
import { acknowledgeNagRule, acknowledgeResource } from './acknowledge';

/** The secrets that the tenants of a fleet may use: those whose name starts with the prefix. */
export interface TenantSecrets {
  readonly prefix: string;
  readonly encryptionKey?: IKey;
}

/**
 * Allows the role to read the secret and use its key, through the role's identity policy: a grant in the key's policy
 * would make the database's stack depend on ours.
 */
export function allowSecret(role: iam.Role, secret: ISecret, what = ''): void {
  role.addToPolicy(
    new iam.PolicyStatement({
      sid: `Read${what}Secret`,
      actions: ['secretsmanager:GetSecretValue'],
      // The wildcard stands for the six characters that Secrets Manager appends to a name. Without them the ARN matches
      // nothing.
      resources: [secret.secretFullArn ?? `${secret.secretArn}-??????`],
    }),
  );
  if (secret.encryptionKey) allowDecrypt(role, `Decrypt${what}Secret`, secret.encryptionKey);
}

/**
 * Allows the role to read the tenants' secrets in this account and region only, so that a name cannot refer to any
 * other.
 */
export function allowTenantSecrets(role: iam.Role, { prefix, encryptionKey }: TenantSecrets): void {
  const secrets = Stack.of(role).formatArn({
    service: 'secretsmanager',
    resource: 'secret',
    arnFormat: ArnFormat.COLON_RESOURCE_NAME,
    resourceName: `${prefix}*`,
  });
  role.addToPolicy(
    new iam.PolicyStatement({
      sid: 'ReadTenantSecrets',
      actions: ['secretsmanager:GetSecretValue'],
      resources: [secrets],
    }),
  );
  acknowledgeResource(role, secrets, 'The owner declared this prefix for the secrets of tenants.');
  if (encryptionKey) allowDecrypt(role, 'DecryptTenantSecrets', encryptionKey);
}

function allowDecrypt(role: iam.Role, sid: string, key: IKey): void {
  role.addToPolicy(
    new iam.PolicyStatement({
      sid,
      actions: ['kms:Decrypt'],
      resources: [key.keyArn],
      conditions: {
        StringEquals: { 'kms:ViaService': `secretsmanager.${Stack.of(role).region}.amazonaws.com` },
      },
    }),
  );
}

export function allowConnect(role: iam.Role, resourceId: string, user: string): void {
  role.addToPolicy(
    new iam.PolicyStatement({
      sid: 'Connect',
      actions: ['rds-db:connect'],
      resources: [
        Stack.of(role).formatArn({
          service: 'rds-db',
          resource: 'dbuser',
          arnFormat: ArnFormat.COLON_RESOURCE_NAME,
          resourceName: `${resourceId}/${user}`,
        }),
      ],
    }),
  );
}

export function allowDataApi(role: iam.Role, clusterArn: string): void {
  role.addToPolicy(
    new iam.PolicyStatement({
      sid: 'DataApi',
      actions: ['BeginTransaction', 'CommitTransaction', 'ExecuteStatement', 'RollbackTransaction'].map(
        (action) => `rds-data:${action}`,
      ),
      resources: [clusterArn],
    }),
  );
}

const NETWORK_INTERFACES = [
  'ec2:AssignPrivateIpAddresses',
  'ec2:CreateNetworkInterface',
  'ec2:DeleteNetworkInterface',
  'ec2:DescribeNetworkInterfaces',
  'ec2:DescribeSubnets',
  'ec2:UnassignPrivateIpAddresses',
];

/**
 * Allows Lambda to manage network interfaces. Lambda uses these permissions with the function's role and requires them
 * on every resource
 * (https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html#configuration-vpc-permissions). The function's
 * own code is denied them: its calls carry the function's ARN, Lambda's do not.
 *
 * They are granted for the Data API too, where the function is in no VPC. When `transport` changes from `pg`, one
 * update removes the function from its VPC, and the policy is updated first. Without these permissions, Lambda could no
 * longer delete the interfaces, and CloudFormation could not delete the security group that they use.
 */
export function allowNetworkInterfaces(scope: Construct, role: iam.Role): void {
  role.addToPolicy(
    new iam.PolicyStatement({ sid: 'NetworkInterfaces', actions: NETWORK_INTERFACES, resources: ['*'] }),
  );
  role.addToPolicy(
    new iam.PolicyStatement({
      sid: 'NotByTheCode',
      effect: iam.Effect.DENY,
      actions: NETWORK_INTERFACES,
      resources: ['*'],
      conditions: {
        ArnLike: {
          'lambda:SourceFunctionArn': Stack.of(scope).formatArn({
            service: 'lambda',
            resource: 'function',
            arnFormat: ArnFormat.COLON_RESOURCE_NAME,
            resourceName: '*',
          }),
        },
      },
    }),
  );
  acknowledgeNagRule(
    role,
    'AwsSolutions-IAM5[Resource::*]',
    'Lambda asks for network interfaces on every resource.',
  );
}
