import { Token } from 'aws-cdk-lib';
import type * as kms from 'aws-cdk-lib/aws-kms';
import type * as secretsmanager from 'aws-cdk-lib/aws-secretsmanager';
import type * as sns from 'aws-cdk-lib/aws-sns';
import type { HttpsForm } from '../../../lambda/contract/notify';
import {
  checkProps,
  describeKind,
  optional,
  type PropCheck,
  type PropChecks,
} from '../validation/prop-checks';
import { kmsKeyCheck, secretCheck, topicCheck } from '../validation/resources';
import { enumCheck, text, urlCheck } from '../validation/values';

/** Options of `Notify.topic`. */
export interface NotifyTopicOptions {
  /**
   * KMS key of the topic. The default key `alias/aws/sns` does not let CloudWatch publish, so its messages would be
   * dropped.
   * @default - the topic's own key, if CDK knows it
   */
  readonly key?: kms.IKey;
}

/** Options of `Notify.pagerDuty`. */
export interface NotifyPagerDutyOptions {
  /**
   * Service region of the PagerDuty account.
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
  readonly form: HttpsForm;
  readonly url: string;
  readonly secret: secretsmanager.ISecret;
}
/** A receiver of pages, and the form that it gets. */
export type NotifyTarget = EmailTarget | TopicTarget | HttpsTarget;

const TOPIC_CHECKS: PropChecks<NotifyTopicOptions> = { key: optional(kmsKeyCheck) };
const PAGER_DUTY_CHECKS: PropChecks<NotifyPagerDutyOptions> = {
  serviceRegion: optional(enumCheck('us', 'eu')),
};

const emailAddressCheck = text({
  must: 'must be an address, e.g. on-call@example.com',
  matches: /^[^\s@<>,;"]+@[^\s@<>,;"]+\.[^\s@<>,;".]+$/,
  maxBytes: 254,
});
const PAGER_DUTY_HOSTS = { us: 'events.pagerduty.com', eu: 'events.eu.pagerduty.com' } as const;

const ENDPOINT_RULE =
  'must be an HTTPS endpoint whose host is known at synth, e.g. https://hooks.example.com/trueup';
const httpsUrlCheck = urlCheck(ENDPOINT_RULE, ['https']);

/** Accepts a token only in the path of the URL, because its value cannot be checked. */
const endpointCheck: PropCheck = (value, name) => {
  if (typeof value !== 'string' || !Token.isUnresolved(value))
    return httpsUrlCheck(value, name) ?? findUrlCredentials(value, name) ?? findUnreachableHost(value, name);
  return /^https:\/\/[A-Za-z0-9.-]+(:\d+)?\//.test(value)
    ? undefined
    : `${name} is a token, or its host is; it ${ENDPOINT_RULE}`;
};

/**
 * Accepts standard topics only: our messages have no message group, and neither alarms nor chat support FIFO topics
 * (https://docs.aws.amazon.com/sns/latest/dg/sns-fifo-topics.html).
 */
const standardTopicCheck: PropCheck = (value, name) =>
  topicCheck(value, name) ??
  ((value as sns.ITopic).fifo
    ? `${name} is ${describeKind(value)}, a FIFO topic; it must be a standard one: neither CloudWatch nor the pager can publish to a FIFO topic`
    : undefined);

/**
 * Hosts that the function cannot reach: this host, a name without a domain, and addresses of private networks. The sending
 * function is outside any VPC. https://www.iana.org/assignments/iana-ipv4-special-registry
 */
const UNREACHABLE_HOST =
  /^(?:[^.]+|.*\.(?:localhost|local|internal|test|invalid|home\.arpa)|(?:0|10|127|2[2-5]\d)\.[\d.]+|100\.(?:6[4-9]|[7-9]\d|1[01]\d|12[0-7])\.[\d.]+|169\.254\.[\d.]+|192\.(?:168|0\.[02])\.[\d.]+|172\.(?:1[6-9]|2\d|3[01])\.[\d.]+|198\.1[89]\.[\d.]+|\[.*\])$/i;
/** Chat webhooks accept only their own formats. */
const CHAT_HOST =
  /^(?:hooks\.slack(?:-gov)?\.com|(?:.*\.)?(?:webhook\.office\.com|logic\.azure\.com|discord(?:app)?\.com)|chat\.googleapis\.com)$/i;

function findUnreachableHost(value: unknown, name: string): string | undefined {
  if (typeof value !== 'string' || Token.isUnresolved(value)) return undefined;
  const hostname = new URL(value).hostname.replace(/\.$/, '');
  if ((Object.values(PAGER_DUTY_HOSTS) as string[]).includes(hostname))
    return `${name} is a URL of ${hostname}; it must be an endpoint of your own: use Notify.pagerDuty`;
  if (UNREACHABLE_HOST.test(hostname))
    return `${name} is a URL of ${hostname}; it must be reachable from the internet, because the function that sends pages is outside your network`;
  return CHAT_HOST.test(hostname)
    ? `${name} is a webhook of ${hostname}, which does not accept the format of pages; give your own endpoint. For a chat, use Notify.chat`
    : undefined;
}

function findUrlCredentials(value: unknown, name: string): string | undefined {
  const { username, password, host } = new URL(value as string);
  return username === '' && password === ''
    ? undefined
    : `${name} is a URL of ${host} with a user in it; it must have none: what is sent is signed`;
}

/**
 * A receiver of pages. Every receiver gets the same page in its own form; {@link SchemaAlarms} takes any number of
 * them.
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
  private constructor(
    /** @internal */
    readonly _target: NotifyTarget,
  ) {}

