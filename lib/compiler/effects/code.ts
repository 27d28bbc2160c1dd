/**
 * The text of an expression within a statement. The tree says where an expression begins; where it ends is told by the
 * tokens behind it: a comma or a bracket that belongs to what is around it, or the next clause.
 */
import type { Node } from 'libpg-query';
import { scan, type Token } from '../read/parser';
import type { ParsedStatement } from '../read/statements';
import { firstLocation } from '../read/tree';

export class Code {
  private scanned: readonly Token[] | undefined;
  /** Tokens by their offset. */
  private index: ReadonlyMap<number, number> | undefined;

  constructor(private readonly statement: ParsedStatement) {}

  /**
   * An expression, brackets around it included.
   * @param clauses byte positions of what may follow it, as the tree gives them
   */
  expression(node: Node, clauses: readonly (number | undefined)[] = []): string | null {
    let from = this.tokenAt(firstLocation(node));
    if (from < 0) return null;
    while (from > 0 && this.tokens[from - 1]!.text === '(') from--;
    const stops = new Set(clauses.map((bytes) => this.tokenAt(bytes)));
    stops.delete(from);
    return this.textOf(
      from,
      this.endOf(from, (at) => stops.has(at) || this.tokens[at]!.text === ','),
    );
  }

  /** An expression that the grammar wants brackets around, and what stands in them. */
  bracketed(node: Node): string | null {
    let from = this.tokenAt(firstLocation(node));
    while (from > 0 && this.tokens[from - 1]!.text === '(') from--;
    return from < 0 ? null : this.textOf(from, this.endOf(from + 1, () => false) + 1);
  }

  /** The elements of the first bracketed list behind this position: the expression that each begins with. */
  elements(behind: number | undefined): (string | null)[] {
    const { tokens } = this;
    let at = tokens.findIndex(({ start, text }) => text === '(' && start >= this.offset(behind)) + 1;
    const texts: (string | null)[] = [];
    while (at > 0 && at < tokens.length) {
      const end = this.endOf(at, (each) => tokens[each]!.text === ',');
      texts.push(this.textOf(at, this.firstTerm(at, end)));
      if (tokens[end]?.text !== ',') break;
      at = end + 1;
    }
    return texts;
  }

  /** `( … )`, or `f( … )`: an index writes no other expression. Collation, operator class and order come behind it. */
  private firstTerm(from: number, end: number): number {
    const { tokens } = this;
    let open = from;
    while (open < end && tokens[open]!.text !== '(') open++;
    return open < end ? this.endOf(open + 1, () => false) + 1 : end;
  }

  /** First token at this level that `ends` accepts, or that closes a bracket which was open before. */
  private endOf(from: number, ends: (at: number) => boolean): number {
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

  /** White space as one space, and no brackets around the whole. */
  private textOf(from: number, to: number): string | null {
    const { tokens } = this;
    while (tokens[from]?.text === '(' && this.endOf(from + 1, () => false) === to - 1) {
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
    return bytes === undefined ? 0 : this.statement.offsetOf(bytes) - this.statement.start;
  }

  private get tokens(): readonly Token[] {
    this.scanned ??= scan(this.statement.code).filter(({ comment }) => !comment);
    return this.scanned;
  }
}
