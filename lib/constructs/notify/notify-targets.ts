/** Sorts a list of {@link Notify} by form, and refuses contradictory entries. */
import type * as sns from 'aws-cdk-lib/aws-sns';
import type { IConstruct } from 'constructs';
import { throwProblems } from '../validation/prop-checks';
import type { HttpsTarget, Notify, TopicTarget } from './notify';

export interface NotifyTargets {
  readonly emails: readonly string[];
  /** Existing topic that receives the text. */
  readonly topic: TopicTarget | undefined;
  readonly chats: readonly sns.ITopic[];
  readonly https: readonly HttpsTarget[];
}

/**
 * Sorts the targets by form.
 * @throws {Error} for two topics for the text, two forms on one topic, or a target that is listed twice
 */
export function collectNotifyTargets(where: IConstruct, notify: readonly Notify[]): NotifyTargets {
  const emails: string[] = [];
  const topics: TopicTarget[] = [];
  const chats: sns.ITopic[] = [];
  const https: HttpsTarget[] = [];
  for (const { _target: target } of notify)
    switch (target.form) {
      case 'email':
        emails.push(target.address);
        break;
      case 'topic':
        topics.push(target);
        break;
      case 'chat':
        chats.push(target.topic);
        break;
      case 'pagerduty':
      case 'webhook':
        https.push(target);
        break;
      default:
        target satisfies never;
    }
  const [topic, second] = topics;
  if (second !== undefined)
    throwProblems(where, 'notify has two topics for the text; it must have one at most');
  if (topic && chats.some(({ topicArn }) => topicArn === topic.topic.topicArn))
    throwProblems(
      where,
      'notify has Notify.chat and Notify.topic on one topic; a chat needs a different format and therefore a separate topic',
    );
  for (const [what, keys] of [
    ['an address', emails],
    ['a chat topic', chats.map(({ topicArn }) => topicArn)],
    ['a receiver', https.map(({ url, secret }) => `${url} ${secret.secretArn}`)],
  ] as const)
    if (new Set(keys).size < keys.length)
      throwProblems(where, `notify has ${what} twice; each must be in it once`);
  return { emails, topic, chats, https };
}
