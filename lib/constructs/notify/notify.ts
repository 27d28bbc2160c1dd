import { Token } from 'aws-cdk-lib';
import type * as kms from 'aws-cdk-lib/aws-kms';
import type * as secretsmanager from 'aws-cdk-lib/aws-secretsmanager';
import type * as sns from 'aws-cdk-lib/aws-sns';
import { type Check, type Checks, checkProps, kindOf, optional } from '../validation/check';
import { key, secret, topic } from '../validation/resources';
import { oneOf, text, url } from '../validation/values';

export interface NotifyTopicOptions {
  /**
   * The topic's key. The default key `alias/aws/sns` does not let CloudWatch publish, and drops its messages.
   * @default - the topic's own key, if CDK knows it
   */
  readonly key?: kms.IKey;
}

export interface NotifyPagerDutyOptions {
  /**
   * Where PagerDuty keeps the account.
   * @default 'us'
   */
  readonly serviceRegion?: 'us' | 'eu';
}

interface EmailTarget {
  readonly form: 'email';
  readonly address: string;
}
export interface TopicTarget {
  readonly form: 'topic' | 'chat';
  readonly topic: sns.ITopic;
  readonly key?: kms.IKey;
}
export interface HttpsTarget {
  readonly form: 'pagerduty' | 'webhook';
  readonly url: string;
  readonly secret: secretsmanager.ISecret;
}
/** Who is told, and in which form. */
export type NotifyTarget = EmailTarget | TopicTarget | HttpsTarget;

const TOPIC: Checks<NotifyTopicOptions> = { key: optional(key) };
const PAGER_DUTY: Checks<NotifyPagerDutyOptions> = { serviceRegion: optional(oneOf('us', 'eu')) };

const address = text({
  must: 'must be an address, e.g. on-call@example.com',
  matches: /^[^\s@<>,;"]+@[^\s@<>,;"]+\.[^\s@<>,;".]+$/,
  maxBytes: 254,
});
const ENDPOINTS = { us: 'events.pagerduty.com', eu: 'events.eu.pagerduty.com' } as const;

const MUST = 'must be an HTTPS endpoint whose host is known at synth, e.g. https://hooks.example.com/trueup';
const https = url(MUST, ['https']);

/** Of a token nothing can be seen, so it may stand in the path alone. */
const endpoint: Check = (value, name) => {
  if (typeof value !== 'string' || !Token.isUnresolved(value))
    return https(value, name) ?? noUser(value, name);
  return /^https:\/\/[A-Za-z0-9.-]+(:\d+)?\//.test(value)
    ? undefined
    : `${name} is a token, or its host is; it ${MUST}`;
};

function noUser(value: unknown, name: string): string | undefined {
  const { username, password, host } = new URL(value as string);
  return username === '' && password === ''
    ? undefined
    : `${name} is a URL of ${host} with a user in it; it must have none: what is sent is signed`;
}

/**
 * Whom pages go to. Each form carries the same page; {@link SchemaAlarms} takes any number of them.
 *
 * @example
 * new SchemaAlarms(stack, 'Alarms', {
 *   databaseLogGroup,
 *   schemas: [schema],
 *   notify: [
 *     Notify.email('on-call@example.com'),
 *     Notify.pagerDuty(secretsmanager.Secret.fromSecretNameV2(stack, 'RoutingKey', 'pagerduty/shop')),
 *   ],
 * });
 */
export class Notify {
  private constructor(readonly target: NotifyTarget) {}

  /** The text, to an address, which has to confirm the subscription. */
  static email(address_: string): Notify {
    checkProps('Notify.email', { address: address_ }, { address });
    return new Notify({ form: 'email', address: address_ });
  }

  /**
   * The text, to a topic of your own in place of the one that {@link SchemaAlarms} makes. At most one: it is also where the
   * alarms on Trueup's own functions go. It must let `cloudwatch.amazonaws.com` publish, and so must its key; both get the
   * statements when they are made in this app.
   */
  static topic(topic_: sns.ITopic, options: NotifyTopicOptions = {}): Notify {
    checkProps('Notify.topic', { topic: topic_ }, { topic });
    checkProps('Notify.topic', options, TOPIC);
    return new Notify({ form: 'topic', topic: topic_, ...options });
  }

  /**
   * A topic to which a channel of Amazon Q Developer in chat applications is subscribed (Slack, Teams), in the form that it
   * takes. A topic of its own: it drops any other form without a word.
   */
  static chat(topic_: sns.ITopic): Notify {
    checkProps('Notify.chat', { topic: topic_ }, { topic });
    return new Notify({ form: 'chat', topic: topic_ });
  }

  /**
   * Incidents in PagerDuty, which end when the catalogue shows the repair.
   * @param routingKey a secret that holds the integration key of an Events API v2 integration, as text
   */
  static pagerDuty(routingKey: secretsmanager.ISecret, options: NotifyPagerDutyOptions = {}): Notify {
    checkProps('Notify.pagerDuty', { routingKey }, { routingKey: secret });
    checkProps('Notify.pagerDuty', options, PAGER_DUTY);
    const host = ENDPOINTS[options.serviceRegion ?? 'us'];
    return new Notify({ form: 'pagerduty', url: `https://${host}/v2/enqueue`, secret: routingKey });
  }

  /**
   * The page as JSON, posted to an endpoint of your own and signed; docs/notify.md says how to check the signature.
   * @param endpointUrl HTTPS; its host must be known at synth
   * @param signingSecret a secret that holds a text which only the receiver knows
   */
  static webhook(endpointUrl: string, signingSecret: secretsmanager.ISecret): Notify {
    checkProps(
      'Notify.webhook',
      { url: endpointUrl, signingSecret },
      { url: endpoint, signingSecret: secret },
    );
    return new Notify({ form: 'webhook', url: endpointUrl, secret: signingSecret });
  }
}

/** Known by what it has, since an app may hold this package twice. A text in its place is not shown: it may be a key. */
export const notifyTarget: Check = (value, name) => {
  const form = (value as { target?: { form?: unknown } } | null | undefined)?.target?.form;
  return typeof form === 'string'
    ? undefined
    : `${name} is ${kindOf(value)}; it must be a Notify: Notify.email(…), topic(…), chat(…), pagerDuty(…) or webhook(…)`;
};
