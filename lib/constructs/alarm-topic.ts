import { Annotations, Aws, RemovalPolicy } from 'aws-cdk-lib';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as kms from 'aws-cdk-lib/aws-kms';
import * as sns from 'aws-cdk-lib/aws-sns';
import * as subscriptions from 'aws-cdk-lib/aws-sns-subscriptions';
import { Construct } from 'constructs';

export interface AlarmTopicProps {
  /**
   * Where pages go. It must let `cloudwatch.amazonaws.com` publish, and so must its key; both get the statements when
   * they are made in this app.
   * @default - a topic of its own, encrypted with a key of its own
   */
  readonly topic?: sns.ITopic;
  /**
   * The given topic's key. The default key `alias/aws/sns` does not let CloudWatch publish, and drops its messages.
   * @default - the topic's own key, if CDK knows it
   */
  readonly topicKey?: kms.IKey;
  /** @default - none */
  readonly emails?: readonly string[];
  /** HTTPS endpoints, e.g. of a paging service. @default - none */
  readonly urls?: readonly string[];
}

/**
 * The topic that pages go to, and the alarms on the machine itself. CloudWatch publishes as a service, so topic and key
 * have to let it, with the account as condition: a topic's default policy, which lets the whole account, is gone as soon
 * as anybody adds a statement (enforceSSL does), and then alarms are dropped without a word.
 */
export class AlarmTopic extends Construct {
  readonly topic: sns.ITopic;
  readonly key: kms.IKey | undefined;

  constructor(scope: Construct, id: string, props: AlarmTopicProps = {}) {
    super(scope, id);
    if (props.topic === undefined) {
      if (props.topicKey !== undefined)
        throw new Error('topicKey is the key of a given topic: give the topic too.');
      this.key = new kms.Key(this, 'Key', {
        description: "Trueup's pages",
        enableKeyRotation: true,
        // Nothing that lasts is encrypted with it, and a key that nobody uses costs as much as one that is used.
        removalPolicy: RemovalPolicy.DESTROY,
      });
      this.topic = new sns.Topic(this, 'Topic', { masterKey: this.key, enforceSSL: true });
    } else {
      this.topic = props.topic;
      this.key = props.topicKey ?? props.topic.masterKey;
    }
    this.allow(this.topic.addToResourcePolicy(publish(this.topic)).statementAdded, 'topic');
    if (this.key) this.allow(this.key.addToResourcePolicy(encrypt(), true).statementAdded, 'key');
    for (const email of props.emails ?? [])
      this.topic.addSubscription(new subscriptions.EmailSubscription(email));
    for (const url of props.urls ?? []) {
      if (!url.startsWith('https://')) throw new Error(`${url} is no HTTPS endpoint.`);
      this.topic.addSubscription(new subscriptions.UrlSubscription(url));
    }
  }

  /** Lets a role publish, by its own policy: a statement in the key's policy would tie the key's stack to ours. */
  grantPublish(role: iam.IRole): void {
    role.addToPrincipalPolicy(
      new iam.PolicyStatement({ sid: 'Page', actions: ['sns:Publish'], resources: [this.topic.topicArn] }),
    );
    if (!this.key) return;
    role.addToPrincipalPolicy(
      new iam.PolicyStatement({
        sid: 'EncryptPages',
        actions: ['kms:Decrypt', 'kms:GenerateDataKey'],
        resources: [this.key.keyArn],
      }),
    );
  }

  private allow(added: boolean, what: string): void {
    if (added) return;
    Annotations.of(this).addWarningV2(
      `trueup:alarm-${what}`,
      `The ${what} of the alarms is not made in this app, so its policy was left alone. It must let the service ` +
        `cloudwatch.amazonaws.com ${what === 'topic' ? 'publish (sns:Publish)' : 'use it (kms:Decrypt, kms:GenerateDataKey*)'}, ` +
        'with the condition aws:SourceAccount; otherwise alarms are dropped without a word.',
    );
  }
}

const publish = (topic: sns.ITopic): iam.PolicyStatement =>
  new iam.PolicyStatement({
    sid: 'CloudWatchPublishes',
    principals: [new iam.ServicePrincipal('cloudwatch.amazonaws.com')],
    actions: ['sns:Publish'],
    resources: [topic.topicArn],
    conditions: OWN_ACCOUNT,
  });

const encrypt = (): iam.PolicyStatement =>
  new iam.PolicyStatement({
    sid: 'CloudWatchEncrypts',
    principals: [new iam.ServicePrincipal('cloudwatch.amazonaws.com')],
    actions: ['kms:Decrypt', 'kms:GenerateDataKey*'],
    resources: ['*'],
    conditions: OWN_ACCOUNT,
  });

const OWN_ACCOUNT = { StringEquals: { 'aws:SourceAccount': Aws.ACCOUNT_ID } };
