/**
 * Reads a file as far as needed to tell comments from code: where comments are, and what only psql understands.
 * Section markers are comments, so nothing inside a string or a dollar-quoted body is taken for one.
 */
import { skipQuoted, skipWord } from '../../../lambda/sql/scan';

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
  /**
   * What the parser can read, with the same offsets: psql's commands, the data of COPY … FROM STDIN, and what is written
   * in comments, as spaces. (The parser takes the square of the time for comments in comments.)
   */
  readonly sql: string;
}

const COPY = /copy\s[^;]{0,10000}?\sfrom\s+stdin\b[^;]{0,10000};[^\n]*\n/iy;
const END_OF_DATA = /^\\\.[ \t]*$/gm;
const META_COMMAND = /\\[^\s;]*/y;

/** Visits each character once, or the time grows with the square of a line's length. */
export function outlineOf(text: string): Outline {
  const comments: Comment[] = [];
  const metaCommands: { at: number; command: string }[] = [];
  const blanks: [number, number][] = [];
  const endOfData = endsOfData(text);
  let lineIsBlank = true;
  let since = 0;
  for (let at = 0; at < text.length; ) {
    const character = text[at]!;
    const end = skipQuoted(text, at, since);
    if (end > at) {
      const comment = text.startsWith('--', at) || text.startsWith('/*', at);
      if (comment) {
        comments.push({ start: at, end, ownLine: lineIsBlank });
        blanks.push([at + 2, text.startsWith('*/', end - 2) ? Math.max(at + 2, end - 2) : end]);
      }
      const newline = text.slice(at, end).lastIndexOf('\n');
      lineIsBlank = newline >= 0 && text.slice(at + newline, end).trim() === '';
      at = end;
      since = end;
    } else if (character === '\n') {
      at++;
      lineIsBlank = true;
    } else if (character === '\\') {
      META_COMMAND.lastIndex = at;
      metaCommands.push({ at, command: META_COMMAND.exec(text)![0] });
      const lineEnd = lineEndOf(text, at);
      blanks.push([at, lineEnd]);
      at = lineEnd;
    } else {
      const data = lineIsBlank && (character === 'c' || character === 'C') && copyData(text, at, endOfData);
      if (data) blanks.push(data);
      lineIsBlank &&= /\s/.test(character);
      at = data ? data[1] : Math.max(at + 1, skipWord(text, at));
    }
  }
  return { comments, metaCommands, sql: blank(text, blanks) };
}

/** The lines after `COPY … FROM STDIN;` up to and with `\.`: data, in which a quote means nothing. */
function copyData(text: string, at: number, endAfter: EndAfter): [number, number] | undefined {
  COPY.lastIndex = at;
  const command = COPY.exec(text);
  if (!command) return undefined;
  const start = at + command[0].length;
  const end = endAfter(start);
  return end === undefined ? undefined : [start, lineEndOf(text, end)];
}

/** From an offset to the first line `\.` at or behind it. Offsets must grow from call to call. */
type EndAfter = (from: number) => number | undefined;

function endsOfData(text: string): EndAfter {
  const ends = [...text.matchAll(END_OF_DATA)].map(({ index }) => index);
  let next = 0;
  return (from) => {
    while (ends[next]! < from) next++;
    return ends[next];
  };
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
