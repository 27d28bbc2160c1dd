/**
 * Markdown as GitHub and GitLab show it, of words that somebody else chose: a name of a table, a line of SQL. None of them
 * becomes a heading, a link, an image, a tag, a mention of a person or a reference to an issue.
 */
import { harmlessSql } from '../../lambda/page/document/harmless';

const ACTIVE = /[\\*_[\]<>&#~|$]/g;
const entity = (character: string): string => `&#${character.charCodeAt(0)};`;
/** Shows as nothing, and keeps `@name`, `#12`, `GH-12`, `https://` and `www.` from being found after the entities are read. */
const APART = '&#8203;';

const plain = (text: string): string =>
  text
    .replace(ACTIVE, (character) => (character === '#' ? `${entity(character)}${APART}` : entity(character)))
    .replaceAll('@', `@${APART}`)
    .replace(/:(?=\/\/)/g, `:${APART}`)
    .replace(/\b(www|GH)(?=[.-])/gi, `$1${APART}`);

/** A sentence; what stands between its backticks is shown as code. One line. */
export function prose(text: string): string {
  const parts = harmlessSql(text.replace(/\s+/g, ' ')).split('`');
  // The last backtick of an odd number begins nothing.
  const closed = parts.length % 2 === 1 ? parts.length : parts.length - 1;
  const shown = parts.map((part, i) => {
    if (i >= closed) return `${entity('`')}${plain(part)}`;
    return i % 2 === 1 && part.trim() !== '' ? code(part) : plain(part);
  });
  // It would begin a list or a rule, or make a heading of the line above it; so would nothing at all behind a dash.
  return shown.join('').replace(/^(\s*)(?=[-+=]|\d+[.)](?:\s|$)|$)/, `$1${APART}`);
}

/** A name, or a short piece of SQL, on one line. In a code span nothing is a mention. */
export function code(text: string): string {
  const line = harmlessSql(text.replace(/\s+/g, ' ')).trim();
  const marks = '`'.repeat(longestRun(line) + 1);
  const space = line.startsWith('`') || line.endsWith('`') ? ' ' : '';
  return line === '' ? '' : `${marks}${space}${line}${space}${marks}`;
}

/** @param longest characters; what is over it is cut, and the cut is said */
export function block(text: string, language: string, longest: number): string {
  const lines = text.split('\n').map((line) => line.split('\t').map(harmlessSql).join('\t'));
  const whole = lines.join('\n');
  const shown =
    whole.length <= longest
      ? whole
      : `${whole.slice(0, longest)}\n… ${whole.length - longest} more characters`;
  const marks = '`'.repeat(Math.max(3, longestRun(shown) + 1));
  return `${marks}${language}\n${shown}\n${marks}`;
}

export const folded = (summary: string, content: string): string =>
  `<details><summary>${summary}</summary>\n\n${content}\n\n</details>`;

/** GitHub takes 65,536 characters for a comment; the rest is for what a comment carries beside it. */
export const LONGEST_MARKDOWN = 60_000;
const ROOM_FOR_REST = 300;

/**
 * What is most important, and then as many items as there is room for.
 * @param head lines without code blocks
 * @param rest says how many items are left out; `command` prints all of them
 */
export function fitting(
  head: string,
  items: readonly string[],
  rest: { readonly many: (count: number) => string; readonly command: string },
): string {
  const said = (what: string): string => `**${what}**: \`${rest.command}\` shows all of it.`;
  const longest = LONGEST_MARKDOWN - 2 * ROOM_FOR_REST;
  const shown = [
    // At the end of a line, so that no code span and no entity is cut in two.
    head.length <= longest
      ? head
      : `${head.slice(0, head.lastIndexOf('\n', longest))}\n\n${said('The rest has no room here')}`,
  ];
  let length = shown[0]!.length;
  for (const [i, item] of items.entries()) {
    length += item.length + 2;
    if (length > LONGEST_MARKDOWN - ROOM_FOR_REST) {
      shown.push(said(rest.many(items.length - i)));
      break;
    }
    shown.push(item);
  }
  return `${shown.join('\n\n')}\n`;
}

const longestRun = (text: string): number =>
  Math.max(0, ...[...text.matchAll(/`+/g)].map(([run]) => run.length));
