import { Duration, RemovalPolicy } from 'aws-cdk-lib';
import type * as kms from 'aws-cdk-lib/aws-kms';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import { SqsEventSource } from 'aws-cdk-lib/aws-lambda-event-sources';
import * as logs from 'aws-cdk-lib/aws-logs';
import * as sns from 'aws-cdk-lib/aws-sns';
import * as subscriptions from 'aws-cdk-lib/aws-sns-subscriptions';
import * as sqs from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import { notifyEnvironment } from '../../../lambda/notify/settings';
import { grantPublish } from '../alarms/alarm-topic';
import { handlerCode } from '../functions/handler-code';
import { executionRole } from '../functions/roles';
import type { HttpsTarget } from './notify';

export interface HttpsNoticeProps {
  readonly target: HttpsTarget;
  /** Where the pager publishes documents. */
  readonly documents: sns.ITopic;
  /** Of that topic. */
  readonly key: kms.IKey | undefined;
}

const FUNCTION_TIMEOUT = Duration.seconds(30);
/** AWS asks for six times the function's. It is also the pause before the next attempt. */
const PAUSE = Duration.minutes(3);
const ATTEMPTS = 5;

/**
 * One receiver over HTTPS: a queue, a small function, and a queue of dead letters. It is apart from the pager, so that a
 * receiver that is slow, down or wrong holds up nobody else, and the pager needs no foreign secret.
 */
export class HttpsNotice extends Construct {
  readonly deadLetters: sqs.Queue;
  readonly function: lambda.Function;

  constructor(scope: Construct, id: string, { target, documents, key }: HttpsNoticeProps) {
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
      visibilityTimeout: PAUSE,
      deadLetterQueue: { queue: this.deadLetters, maxReceiveCount: ATTEMPTS },
      removalPolicy: RemovalPolicy.DESTROY,
    });
    documents.addSubscription(new subscriptions.SqsSubscription(queue, { rawMessageDelivery: true }));
    // What is not to be tried again: a function behind a queue can only keep a message or let it go.
    const refused = new sns.Topic(this, 'Refused', { enforceSSL: true, ...(key ? { masterKey: key } : {}) });
    refused.addSubscription(
      new subscriptions.SqsSubscription(this.deadLetters, { rawMessageDelivery: true }),
    );

    const logGroup = new logs.LogGroup(this, 'Log', {
      retention: logs.RetentionDays.ONE_MONTH,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    const role = executionRole(this, 'Role', logGroup);
    target.secret.grantRead(role);
    grantPublish(role, 'Refused', refused, key);
    this.function = new lambda.Function(this, 'Function', {
      description: `Trueup: sends pages on to ${target.form === 'pagerduty' ? 'PagerDuty' : 'a webhook'}`,
      runtime: lambda.Runtime.NODEJS_24_X,
      architecture: lambda.Architecture.ARM_64,
      handler: 'index.handler',
      code: handlerCode('notify'),
      memorySize: 256,
      timeout: FUNCTION_TIMEOUT,
      role,
      logGroup,
      environment: {
        NODE_OPTIONS: '--enable-source-maps',
        ...notifyEnvironment({
          form: target.form,
          url: target.url,
          secretArn: target.secret.secretFullArn ?? target.secret.secretArn,
          refusedTopicArn: refused.topicArn,
        }),
      },
    });
    this.function.addEventSource(new SqsEventSource(queue, { batchSize: 1 }));
  }
}
