/**
 * Renders a page for a chat as a custom notification of Amazon Q Developer in chat applications
 * (https://docs.aws.amazon.com/chatbot/latest/adminguide/custom-notifs.html). The service accepts only this format from
 * its topic, and silently drops other messages. The markdown of Slack and Teams differs, so nothing is bold. Pure.
 */
import { buildAlarmKey, hashParts, type PageDocument } from '../document/document';
import { escapeLines, isSqlLine, truncateEscaped } from '../document/escape-text';

export interface ChatMessage {
  readonly version: '1.0';
  readonly source: 'custom';
  readonly id: string;
  readonly content: {
    readonly textType: 'client-markdown';
    readonly title: string;
    readonly description: string;
    readonly nextSteps?: readonly string[];
  };
  readonly metadata: { readonly threadId: string; readonly summary: string; readonly eventType: string };
}

const MAX_TITLE_LENGTH = 250;
const MAX_DESCRIPTION_LENGTH = 2_000;
const MAX_STEP_LENGTH = 500;
const MAX_STEPS = 5;

/** Renders the problem, whether it is ongoing, and the first step. The mail has the whole page. */
export function renderChat(document: PageDocument): ChatMessage {
  const { id, action, alarm, subject, findings, fallback: instead, additionalFindings: also } = document;
  const described = findings.map(({ now, why }) =>
    [...now, ...why.slice(0, 2)].map(escapeChatText).join(' '),
  );
  const rest = also.length === 0 ? [] : [`${also.length} more are in the full page.`];
  const steps = buildSteps(findings[0]?.remedy ?? []);
  return {
    version: '1.0',
    source: 'custom',
    id,
    content: {
      textType: 'client-markdown',
      title: truncateEscaped(escapeChatText(subject), MAX_TITLE_LENGTH),
      description: truncateEscaped(
        [...(described.length > 0 ? described : instead.slice(0, 2).map(escapeChatText)), ...rest].join('\n'),
        MAX_DESCRIPTION_LENGTH,
      ),
      ...(steps.length > 0 ? { nextSteps: steps } : {}),
    },
    metadata: {
      // All messages about one alarm form one thread, if the channel allows threads.
      threadId: hashParts([buildAlarmKey(alarm)]),
      summary: truncateEscaped(escapeChatText(subject), MAX_TITLE_LENGTH),
      eventType: `trueup-${action}`,
    },
  };
}

/**
 * Escapes text for a chat, where `<!here>`, `<@U024BE7LH>`, `@channel` and `&lt;` have a meaning. A backtick would end
 * our own code formatting.
 */
const escapeChatText = (text: string): string =>
  text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('@', '@\u200b')
    .replaceAll('`', "'");

function buildSteps(remedy: readonly string[]): readonly string[] {
  const lines = escapeLines(remedy, (sql) => !/[<>&@`]|\]\(|:\/\//.test(sql));
  const shown = lines.length > MAX_STEPS ? lines.slice(0, MAX_STEPS - 1) : lines;
  const left = lines.slice(shown.length);
  const sql = left.some(isSqlLine) ? ', SQL among them' : '';
  const rest = left.length > 0 ? [`${left.length} more lines are in the full page${sql}.`] : [];
  return [...shown, ...rest].map(formatStep);
}

const formatStep = (line: string): string =>
  isSqlLine(line) && line.length <= MAX_STEP_LENGTH
    ? `\`${line.trim()}\``
    : truncateEscaped(escapeChatText(line.trim()), MAX_STEP_LENGTH);
