/** One migration file in memory: its text, and what is wrong with it. */
import { type Problem, snippetOf } from './problem';

export class Source {
  readonly problems: Problem[] = [];
  private readonly lineStarts: number[];

  /** @param text line ends as LF, no byte order mark */
  constructor(
    readonly file: string,
    readonly text: string,
  ) {
    this.lineStarts = [0];
    for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1))
      this.lineStarts.push(at + 1);
  }

  /** @param at offset in `text` in UTF-16 units; null when the whole file is meant */
  report(at: number | null, message: string, remedy: string): void {
    this.problems.push(this.problem(at, message, remedy));
  }

  problem(at: number | null, message: string, remedy: string): Problem {
    if (at === null) return { file: this.file, line: null, column: null, message, remedy, snippet: '' };
    const line = this.lineOf(at);
    const start = this.lineStarts[line - 1]!;
    const end = this.lineStarts[line] ?? this.text.length + 1;
    const column = Array.from(this.text.slice(start, at)).length + 1;
    const snippet = snippetOf(this.text.slice(start, end - 1), line, column);
    return { file: this.file, line, column, message, remedy, snippet };
  }

  /** Line of an offset, from 1. */
  lineOf(at: number): number {
    let low = 0;
    let high = this.lineStarts.length;
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (this.lineStarts[middle]! <= at) low = middle;
      else high = middle;
    }
    return low + 1;
  }
}
