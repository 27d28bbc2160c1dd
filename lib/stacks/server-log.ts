/** The log group of a server's log. */
import { Annotations, ArnFormat, RemovalPolicy, type Stack } from 'aws-cdk-lib';
import * as iam from 'aws-cdk-lib/aws-iam';
import type * as kms from 'aws-cdk-lib/aws-kms';
import * as logs from 'aws-cdk-lib/aws-logs';
import type { DatabaseStackProps } from './database-stack-props';

type LogProps = Pick<DatabaseStackProps, 'cheap' | 'encryptionKey' | 'logRetention'>;

/** RDS makes the group by itself where there is none, without retention and without a key. */
export function serverLog(stack: Stack, logGroupName: string, props: LogProps): logs.LogGroup {
  const { cheap = false, encryptionKey } = props;
  if (encryptionKey) allowLogs(encryptionKey, stack, logGroupName);
  return new logs.LogGroup(stack, 'Log', {
    logGroupName,
    retention: props.logRetention ?? (cheap ? logs.RetentionDays.ONE_WEEK : logs.RetentionDays.THREE_MONTHS),
    encryptionKey,
    // Kept with the data, but not after a first deployment that failed: it would be in the way of the next one.
    removalPolicy: cheap ? RemovalPolicy.DESTROY : RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE,
  });
}

/** By the group's fixed name, not by reference: the key may live in another stack. */
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
    'The encryptionKey is not made in this app, so its policy was left alone. It must let the service ' +
      `logs.<region>.amazonaws.com (in China, .com.cn) use it (kms:Encrypt, kms:Decrypt, kms:ReEncrypt*, kms:GenerateDataKey*, kms:Describe*) for ` +
      `the log group ${logGroupName}; otherwise the deployment fails when it makes the log group.`,
  );
}
