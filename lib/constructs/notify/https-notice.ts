import { Duration, RemovalPolicy } from 'aws-cdk-lib';
import * as iam from 'aws-cdk-lib/aws-iam';
import type * as kms from 'aws-cdk-lib/aws-kms';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import { SqsEventSource } from 'aws-cdk-lib/aws-lambda-event-sources';
import * as logs from 'aws-cdk-lib/aws-logs';
import * as sns from 'aws-cdk-lib/aws-sns';
import * as subscriptions from 'aws-cdk-lib/aws-sns-subscriptions';
import * as sqs from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import type { HttpsForm } from '../../../lambda/contract/notify';
import { buildNotifyEnvironment } from '../../../lambda/notify/notify-settings';
import { grantPublish } from '../alarms/alarm-topic';
import { createExecutionRole } from '../functions/execution-role';
import { createHandlerCode } from '../functions/handler-code';
import type { HttpsTarget } from './notify';

export interface HttpsNotifierProps {
  readonly target: HttpsTarget;
  /** Topic to which the pager publishes documents. */
  readonly documents: sns.ITopic;
  /** Key of that topic. */
  readonly key: kms.IKey;
  /** Log group of the pager, from which the function learns whether an old page has been resolved. */
  readonly pagerLogGroup: logs.ILogGroup;
}

/** Names of the receivers in alarms and descriptions. */
export const RECEIVER_NAMES: Readonly<Record<HttpsForm, { readonly a: string; readonly the: string }>> = {
  pagerduty: { a: 'PagerDuty', the: 'PagerDuty' },
  webhook: { a: 'a webhook', the: 'the webhook' },
};

const FUNCTION_TIMEOUT = Duration.seconds(30);
/**
 * Visibility timeout of the queue, which AWS recommends to be six times the function's timeout. It is also the pause
 * before the next attempt.
 */
const VISIBILITY_TIMEOUT = Duration.minutes(3);
const MAX_ATTEMPTS = 5;

/**
 * One receiver over HTTPS: a queue, a small function and a dead-letter queue. It is separate from the pager, so that a
 * receiver that is slow, down or misconfigured delays no other receiver, and the pager needs no secret of a receiver.
 */
export class HttpsNotifier extends Construct {
  readonly deadLetters: sqs.Queue;
  readonly function: lambda.Function;

  constructor(scope: Construct, id: string, { target, documents, key, pagerLogGroup }: HttpsNotifierProps) {
    super(scope, id);
    this.deadLetters = new sqs.Queue(this, 'DeadLetters', {
      encryption: sqs.QueueEncryption.SQS_MANAGED,
      enforceSSL: true,
      retentionPeriod: Duration.days(14),
      removalPolicy: RemovalPolicy.DESTROY,
    });
    const queue = new sqs.Queue(this, 'Queue', {
      encryption: sqs.QueueEncryption.SQS_MANAGED,
      enforceSSL: true,
      visibilityTimeout: VISIBILITY_TIMEOUT,
      deadLetterQueue: { queue: this.deadLetters, maxReceiveCount: MAX_ATTEMPTS },
      removalPolicy: RemovalPolicy.DESTROY,
    });
    documents.addSubscription(new subscriptions.SqsSubscription(queue, { rawMessageDelivery: true }));
    // Pages that must not be retried are published here: a function behind a queue can only keep a message or delete
    // it.
    const refused = new sns.Topic(this, 'Refused', { enforceSSL: true, masterKey: key });
    refused.addSubscription(
      new subscriptions.SqsSubscription(this.deadLetters, { rawMessageDelivery: true }),
    );

    const logGroup = new logs.LogGroup(this, 'Log', {
      retention: logs.RetentionDays.ONE_MONTH,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    const role = createExecutionRole(this, 'Role', logGroup);
    target.secret.grantRead(role);
    grantPublish(role, 'Refused', refused, key);
    role.addToPolicy(
      new iam.PolicyStatement({
        sid: 'SeeWhetherOver',
        actions: ['logs:FilterLogEvents'],
        resources: [pagerLogGroup.logGroupArn],
      }),
    );
    this.function = new lambda.Function(this, 'Function', {
      description: `Trueup: sends pages on to ${RECEIVER_NAMES[target.form].a}`,
      runtime: lambda.Runtime.NODEJS_24_X,
      architecture: lambda.Architecture.ARM_64,
      handler: 'index.handler',
      code: createHandlerCode('notify'),
      memorySize: 256,
      timeout: FUNCTION_TIMEOUT,
      role,
      logGroup,
      environment: {
        NODE_OPTIONS: '--enable-source-maps',
        ...buildNotifyEnvironment({
          form: target.form,
          url: target.url,
          secretArn: target.secret.secretFullArn ?? target.secret.secretArn,
          refusedTopicArn: refused.topicArn,
          pagerLogGroup: pagerLogGroup.logGroupName,
        }),
      },
    });
    this.function.addEventSource(new SqsEventSource(queue, { batchSize: 1 }));
  }
}
