/** Whom a list of {@link Notify} names, by form; what cannot be meant is refused. */
import type * as sns from 'aws-cdk-lib/aws-sns';
import type { IConstruct } from 'constructs';
import { refuse } from '../validation/check';
import type { HttpsTarget, Notify, NotifyTarget, TopicTarget } from './notify';

export interface Targets {
  readonly emails: readonly string[];
  /** A topic of the user's own, for the text. */
  readonly topic: TopicTarget | undefined;
  readonly chats: readonly sns.ITopic[];
  readonly https: readonly HttpsTarget[];
}

/** @throws {Error} for two topics of the text, two forms on one topic, and whoever is named twice */
export function targetsOf(where: IConstruct, notify: readonly Notify[]): Targets {
  const targets = notify.map(({ target }) => target);
  const [topic, second] = targets.filter(isTopic).filter(({ form }) => form === 'topic');
  if (second !== undefined) refuse(where, 'notify has two topics for the text; it must have one at most');
  const chats = targets.filter(isTopic).flatMap((each) => (each.form === 'chat' ? each.topic : []));
  if (topic && chats.some(({ topicArn }) => topicArn === topic.topic.topicArn))
    refuse(
      where,
      'notify has Notify.chat and Notify.topic on one topic; a chat takes a form of its own, and must have a topic of its own',
    );
  const emails = targets.flatMap((each) => (each.form === 'email' ? each.address : []));
  const https = targets.filter(isHttps);
  for (const [what, keys] of [
    ['an address', emails],
    ['a chat topic', chats.map(({ topicArn }) => topicArn)],
    ['a receiver', https.map(({ url, secret }) => `${url} ${secret.secretArn}`)],
  ] as const)
    if (new Set(keys).size < keys.length) refuse(where, `notify has ${what} twice; each must be in it once`);
  return { emails, topic, chats, https };
}

const isTopic = (target: NotifyTarget): target is TopicTarget => 'topic' in target;
const isHttps = (target: NotifyTarget): target is HttpsTarget => 'secret' in target;
