/** Tokens with their depth in parentheses, and functions to walk over them. */
import { readIdentifier, type SqlToken, tokenizeSql } from './tokens';

export interface NestedToken extends SqlToken {
  readonly depth: number;
}

export function tokenizeWithDepth(statement: string): NestedToken[] {
  const placed: NestedToken[] = [];
  let depth = 0;
  for (const token of tokenizeSql(statement)) {
    if (isSymbol(token, ')')) depth--;
    placed.push({ ...token, depth });
    if (isSymbol(token, '(')) depth++;
  }
  return placed;
}

export const isWord = (token: SqlToken | undefined, ...words: readonly string[]): boolean =>
  token?.type === 'word' && words.includes(token.text.toLowerCase());
export const isSymbol = (token: SqlToken | undefined, symbol: string): boolean =>
  token?.type === 'symbol' && token.text === symbol;

/** Mark that normalize() writes in place of a quoted name that it withholds. */
export const WITHHELD_NAME = '?';

export interface QualifiedName {
  readonly schema: string | null;
  /** Name as in the catalog: folded to lower case or unquoted. */
  readonly table: string;
  /** Index of the token after the name. */
  readonly next: number;
}

export function readQualifiedName(all: readonly NestedToken[], at: number): QualifiedName | null {
  const names: string[] = [];
  let next = at;
  for (;;) {
    const name = all[next] && readIdentifier(all[next]!);
    if (name == null) return null;
    names.push(name);
    next++;
    if (!isSymbol(all[next], '.')) break;
    next++;
  }
  return { schema: names.at(-2) ?? null, table: names.at(-1)!, next };
}

/** Returns the end of the statement or of the surrounding parentheses. */
export function findEnd(all: readonly NestedToken[], from: number, depth: number): number {
  for (let at = from; at < all.length; at++) {
    const token = all[at]!;
    if (token.depth < depth || (token.depth === depth && isSymbol(token, ';'))) return at;
  }
  return all.length;
}

/** Returns the parenthesis that closes the one at `open`, or the end of the list. */
export function findClosingBracket(all: readonly NestedToken[], open: number): number {
  const { depth } = all[open]!;
  for (let at = open + 1; at < all.length; at++)
    if (all[at]!.depth === depth && isSymbol(all[at], ')')) return at;
  return all.length;
}

/** Returns the first of these words at this depth, or `to` if there is none. */
export function findWord(
  all: readonly NestedToken[],
  { from, to, depth }: { readonly from: number; readonly to: number; readonly depth: number },
  ...words: readonly string[]
): number {
  for (let at = from; at < to; at++) if (all[at]!.depth === depth && isWord(all[at], ...words)) return at;
  return to;
}

/** Splits a list at the commas of this depth. */
export function splitAtCommas(
  list: readonly NestedToken[],
  depth: number,
): readonly (readonly NestedToken[])[] {
  const parts: NestedToken[][] = [[]];
  for (const token of list) {
    if (token.depth === depth && isSymbol(token, ',')) parts.push([]);
    else parts.at(-1)!.push(token);
  }
  return parts.filter((part) => part.length > 0);
}

export const formatTokens = (list: readonly SqlToken[]): string =>
  list.map((token, i) => (token.spaced && i > 0 ? ' ' : '') + token.text).join('');
