/**
 * A page for a chat: the custom notification of Amazon Q Developer in chat applications
 * (https://docs.aws.amazon.com/chatbot/latest/adminguide/custom-notifs.html). It takes nothing else from its topic, and drops
 * what has another form without a word. Slack's and Teams' markdown differ, so nothing is bold. Pure.
 */
import { createHash } from 'node:crypto';
import { harmlessSql } from './harmless';
import { type PageContent, subjectOf } from './render';
import { doNow, now } from './section';

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
export function renderChat(content: PageContent): ChatMessage {
  const { alarm, signature, findings, others, overflow, complete, toMs } = content;
  const [first] = findings;
  const title = subjectOf(content);
  const thread = [alarm?.account, alarm?.region, alarm?.name ?? signature].join(':');
  const described = findings.map(({ group, diagnosis }) => {
    const causes = diagnosis.cause.slice(0, 2).map(words).join(' ');
    return `${words(now(group, { complete, nowMs: alarm === null ? null : toMs }))} ${causes}`.trim();
  });
  const more = others.length + (overflow > 0 ? 1 : 0);
  const rest = more === 0 ? [] : [`${more} more: the whole page names them.`];
  const steps = first === undefined ? [] : doNow(first.diagnosis).map(step).slice(0, MOST_STEPS);
  return {
    version: '1.0',
    source: 'custom',
    id: hashOf([thread, title, String(toMs)]),
    content: {
      textType: 'client-markdown',
      title: cut(words(title), LONGEST_TITLE),
      description: cut([...described, ...rest].join('\n') || NOT_FOUND, LONGEST_DESCRIPTION),
      ...(steps.length > 0 ? { nextSteps: steps } : {}),
    },
    metadata: {
      // Everything about one alarm is one thread, where the channel allows threads.
      threadId: hashOf([thread]),
      summary: cut(words(title), LONGEST_TITLE),
      eventType: 'trueup-page',
    },
  };
}

const NOT_FOUND =
  'The metric counted errors, but their lines were not found. The whole page has a link to search them.';

const hashOf = (parts: readonly string[]): string =>
  createHash('sha256').update(JSON.stringify(parts)).digest('hex');

/** `<!here>`, `<@U024BE7LH>`, `@channel` and `&lt;` are something to a chat; a backtick would end code that is ours. */
const words = (text: string): string =>
  harmlessSql(text)
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('@', '@\u200b')
    .replaceAll('`', "'");

/** SQL that a chat would show otherwise than it has to be typed is left to the whole page. */
function step(line: string): string {
  const sql = /^ {4}(\S.*)$/.exec(line)?.[1];
  if (sql === undefined) return cut(words(line.trim()), LONGEST_STEP);
  const whole = !/[<>&@`]/.test(sql) && sql.length <= LONGEST_STEP;
  return whole
    ? `\`${harmlessSql(sql)}\``
    : 'The SQL is in the whole page: a chat would not show it as it has to be typed.';
}

/** Not within an entity or a surrogate pair. */
const cut = (text: string, longest: number): string =>
  text.length <= longest ? text : `${text.slice(0, longest - 1).replace(/&\w{0,3}$|[\ud800-\udbff]$/, '')}…`;
