import { Annotations, Aws, RemovalPolicy, Token } from 'aws-cdk-lib';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as kms from 'aws-cdk-lib/aws-kms';
import * as sns from 'aws-cdk-lib/aws-sns';
import * as subscriptions from 'aws-cdk-lib/aws-sns-subscriptions';
import { Construct } from 'constructs';

export interface AlarmTopicProps {
  /** Topic for the pages. @default - a new topic, encrypted with a new key */
  readonly topic?: sns.ITopic;
  /** Key of the given topic. @default - the topic's own key, if CDK knows it */
  readonly topicKey?: kms.IKey;
  /** Addresses to subscribe. @default - none */
  readonly emails?: readonly string[];
  /**
   * Whether pages also go to receivers other than the topic; the alarms on Trueup's own functions never do. @default
   * false
   */
  readonly pagesToldElsewhere?: boolean;
}

/**
 * The topic that receives pages and the alarms on Trueup's own functions. CloudWatch publishes as a service, so the
 * policies of the topic and of its key must allow that service, on condition that it acts for this account. A topic's
 * default policy allows the whole account, but it no longer applies once a statement is added (enforceSSL adds one),
 * and alarms are then dropped silently.
 */
export class AlarmTopic extends Construct {
  readonly topic: sns.ITopic;
  readonly key: kms.IKey | undefined;

  constructor(scope: Construct, id: string, props: AlarmTopicProps = {}) {
    super(scope, id);
    if (props.topic === undefined) {
      this.key = new kms.Key(this, 'Key', {
        description: "Trueup's pages",
        enableKeyRotation: true,
        // The key encrypts only messages that SNS has not delivered yet, so nothing else is lost with it. AWS
        // charges for unused keys as well.
        removalPolicy: RemovalPolicy.DESTROY,
      });
      this.topic = new sns.Topic(this, 'Topic', { masterKey: this.key, enforceSSL: true });
    } else {
      this.topic = props.topic;
      this.key = props.topicKey ?? props.topic.masterKey;
    }
    this.allow(this.topic.addToResourcePolicy(buildPublishStatement(this.topic)).statementAdded, 'topic');
    if (this.key)
      this.allow(this.key.addToResourcePolicy(buildEncryptStatement(), true).statementAdded, 'key');
    this.subscribe(props);
    if (props.topic === undefined) this.sayWhereNobodyIsTold(props.pagesToldElsewhere ?? false);
  }

  private subscribe({ emails = [] }: AlarmTopicProps): void {
    for (const [i, email] of emails.entries()) {
      // CDK derives a subscription's construct ID from its endpoint, which does not work for a token.
      if (!Token.isUnresolved(email)) this.topic.addSubscription(new subscriptions.EmailSubscription(email));
      else
        new sns.Subscription(this, `Subscription${i}`, {
          topic: this.topic,
          protocol: sns.SubscriptionProtocol.EMAIL,
          endpoint: email,
        });
    }
  }

  /**
   * Warns if the topic has no subscription, at the end of synth, when subscriptions that other constructs make exist
   * too.
   */
  private sayWhereNobodyIsTold(pagesToldElsewhere: boolean): void {
    this.node.addValidation({
      validate: () => {
        if (!this.hasSubscription()) {
          Annotations.of(this).addWarningV2(
            'trueup:noReceiver',
            (pagesToldElsewhere
              ? 'Nobody will be notified when Trueup itself fails: the topic that alarms on its own functions and on pages that could not be delivered go to has no subscription.'
              : 'Nobody will be notified: the topic that pages and alarms go to has no subscription.') +
              " Give SchemaAlarms notify: [Notify.email('…')] or Notify.topic(…), " +
              'or subscribe to it (alarms.topic.addSubscription). Where subscriptions are made outside this app, acknowledge this warning.',
          );
        }
        return [];
      },
    });
  }

  private hasSubscription(): boolean {
    return this.node.root.node
      .findAll()
      .some((each) => each instanceof sns.CfnSubscription && each.topicArn === this.topic.topicArn);
  }

  grantPublish(role: iam.IRole): void {
    grantPublish(role, 'Page', this.topic, this.key);
  }

  private allow(added: boolean, what: string): void {
    if (added) return;
    Annotations.of(this).addWarningV2(
      `trueup:alarm-${what}`,
      `The ${what} of the alarms is not made in this app, so its policy was left alone. It must let the service ` +
        `cloudwatch.amazonaws.com ${what === 'topic' ? 'publish (sns:Publish)' : 'use it (kms:Decrypt, kms:GenerateDataKey*)'}, ` +
        'with the condition aws:SourceAccount; otherwise alarms are dropped silently.',
    );
  }
}

/**
 * Allows the role to publish, through the role's own policy. A statement in the key's policy would make the key's stack
 * depend on ours.
 */
export function grantPublish(
  role: iam.IRole,
  what: 'Page' | 'Chat' | 'Document' | 'Refused',
  to: sns.ITopic,
  encryptedWith: kms.IKey | undefined,
): void {
  role.addToPrincipalPolicy(
    new iam.PolicyStatement({ sid: what, actions: ['sns:Publish'], resources: [to.topicArn] }),
  );
  if (!encryptedWith) return;
  role.addToPrincipalPolicy(
    new iam.PolicyStatement({
      sid: `Encrypt${what}s`,
      actions: ['kms:Decrypt', 'kms:GenerateDataKey'],
      resources: [encryptedWith.keyArn],
    }),
  );
}

const buildPublishStatement = (topic: sns.ITopic): iam.PolicyStatement =>
  new iam.PolicyStatement({
    sid: 'CloudWatchPublishes',
    principals: [new iam.ServicePrincipal('cloudwatch.amazonaws.com')],
    actions: ['sns:Publish'],
    resources: [topic.topicArn],
    conditions: OWN_ACCOUNT,
  });

const buildEncryptStatement = (): iam.PolicyStatement =>
  new iam.PolicyStatement({
    sid: 'CloudWatchEncrypts',
    principals: [new iam.ServicePrincipal('cloudwatch.amazonaws.com')],
    actions: ['kms:Decrypt', 'kms:GenerateDataKey*'],
    resources: ['*'],
    conditions: OWN_ACCOUNT,
  });

const OWN_ACCOUNT = { StringEquals: { 'aws:SourceAccount': Aws.ACCOUNT_ID } };
