/** What is wrong in a migration file: where, why, and what to do. All of a folder's problems are reported at once. */
import { TrueupError } from '../../lambda/contract/errors';

export interface Problem {
  /** Relative to the folder. Empty when the folder itself is the problem. */
  readonly file: string;
  /** From 1; null when the whole file is meant. */
  readonly line: number | null;
  /** In characters (code points), from 1; null when the whole file is meant. */
  readonly column: number | null;
  readonly message: string;
  readonly remedy: string;
  /** The line with a caret below the place, two lines; empty when there is none. */
  readonly snippet: string;
  /** The lint rule that found it, or `syntax`. @default - none: it cannot work as it is written */
  readonly rule?: string;
}

/** Files that cannot work. `message` holds every problem, ready to print; `problems` holds them as data. */
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
  }

  /** All problems as plain text. */
  format(): string {
    return formatProblems(this.folder, this.problems);
  }
}

export function formatProblems(folder: string, problems: readonly Problem[]): string {
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

export const byPlace = (a: Problem, b: Problem): number =>
  (a.file < b.file ? -1 : a.file > b.file ? 1 : 0) ||
  (a.line ?? 0) - (b.line ?? 0) ||
  (a.column ?? 0) - (b.column ?? 0);

const MAX_SNIPPET_WIDTH = 100;

/** The line and a caret under the character at `column`, right for tabs, wide characters and combining marks. */
export function snippetOf(line: string, lineNumber: number, column: number, offset: number): string {
  let before = Array.from(line.slice(Math.max(0, offset - 4 * MAX_SNIPPET_WIDTH), offset));
  if (column - 1 > MAX_SNIPPET_WIDTH - 20) before = ['…', ...before.slice(-40)];
  const caret = before.length;
  let characters = [...before, ...Array.from(line.slice(offset, offset + 4 * MAX_SNIPPET_WIDTH))];
  if (characters.length > MAX_SNIPPET_WIDTH) characters = [...characters.slice(0, MAX_SNIPPET_WIDTH), '…'];
  const margin = String(lineNumber);
  const indent = characters.slice(0, caret).map(blankOf).join('');
  return `${margin} | ${characters.join('')}\n${' '.repeat(margin.length)} | ${indent}^`;
}

/** As many columns of white space as a terminal gives the character. A tab stays one, so that both lines break alike. */
function blankOf(character: string): string {
  if (character === '\t') return '\t';
  if (/^(\p{Mn}|\p{Me}|\p{Cf})/u.test(character)) return '';
  return /^[\p{Emoji_Presentation}\p{Script=Han}\p{Script=Hangul}\p{Script=Hiragana}\p{Script=Katakana}\u3000-\u303F\uFF01-\uFF60]/u.test(
    character,
  )
    ? '  '
    : ' ';
}
