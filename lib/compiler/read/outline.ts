/**
 * Separates comments from code: finds the comments, and commands that only psql understands. Section markers are
 * comments, so text inside a string or a dollar-quoted body is never taken for one.
 */
import { skipQuoted, skipWord } from '../../../lambda/sql/scan';

export interface Comment {
  readonly start: number;
  /** Offset after the last character, before the line end. */
  readonly end: number;
  /** Whether only white space precedes the comment on its line. */
  readonly ownLine: boolean;
}

export interface Outline {
  readonly comments: readonly Comment[];
  /** Backslash commands: the offset of the backslash, and the command including it. */
  readonly metaCommands: readonly { readonly at: number; readonly command: string }[];
  /**
   * The text that the parser can read, with unchanged offsets: psql commands, the data of COPY … FROM STDIN and the
   * content of comments are replaced by spaces. (The parser needs quadratic time for nested comments.)
   */
  readonly sql: string;
}

const COPY_FROM_STDIN = /copy\s[^;]{0,10000}?\sfrom\s+stdin\b[^;]{0,10000};[^\n]*\n/iy;
const END_OF_DATA = /^\\\.[ \t]*$/gm;
const META_COMMAND = /\\[^\s;]*/y;

/** Visits each character once: otherwise the time would be quadratic in the length of a line. */
export function parseOutline(text: string): Outline {
  const comments: Comment[] = [];
  const metaCommands: { at: number; command: string }[] = [];
  const blanks: [number, number][] = [];
  const endOfData = indexDataEnds(text);
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
      const lineEnd = findLineEnd(text, at);
      blanks.push([at, lineEnd]);
      at = lineEnd;
    } else {
      const data =
        lineIsBlank && (character === 'c' || character === 'C') && findCopyData(text, at, endOfData);
      if (data) blanks.push(data);
      lineIsBlank &&= /\s/.test(character);
      at = data ? data[1] : Math.max(at + 1, skipWord(text, at));
    }
  }
  return { comments, metaCommands, sql: blankRanges(text, blanks) };
}

/**
 * Returns the lines after `COPY … FROM STDIN;` up to and including `\.`: they are data, in which a quote has no
 * meaning.
 */
function findCopyData(text: string, at: number, endAfter: FindEndAfter): [number, number] | undefined {
  COPY_FROM_STDIN.lastIndex = at;
  const command = COPY_FROM_STDIN.exec(text);
  if (!command) return undefined;
  const start = at + command[0].length;
  const end = endAfter(start);
  return end === undefined ? undefined : [start, findLineEnd(text, end)];
}

/** Returns the first line `\.` at or after an offset. Offsets must increase from call to call. */
type FindEndAfter = (from: number) => number | undefined;

function indexDataEnds(text: string): FindEndAfter {
  const ends = [...text.matchAll(END_OF_DATA)].map(({ index }) => index);
  let next = 0;
  return (from) => {
    while (ends[next]! < from) next++;
    return ends[next];
  };
}

const findLineEnd = (text: string, at: number): number => {
  const end = text.indexOf('\n', at);
  return end === -1 ? text.length : end;
};

function blankRanges(text: string, ranges: readonly [number, number][]): string {
  let result = '';
  let at = 0;
  for (const [start, end] of ranges) {
    result += text.slice(at, start) + text.slice(start, end).replace(/[^\n]/g, ' ');
    at = end;
  }
  return at === 0 ? text : result + text.slice(at);
}

/** Narrows [start, end) by the white space and comments at both ends. `start === end` if nothing is left. */
export function trimToCode(
  text: string,
  comments: readonly Comment[],
  start: number,
  end: number,
): [number, number] {
  let [from, to] = [start, end];
  for (let next = findFirstComment(comments, from); from < to; ) {
    const comment = comments[next];
    if (comment?.start === from) {
      from = comment.end;
      next++;
    } else if (/\s/.test(text[from]!)) from++;
    else break;
  }
  for (let last = findFirstComment(comments, to) - 1; to > from; ) {
    const comment = comments[last];
    if (comment && comment.end === to) {
      to = comment.start;
      last--;
    } else if (/\s/.test(text[to - 1]!)) to--;
    else break;
  }
  return from >= to ? [end, end] : [from, to];
}

/** Returns the index of the first comment that begins at or after `at`. */
function findFirstComment(comments: readonly Comment[], at: number): number {
  let low = 0;
  let high = comments.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (comments[middle]!.start < at) low = middle + 1;
    else high = middle;
  }
  return low;
}