  /** Sends the text to an email address, which has to confirm the subscription. */
  static email(address_: string): Notify {
    checkProps('Notify.email', { address: address_ }, { address: emailAddressCheck });
    return new Notify({ form: 'email', address: address_ });
  }

  /**
   * Sends the text to your own topic instead of the one that {@link SchemaAlarms} creates. There can be at most one,
   * and the alarms on Trueup's own functions go there too. The topic and its key must let `cloudwatch.amazonaws.com`
   * publish; the statements for that are added if they are created in this app.
   */
  static topic(topic_: sns.ITopic, options: NotifyTopicOptions = {}): Notify {
    checkProps('Notify.topic', { topic: topic_ }, { topic: standardTopicCheck });
    checkProps('Notify.topic', options, TOPIC_CHECKS);
    return new Notify({ form: 'topic', topic: topic_, ...options });
  }

  /**
   * Sends the page to a topic to which a channel of Amazon Q Developer in chat applications (Slack, Teams) is
   * subscribed, in the format that it accepts. Use a separate topic, because it drops any other format silently.
   */
  static chat(topic_: sns.ITopic): Notify {
    checkProps('Notify.chat', { topic: topic_ }, { topic: standardTopicCheck });
    return new Notify({ form: 'chat', topic: topic_ });
  }

  /**
   * Creates incidents in PagerDuty, which are resolved when the catalog shows the repair.
   * @param routingKey a secret that contains the integration key of an Events API v2 integration, as text
   */
  static pagerDuty(routingKey: secretsmanager.ISecret, options: NotifyPagerDutyOptions = {}): Notify {
    checkProps('Notify.pagerDuty', { routingKey }, { routingKey: secretCheck });
    checkProps('Notify.pagerDuty', options, PAGER_DUTY_CHECKS);
    const host = PAGER_DUTY_HOSTS[options.serviceRegion ?? 'us'];
    return new Notify({ form: 'pagerduty', url: `https://${host}/v2/enqueue`, secret: routingKey });
  }

  /**
   * Posts the page as signed JSON to your own endpoint; docs/notify.md shows how to verify the signature.
   * @param endpointUrl HTTPS URL whose host must be known at synth
   * @param signingSecret a secret that contains a text which only the receiver knows
   */
  static webhook(endpointUrl: string, signingSecret: secretsmanager.ISecret): Notify {
    checkProps(
      'Notify.webhook',
      { url: endpointUrl, signingSecret },
      { url: endpointCheck, signingSecret: secretCheck },
    );
    return new Notify({ form: 'webhook', url: endpointUrl, secret: signingSecret });
  }
}

/**
 * Recognizes a Notify by its members, because an app may contain this package twice. A string in its place is not
 * shown, since it may be a key.
 */
export const notifyTargetCheck: PropCheck = (value, name) => {
  const form = (value as Partial<Pick<Notify, '_target'>> | null | undefined)?._target?.form as unknown;
  return typeof form === 'string'
    ? undefined
    : `${name} is ${describeKind(value)}; it must be a Notify: Notify.email(…), topic(…), chat(…), pagerDuty(…) or webhook(…)`;
};
