/** Creates the log group of the server's log. */
import { Annotations, ArnFormat, RemovalPolicy, type Stack } from 'aws-cdk-lib';
import * as iam from 'aws-cdk-lib/aws-iam';
import type * as kms from 'aws-cdk-lib/aws-kms';
import * as logs from 'aws-cdk-lib/aws-logs';
import type { DatabaseStackProps } from './database-stack-props';

type LogProps = Pick<DatabaseStackProps, 'minimalCost' | 'encryptionKey' | 'logRetention'>;

/** Creates the log group before RDS does: RDS would create it without retention and without a key. */
export function createServerLog(stack: Stack, logGroupName: string, props: LogProps): logs.LogGroup {
  const { minimalCost = false, encryptionKey } = props;
  if (encryptionKey) allowLogs(encryptionKey, stack, logGroupName);
  return new logs.LogGroup(stack, 'Log', {
    logGroupName,
    retention:
      props.logRetention ?? (minimalCost ? logs.RetentionDays.ONE_WEEK : logs.RetentionDays.THREE_MONTHS),
    encryptionKey,
    // Retained with the data, except after a failed first deployment: the group would block the next one.
    removalPolicy: minimalCost ? RemovalPolicy.DESTROY : RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE,
  });
}

/**
 * Allows CloudWatch Logs to use the key, by the group's fixed name and not by reference, because the key may be in
 * another stack.
 */
function allowLogs(key: kms.IKey, stack: Stack, logGroupName: string): void {
  const { statementAdded } = key.addToResourcePolicy(
    new iam.PolicyStatement({
      principals: [new iam.ServicePrincipal(`logs.${stack.region}.${stack.urlSuffix}`)],
      actions: ['kms:Decrypt', 'kms:Describe*', 'kms:Encrypt', 'kms:GenerateDataKey*', 'kms:ReEncrypt*'],
      resources: ['*'],
      conditions: {
        ArnEquals: {
          'kms:EncryptionContext:aws:logs:arn': stack.formatArn({
            service: 'logs',
            resource: 'log-group',
            arnFormat: ArnFormat.COLON_RESOURCE_NAME,
            resourceName: logGroupName,
          }),
        },
      },
    }),
    true,
  );
  if (statementAdded) return;
  Annotations.of(stack).addWarningV2(
    'trueup:encryptionKey',
    'The encryptionKey is not created by this app, so its policy is unchanged. It must let the service ' +
      `logs.<region>.amazonaws.com (in China, .com.cn) use it (kms:Encrypt, kms:Decrypt, kms:ReEncrypt*, kms:GenerateDataKey*, kms:Describe*) for ` +
      `the log group ${logGroupName}; otherwise the deployment fails when it creates the log group.`,
  );
}
