/**
 * Reads a file as far as needed to tell comments from code: where comments are, and what only psql understands.
 * Section markers are comments, so nothing inside a string or a dollar-quoted body is taken for one.
 */
import { skipQuoted } from '../../lambda/postgres/sql-scan';

export interface Comment {
  readonly start: number;
  /** After its last character, before the line end. */
  readonly end: number;
  /** Only white space stands before it on its line. */
  readonly ownLine: boolean;
}

export interface Outline {
  readonly comments: readonly Comment[];
  /** Backslash commands: offset of the backslash, and the command with its backslash. */
  readonly metaCommands: readonly { readonly at: number; readonly command: string }[];
  /** The text with psql's commands and the data of COPY … FROM STDIN as spaces: what the parser can read. Same offsets. */
  readonly sql: string;
}

const COPY_DATA = /copy\s[^;]*?\sfrom\s+stdin\b[^;]*;[^\n]*\n(?=(?:.*\n)*?\\\.[ \t]*(?:\n|$))/iy;
const META_COMMAND = /\\[^\s;]*/y;

export function outlineOf(text: string): Outline {
  const comments: Comment[] = [];
  const metaCommands: { at: number; command: string }[] = [];
  const blanks: [number, number][] = [];
  let lineStart = 0;
  let since = 0;
  for (let at = 0; at < text.length; ) {
    const character = text[at]!;
    const end = skipQuoted(text, at, since);
    if (end > at) {
      const comment = text.startsWith('--', at) || text.startsWith('/*', at);
      if (comment) comments.push({ start: at, end, ownLine: text.slice(lineStart, at).trim() === '' });
      const newline = text.lastIndexOf('\n', end - 1);
      if (newline >= at) lineStart = newline + 1;
      at = end;
      since = end;
    } else if (character === '\n') {
      at++;
      lineStart = at;
    } else if (character === '\\') {
      META_COMMAND.lastIndex = at;
      metaCommands.push({ at, command: META_COMMAND.exec(text)![0] });
      const lineEnd = lineEndOf(text, at);
      blanks.push([at, lineEnd]);
      at = lineEnd;
    } else if ((character === 'c' || character === 'C') && text.slice(lineStart, at).trim() === '') {
      const data = copyData(text, at);
      if (data) blanks.push(data);
      at = data ? data[1] : at + 1;
    } else at++;
  }
  return { comments, metaCommands, sql: blank(text, blanks) };
}

/** The lines after `COPY … FROM STDIN;` up to and with `\.`: data, in which a quote means nothing. */
function copyData(text: string, at: number): [number, number] | undefined {
  COPY_DATA.lastIndex = at;
  const command = COPY_DATA.exec(text);
  if (!command) return undefined;
  const start = at + command[0].length;
  const close = text.slice(start).search(/^\\\.[ \t]*$/m);
  return [start, lineEndOf(text, start + close)];
}

const lineEndOf = (text: string, at: number): number => {
  const end = text.indexOf('\n', at);
  return end === -1 ? text.length : end;
};

function blank(text: string, ranges: readonly [number, number][]): string {
  let result = '';
  let at = 0;
  for (const [start, end] of ranges) {
    result += text.slice(at, start) + text.slice(start, end).replace(/[^\n]/g, ' ');
    at = end;
  }
  return at === 0 ? text : result + text.slice(at);
}

/** Narrows [start, end) to what is neither white space nor comment. `start === end` when nothing is left. */
export function trimToCode(
  text: string,
  comments: readonly Comment[],
  start: number,
  end: number,
): [number, number] {
  let [from, to] = [start, end];
  for (let next = firstCommentFrom(comments, from); from < to; ) {
    const comment = comments[next];
    if (comment?.start === from) {
      from = comment.end;
      next++;
    } else if (/\s/.test(text[from]!)) from++;
    else break;
  }
  for (let last = firstCommentFrom(comments, to) - 1; to > from; ) {
    const comment = comments[last];
    if (comment && comment.end === to) {
      to = comment.start;
      last--;
    } else if (/\s/.test(text[to - 1]!)) to--;
    else break;
  }
  return from >= to ? [end, end] : [from, to];
}

/** Index of the first comment that begins at or after `at`. */
function firstCommentFrom(comments: readonly Comment[], at: number): number {
  let low = 0;
  let high = comments.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (comments[middle]!.start < at) low = middle + 1;
    else high = middle;
  }
  return low;
}
