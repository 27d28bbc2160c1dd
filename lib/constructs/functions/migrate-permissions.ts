/** What the functions that speak to a database may do, and nothing else. */
import { ArnFormat, Stack } from 'aws-cdk-lib';
import * as iam from 'aws-cdk-lib/aws-iam';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import type { ISecret } from 'aws-cdk-lib/aws-secretsmanager';
import type { Construct } from 'constructs';
import { acknowledge } from './acknowledge';

/** Secrets that tenants of a fleet may have: those whose name begins so. */
export interface TenantSecrets {
  readonly prefix: string;
  readonly encryptionKey?: IKey;
}

/** By identity policy, the key too: a grant in the key's policy would make the database's stack depend on ours. */
export function allowSecret(role: iam.Role, secret: ISecret): void {
  role.addToPolicy(
    new iam.PolicyStatement({
      sid: 'ReadSecret',
      actions: ['secretsmanager:GetSecretValue'],
      // Without the six characters that Secrets Manager adds to a name, an ARN matches nothing.
      resources: [secret.secretFullArn ?? `${secret.secretArn}-??????`],
    }),
  );
  if (secret.encryptionKey) allowDecrypt(role, 'DecryptSecret', secret.encryptionKey);
}

/** Those of this account and region alone: a name cannot lead elsewhere. */
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
  acknowledge(
    role,
    `AwsSolutions-IAM5[Resource::arn:<AWS::Partition>:secretsmanager:<AWS::Region>:<AWS::AccountId>:secret:${prefix}*]`,
    'The owner declared this prefix for the secrets of tenants.',
  );
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
 * Lambda itself uses these with the function's role, and wants them on every resource
 * (https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html#configuration-vpc-permissions). The function's own
 * code is denied them: its calls carry its ARN, Lambda's do not.
 *
 * Also for the Data API, where the function is in no VPC: when `transport` changes from `pg`, one update takes the function
 * out of its VPC, and the policy is updated first. Without these rights Lambda could no longer delete the interfaces, and
 * CloudFormation not the security group that they use.
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
  acknowledge(
    role,
    'AwsSolutions-IAM5[Resource::*]',
    'Lambda asks for network interfaces on every resource.',
  );
}
