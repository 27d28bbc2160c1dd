/** A migration file in memory: its text and its problems. */
import { formatSnippet, type Problem } from '../problem';

export class Source {
  problems: Problem[] = [];
  /** Text that is read differently from how it looks, or ignored. */
  readonly warnings: Problem[] = [];
  private readonly lineStarts: number[];
  private last = { at: 0, column: 1 };

  /** @param text has LF line endings and no byte order mark */
  constructor(
    readonly file: string,
    readonly text: string,
  ) {
    this.lineStarts = [0];
    for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1))
      this.lineStarts.push(at + 1);
  }

  /**
   * Adds a problem.
   * @param at offset in `text` in UTF-16 units; `null` for the whole file
   * @param rule the `rule` of the {@link Problem}
   */
  report(at: number | null, message: string, remedy: string, rule?: string): void {
    const problem = this.problem(at, message, remedy);
    this.problems.push(rule === undefined ? problem : { ...problem, rule });
  }

  warn(at: number | null, message: string, remedy: string): void {
    this.warnings.push(this.problem(at, message, remedy));
  }

  /** Runs `work` and returns its problems separately. */
  apart<T>(work: () => T): [result: T, problems: Problem[]] {
    const others = this.problems;
    this.problems = [];
    try {
      return [work(), this.problems];
    } finally {
      this.problems = others;
    }
  }

  problem(at: number | null, message: string, remedy: string): Problem {
    if (at === null) return { file: this.file, line: null, column: null, message, remedy, snippet: '' };
    const line = this.findLine(at);
    const start = this.lineStarts[line - 1]!;
    const end = this.lineStarts[line] ?? this.text.length + 1;
    const column = this.findColumn(start, at);
    const snippet = formatSnippet(this.text.slice(start, end - 1), line, column, at - start);
    return { file: this.file, line, column, message, remedy, snippet };
  }

  /** Counts from the previous place if that was on the same line, because a long line may have many problems. */
  private findColumn(lineStart: number, at: number): number {
    const { last } = this;
    const from = last.at >= lineStart && last.at <= at ? last : { at: lineStart, column: 1 };
    this.last = { at, column: from.column + Array.from(this.text.slice(from.at, at)).length };
    return this.last.column;
  }

  /** Returns the line of an offset, from 1. */
  findLine(at: number): number {
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
