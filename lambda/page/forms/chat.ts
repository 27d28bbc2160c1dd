/**
 * A page for a chat: the custom notification of Amazon Q Developer in chat applications
 * (https://docs.aws.amazon.com/chatbot/latest/adminguide/custom-notifs.html). It takes nothing else from its topic, and drops
 * what has another form without a word. Slack's and Teams' markdown differ, so nothing is bold. Pure.
 */
import { alarmKeyOf, hashOf, type PageDocument } from '../document/document';
import { cut, isSql, withoutMarkup } from '../document/harmless';

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

const LONGEST_TITLE = 250;
const LONGEST_DESCRIPTION = 2_000;
const LONGEST_STEP = 500;
const MOST_STEPS = 5;

/** The whole page is in the mail; this is what is wrong, whether it goes on, and the first thing to do. */
export function renderChat(document: PageDocument): ChatMessage {
  const { id, action, alarm, subject, findings, instead, also } = document;
  const described = findings.map(({ now, why }) => [...now, ...why.slice(0, 2)].map(words).join(' '));
  const rest = also.length === 0 ? [] : [`${also.length} more: the whole page names them.`];
  const steps = stepsOf(findings[0]?.doNow ?? []);
  return {
    version: '1.0',
    source: 'custom',
    id,
    content: {
      textType: 'client-markdown',
      title: cut(words(subject), LONGEST_TITLE),
      description: cut(
        [...(described.length > 0 ? described : instead.slice(0, 2).map(words)), ...rest].join('\n'),
        LONGEST_DESCRIPTION,
      ),
      ...(steps.length > 0 ? { nextSteps: steps } : {}),
    },
    metadata: {
      // Everything about one alarm is one thread, where the channel allows threads.
      threadId: hashOf([alarmKeyOf(alarm)]),
      summary: cut(words(subject), LONGEST_TITLE),
      eventType: `trueup-${action}`,
    },
  };
}

/** `<!here>`, `<@U024BE7LH>`, `@channel` and `&lt;` are something to a chat; a backtick would end code that is ours. */
const words = (text: string): string =>
  text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('@', '@\u200b')
    .replaceAll('`', "'");

function stepsOf(doNow: readonly string[]): readonly string[] {
  const lines = withoutMarkup(doNow, (sql) => !/[<>&@`]|\]\(|:\/\//.test(sql));
  const shown = lines.length > MOST_STEPS ? lines.slice(0, MOST_STEPS - 1) : lines;
  const left = lines.slice(shown.length);
  const sql = left.some(isSql) ? ', SQL among them' : '';
  const rest = left.length > 0 ? [`${left.length} more lines are in the whole page${sql}.`] : [];
  return [...shown, ...rest].map(step);
}

const step = (line: string): string =>
  isSql(line) && line.length <= LONGEST_STEP ? `\`${line.trim()}\`` : cut(words(line.trim()), LONGEST_STEP);
