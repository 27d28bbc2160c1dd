/** Sends a page to all recipients. The text is sent first, so that later problems cannot delay or repeat it. */
import { log } from '../log';
import type { PageContext } from './context';
import { limitDocument, type PageDocument } from './document/document';
import { renderChat } from './forms/chat';
import { renderText, type TextPage } from './forms/text';

export interface PublishResult {
  /** Topics that could not be published to. A follow-up check retries them. */
  readonly failedTopics: readonly string[];
  /** Why the text could not be sent, or null if it was sent. */
  readonly textError: Error | null;
}

/**
 * Publishes the page.
 * @param only topics that still have to be notified. @default - all
 * @throws nothing: the caller first records what was sent, and then fails if the text was not
 */
export async function publishPage(
  document: PageDocument,
  { settings, out }: PageContext,
  only?: readonly string[],
): Promise<PublishResult> {
  const { topicArn, chatTopicArns = [], documentTopicArn } = settings;
  const publish = (topic: string, page: Omit<TextPage, 'subject'> & Partial<TextPage>) =>
    out.publish(topic, page).then(
      () => null,
      (error: Error) => error,
    );
  const isTold = (topic: string): boolean => only === undefined || only.includes(topic);
  const textError = isTold(topicArn) ? await publish(topicArn, renderText(document)) : null;
  const failedTopics: { readonly topic: string; readonly reason: string }[] = [];
  for (const [topic, text] of [
    ...chatTopicArns.map((each) => [each, () => JSON.stringify(renderChat(document))] as const),
    ...(documentTopicArn ? [[documentTopicArn, () => JSON.stringify(limitDocument(document))] as const] : []),
  ]) {
    if (!isTold(topic)) continue;
    const error = await publish(topic, { text: text() });
    if (error === null) continue;
    log('publish-failed', { topic, reason: error.name });
    failedTopics.push({ topic, reason: error.name });
  }
  // Reported once, because the remaining topics are retried every few minutes.
  if (failedTopics.length > 0 && textError === null && only === undefined) {
    const whom = failedTopics.map(({ topic, reason }) => `${topic} (${reason})`).join(' and ');
    const error = await publish(topicArn, {
      subject: '[Trueup] a page did not reach all receivers',
      text: `The page before this one could not be published to ${whom}. Check that the topic exists, and that the pager's role may publish to it and use its key.`,
    });
    if (error !== null) log('publish-failed', { topic: topicArn, reason: error.name });
  }
  if (textError !== null) log('publish-failed', { topic: topicArn, reason: textError.name });
  return {
    failedTopics: [...(textError === null ? [] : [topicArn]), ...failedTopics.map(({ topic }) => topic)],
    textError,
  };
}
