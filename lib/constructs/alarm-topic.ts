import { Annotations, Aws, RemovalPolicy, Token } from 'aws-cdk-lib';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as kms from 'aws-cdk-lib/aws-kms';
import * as sns from 'aws-cdk-lib/aws-sns';
import * as subscriptions from 'aws-cdk-lib/aws-sns-subscriptions';
import { Construct } from 'constructs';
import { type Checks, optional, refuse } from './validation/check';
import { key, topic } from './validation/resources';
import { list, text, url } from './validation/values';

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
  /**
   * Addresses that pages go to; each has to confirm the subscription.
   * @default - none; where nobody else is told either, `cdk synth` warns
   */
  readonly emails?: readonly string[];
  /**
   * HTTPS endpoints, e.g. of a paging service.
   * @default - none
   */
  readonly urls?: readonly string[];
}

export const ALARM_TOPIC: Checks<AlarmTopicProps> = {
  topic: optional(topic),
  topicKey: optional(key),
  emails: optional(
    list(
      text({
        must: 'must be an address, e.g. on-call@example.com',
        matches: /^[^\s@<>,;"]+@[^\s@<>,;"]+\.[^\s@<>,;".]+$/,
        maxBytes: 254,
      }),
    ),
  ),
  urls: optional(list(url('must be an HTTPS endpoint, e.g. https://events.example.com/key', ['https']))),
};

/**
 * The topic that pages go to, and the alarms on Trueup's own functions. CloudWatch publishes as a service, so topic and key
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
        refuse(scope, 'topicKey is the key of a given topic; give the topic too');
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
    this.subscribe(props);
    if (props.topic === undefined) this.sayWhereNobodyIsTold();
  }

  private subscribe({ emails = [], urls = [] }: AlarmTopicProps): void {
    for (const email of emails) {
      if (!this.isToken(email, sns.SubscriptionProtocol.EMAIL))
        this.topic.addSubscription(new subscriptions.EmailSubscription(email));
    }
    for (const each of urls) {
      if (!this.isToken(each, sns.SubscriptionProtocol.HTTPS))
        this.topic.addSubscription(new subscriptions.UrlSubscription(each));
    }
  }

  /** CDK names a subscription after its endpoint, which a token cannot be. */
  private isToken(endpoint: string, protocol: sns.SubscriptionProtocol): boolean {
    if (!Token.isUnresolved(endpoint)) return false;
    const id = `Subscription${this.node.children.length}`;
    new sns.Subscription(this, id, { topic: this.topic, protocol, endpoint });
    return true;
  }

  /** At the end of synth, when subscriptions that others make are there too. */
  private sayWhereNobodyIsTold(): void {
    this.node.addValidation({
      validate: () => {
        if (!this.hasSubscription()) {
          Annotations.of(this).addWarningV2(
            'trueup:nobody-is-told',
            'Nobody will be notified: the topic that pages and alarms go to has no subscription. Give SchemaAlarms emails, urls or a topic of your own, ' +
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

/** By the role's own policy: a statement in the key's policy would tie the key's stack to ours. */
export function grantPublish(
  role: iam.IRole,
  what: 'Page' | 'Chat',
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
