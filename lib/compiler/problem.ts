/**
 * A problem in a migration file: where it is, its reason, and what to do. All problems of a folder are reported at
 * once.
 */
import { join } from 'node:path';
import { TrueupError } from '../../lambda/contract/errors';

export interface Problem {
  /** File name relative to the folder; empty if the folder itself is the problem. */
  readonly file: string;
  /** Line, from 1; `null` for the whole file. */
  readonly line: number | null;
  /** Column in characters (code points), from 1; `null` for the whole file. */
  readonly column: number | null;
  readonly message: string;
  readonly remedy: string;
  /** Two lines: the source line, and a caret below the place. Empty if there is no such place. */
  readonly snippet: string;
  /**
   * The lint rule that found the problem, or `syntax`.
   * @default - none: the file cannot work as it is
   */
  readonly rule?: string;
}

/**
 * Thrown for files that cannot work. `message` contains every problem in printable form; `problems` contains them as
 * data.
 */
export class CompileError extends TrueupError {
  override readonly name = 'CompileError';
  constructor(
    readonly folder: string,
    readonly problems: readonly Problem[],
  ) {
    super({
      code: 'manifest',
      message: formatProblems(folder, problems),
      remedy: 'Nothing was applied. Correct the files and run it again.',
    });
    // Callers print the message. Node would print all of these properties again below it.
    for (const key of ['info', 'folder', 'problems']) Object.defineProperty(this, key, { enumerable: false });
  }

  /** Returns all problems as plain text. */
  format(): string {
    return formatProblems(this.folder, this.problems);
  }
}

/** Formats the problems as `trueup check` prints them, without colors and line breaks. */
export function formatForTerminal({ folder, problems, info }: CompileError): string {
  const count = problems.length === 1 ? '1 problem' : `${problems.length} problems`;
  const blocks = problems.map(({ file, line, column, message, snippet, remedy }) =>
    [
      `${[join(folder, file), line, column].filter((part) => part !== null).join(':')}: error: ${message}`,
      ...(snippet === '' ? [] : snippet.split('\n')).map((row) => `  ${row}`),
      `  ${remedy}`,
    ].join('\n'),
  );
  return [...blocks, `${count} in ${folder}. ${info.remedy}`].join('\n\n');
}

function formatProblems(folder: string, problems: readonly Problem[]): string {
  const count = problems.length === 1 ? 'One problem' : `${problems.length} problems`;
  return [`${count} in ${folder}`, ...problems.map(formatProblem)].join('\n\n');
}

export function formatProblem(problem: Problem): string {
  const { file, line, column, message, remedy, snippet } = problem;
  const where = [file, line, column].filter((part) => part !== null && part !== '').join(':');
  return [where ? `${where}: ${message}` : message, snippet, remedy]
    .filter((part) => part !== '')
    .map((part, i) => (i === 0 ? part : part.replace(/^/gm, '  ')))
    .join('\n');
}

export const compareByLocation = (a: Problem, b: Problem): number =>
  (a.file < b.file ? -1 : a.file > b.file ? 1 : 0) ||
  (a.line ?? 0) - (b.line ?? 0) ||
  (a.column ?? 0) - (b.column ?? 0);

const MAX_SNIPPET_WIDTH = 100;

/**
 * Returns the line and a caret under the character at `column`, aligned correctly for tabs, wide characters and
 * combining marks.
 */
export function formatSnippet(line: string, lineNumber: number, column: number, offset: number): string {
  let before = Array.from(line.slice(Math.max(0, offset - 4 * MAX_SNIPPET_WIDTH), offset));
  if (column - 1 > MAX_SNIPPET_WIDTH - 20) before = ['…', ...before.slice(-40)];
  const caret = before.length;
  let characters = [...before, ...Array.from(line.slice(offset, offset + 4 * MAX_SNIPPET_WIDTH))];
  if (characters.length > MAX_SNIPPET_WIDTH) characters = [...characters.slice(0, MAX_SNIPPET_WIDTH), '…'];
  const margin = String(lineNumber);
  const indent = characters.slice(0, caret).map(toWhitespace).join('');
  return `${margin} | ${characters.join('')}\n${' '.repeat(margin.length)} | ${indent}^`;
}

/**
 * Returns white space of the width that a terminal gives the character. A tab stays a tab, so that both lines align.
 */
function toWhitespace(character: string): string {
  if (character === '\t') return '\t';
  if (/^(\p{Mn}|\p{Me}|\p{Cf})/u.test(character)) return '';
  return /^[\p{Emoji_Presentation}\p{Script=Han}\p{Script=Hangul}\p{Script=Hiragana}\p{Script=Katakana}\u3000-\u303F\uFF01-\uFF60]/u.test(
    character,
  )
    ? '  '
    : ' ';
}
