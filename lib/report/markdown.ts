/**
 * Formats text of unknown origin, such as the name of a table or a line of SQL, as Markdown for GitHub and GitLab. It
 * never becomes a heading, a link, an image, a tag, a mention of a person or a reference to an issue.
 */
import { escapeSqlForDisplay } from '../../lambda/page/document/escape-text';

const MARKDOWN_CHARACTERS = /[\\*_[\]<>&#~|$]/g;
const toEntity = (character: string): string => `&#${character.charCodeAt(0)};`;
/**
 * Displays as nothing, and prevents `@name`, `#12`, `GH-12`, `https://` and `www.` from being recognized after entities
 * are decoded.
 */
const ZERO_WIDTH_SPACE = '&#8203;';

const escapeMarkdown = (text: string): string =>
  text
    .replace(MARKDOWN_CHARACTERS, (character) =>
      character === '#' ? `${toEntity(character)}${ZERO_WIDTH_SPACE}` : toEntity(character),
    )
    .replaceAll('@', `@${ZERO_WIDTH_SPACE}`)
    .replace(/:(?=\/\/)/g, `:${ZERO_WIDTH_SPACE}`)
    .replace(/\b(www|GH)(?=[.-])/gi, `$1${ZERO_WIDTH_SPACE}`);

/** Formats a sentence on one line; text between backticks is shown as code. */
export function formatProse(text: string): string {
  const parts = escapeSqlForDisplay(text.replace(/\s+/g, ' ')).split('`');
  // If the number of backticks is odd, the last one begins nothing.
  const closed = parts.length % 2 === 1 ? parts.length : parts.length - 1;
  const shown = parts.map((part, i) => {
    if (i >= closed) return `${toEntity('`')}${escapeMarkdown(part)}`;
    return i % 2 === 1 && part.trim() !== '' ? formatCode(part) : escapeMarkdown(part);
  });
  // These characters would start a list or a rule, or turn the line above into a heading; so would an empty line after
  // a dash.
  return shown.join('').replace(/^(\s*)(?=[-+=]|\d+[.)](?:\s|$)|$)/, `$1${ZERO_WIDTH_SPACE}`);
}

/** Formats a name or a short piece of SQL on one line. Nothing in a code span is a mention. */
export function formatCode(text: string): string {
  const line = escapeSqlForDisplay(text.replace(/\s+/g, ' ')).trim();
  const marks = '`'.repeat(findLongestRun(line) + 1);
  const space = line.startsWith('`') || line.endsWith('`') ? ' ' : '';
  return line === '' ? '' : `${marks}${space}${line}${space}${marks}`;
}

/**
 * Formats a code block.
 * @param longest maximum number of characters; longer text is cut, and the rest is counted
 */
export function formatCodeBlock(text: string, language: string, longest: number): string {
  const lines = text.split('\n').map((line) => line.split('\t').map(escapeSqlForDisplay).join('\t'));
  const whole = lines.join('\n');
  const shown =
    whole.length <= longest
      ? whole
      : `${whole.slice(0, longest)}\n… ${whole.length - longest} more characters`;
  const marks = '`'.repeat(Math.max(3, findLongestRun(shown) + 1));
  return `${marks}${language}\n${shown}\n${marks}`;
}

export const formatDetails = (summary: string, content: string): string =>
  `<details><summary>${summary}</summary>\n\n${content}\n\n</details>`;

/**
 * Formats the first line of the markdown, which is not displayed. It identifies the comment that a later run edits.
 * @param name distinguishes the comments of several folders
 */
export const formatMark = (name: string): string =>
  `<!-- trueup plan ${encodeURIComponent(name).replaceAll('%2F', '/')} -->`;

/** GitHub accepts 65,536 characters per comment; the difference is for the mark and for text that a workflow adds. */
export const MAX_MARKDOWN_LENGTH = 60_000;
const REMAINDER_LENGTH = 300;

/**
 * Returns the most important text, followed by as many items as fit.
 * @param head lines without code blocks
 * @param rest describes how many items are omitted; `command` prints all of them
 */
export function fitItems(
  head: string,
  items: readonly string[],
  rest: { readonly many: (count: number) => string; readonly command: string },
): string {
  const said = (what: string): string => `**${what}**: \`${rest.command}\` prints all of it.`;
  const longest = MAX_MARKDOWN_LENGTH - 2 * REMAINDER_LENGTH;
  const shown = [
    // Cut at the end of a line, so that no code span and no entity is split.
    head.length <= longest
      ? head
      : `${head.slice(0, head.lastIndexOf('\n', longest))}\n\n${said('The rest does not fit here')}`,
  ];
  let length = shown[0]!.length;
  for (const [i, item] of items.entries()) {
    length += item.length + 2;
    if (length > MAX_MARKDOWN_LENGTH - REMAINDER_LENGTH) {
      shown.push(said(rest.many(items.length - i)));
      break;
    }
    shown.push(item);
  }
  return `${shown.join('\n\n')}\n`;
}

const findLongestRun = (text: string): number =>
  Math.max(0, ...[...text.matchAll(/`+/g)].map(([run]) => run.length));
