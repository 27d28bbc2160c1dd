/**
 * Extracts the text of expressions from a statement. The syntax tree contains only the start of an expression; its end
 * follows from the tokens: a comma, a closing bracket of the surrounding code, or the next clause.
 */
import type { Node } from 'libpg-query';
import { type ParserToken, scanTokens } from '../read/parser';
import type { ParsedStatement } from '../read/statements';
import { findFirstLocation } from '../read/tree';

export class ExpressionReader {
  private scanned: readonly ParserToken[] | undefined;
  /** Index of each token by its offset. */
  private index: ReadonlyMap<number, number> | undefined;

  constructor(private readonly statement: ParsedStatement) {}

  /**
   * Returns the text of an expression, including brackets around it.
   * @param clauses byte positions of the clauses that may follow, as in the tree
   */
  expression(node: Node, clauses: readonly (number | undefined)[] = []): string | null {
    let from = this.tokenAt(findFirstLocation(node));
    if (from < 0) return null;
    while (from > 0 && this.tokens[from - 1]!.text === '(') from--;
    const stops = new Set(clauses.map((bytes) => this.tokenAt(bytes)));
    stops.delete(from);
    return this.getText(
      from,
      this.findEnd(from, (at) => stops.has(at) || this.tokens[at]!.text === ','),
    );
  }

  /** Returns the text inside the brackets that the grammar requires around an expression. */
  bracketed(node: Node): string | null {
    let from = this.tokenAt(findFirstLocation(node));
    while (from > 0 && this.tokens[from - 1]!.text === '(') from--;
    return from < 0 ? null : this.getText(from, this.findEnd(from + 1, () => false) + 1);
  }

  /** Returns the elements of the first bracketed list after this position, each without what follows its expression. */
  elements(behind: number | undefined): (string | null)[] {
    const { tokens } = this;
    let at = tokens.findIndex(({ start, text }) => text === '(' && start >= this.offset(behind)) + 1;
    const texts: (string | null)[] = [];
    while (at > 0 && at < tokens.length) {
      const end = this.findEnd(at, (each) => tokens[each]!.text === ',');
      texts.push(this.getText(at, this.firstTerm(at, end)));
      if (tokens[end]?.text !== ',') break;
      at = end + 1;
    }
    return texts;
  }

  /**
   * Returns the end of `( … )` or `f( … )`, the only forms of an expression in an index. Collation, operator class and
   * order follow it.
   */
  private firstTerm(from: number, end: number): number {
    const { tokens } = this;
    let open = from;
    while (open < end && tokens[open]!.text !== '(') open++;
    return open < end ? this.findEnd(open + 1, () => false) + 1 : end;
  }

  /** Returns the first token on this level that `ends` accepts or that closes an outer bracket. */
  private findEnd(from: number, ends: (at: number) => boolean): number {
    const { tokens } = this;
    let depth = 0;
    let at = from;
    for (; at < tokens.length; at++) {
      const { text } = tokens[at]!;
      if (depth === 0 && (text === ')' || text === ']' || ends(at))) break;
      if (text === '(' || text === '[') depth++;
      else if (text === ')' || text === ']') depth--;
    }
    return at;
  }

  /** Joins tokens with single spaces, and removes brackets around the whole text. */
  private getText(from: number, to: number): string | null {
    const { tokens } = this;
    while (tokens[from]?.text === '(' && this.findEnd(from + 1, () => false) === to - 1) {
      from++;
      to--;
    }
    if (from >= to) return null;
    let text = tokens[from]!.text;
    for (let at = from + 1; at < to; at++)
      text += (tokens[at]!.start > tokens[at - 1]!.end ? ' ' : '') + tokens[at]!.text;
    return text;
  }

  private tokenAt(bytes: number | undefined): number {
    if (bytes === undefined || bytes < 0) return -1;
    this.index ??= new Map(this.tokens.map(({ start }, i) => [start, i]));
    return this.index.get(this.offset(bytes)) ?? -1;
  }

  private offset(bytes: number | undefined): number {
    return bytes === undefined ? 0 : this.statement.toOffset(bytes) - this.statement.start;
  }

  private get tokens(): readonly ParserToken[] {
    this.scanned ??= scanTokens(this.statement.code).filter(({ comment }) => !comment);
    return this.scanned;
  }
}
