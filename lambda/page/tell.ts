/** Sends a page to everybody who is told. The text goes first, and nothing that comes after it holds it up or repeats it. */
import { log } from '../log';
import type { PageContext } from './context';
import type { PageDocument, PageFinding } from './document/document';
import { renderChat } from './forms/chat';
import { type Page, renderText } from './forms/text';

/** @throws {Error} when the text could not be sent; the others have been told all the same */
export async function tell(document: PageDocument, { settings, out }: PageContext): Promise<void> {
  const { topicArn, chatTopicArns = [], documentTopicArn } = settings;
  const publish = (topic: string, page: Omit<Page, 'subject'> & Partial<Page>) =>
    out.publish(topic, page).then(
      () => null,
      (error: Error) => error,
    );
  const page = renderText(document);
  const failed = await publish(topicArn, page);
  const untold: string[] = [];
  for (const [topic, text] of [
    ...chatTopicArns.map((each) => [each, () => JSON.stringify(renderChat(document))] as const),
    ...(documentTopicArn ? [[documentTopicArn, () => sendable(document)] as const] : []),
  ]) {
    const error = await publish(topic, { text: text() });
    if (error === null) continue;
    log('not-told', { topic, reason: error.name });
    untold.push(`${topic} (${error.name})`);
  }
  if (failed !== null) throw failed;
  if (untold.length === 0) return;
  const error = await publish(topicArn, {
    subject: '[Trueup] a page did not reach everybody',
    text: `The page before this one could not be published to ${untold.join(' and ')}. Check that the topic exists, and that the pager's role may publish to it and use its key.`,
  });
  if (error !== null) log('not-told', { topic: topicArn, reason: error.name });
}

/** SNS takes 256 KB, and the queue behind it as much. */
const MOST_BYTES = 200_000;
const MOST_NAMED = 200;

/** The document as it travels to those who send it on over HTTPS: what is too long is left to the text. */
export function sendable(document: PageDocument): string {
  const { findings } = document;
  const unnamed = document.also.length - MOST_NAMED;
  const also =
    unnamed > 0
      ? [...document.also.slice(0, MOST_NAMED), `${unnamed} more: the text of the page names them.`]
      : document.also;
  for (let whole = findings.length; ; whole--) {
    const some = findings.map((each, i) => (i < whole ? each : withoutDetails(each)));
    const text = JSON.stringify({ ...document, also, findings: some });
    if (Buffer.byteLength(text) <= MOST_BYTES || whole === 0) return text;
  }
}

const withoutDetails = (finding: PageFinding): PageFinding => ({
  ...finding,
  doNow: ['The text of the page says what to do: this was too long for all of it.'],
  check: [],
  why: [],
  unseen: [],
  since: [],
  statements: [],
  error: [],
});
