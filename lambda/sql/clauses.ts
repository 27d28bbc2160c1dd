/** Tokens with their depth in brackets, and the few ways in which the readers of statements walk over them. */
import { identifierOf, type Token, tokens } from './tokens';

export interface Placed extends Token {
  readonly depth: number;
}

export function place(statement: string): Placed[] {
  const placed: Placed[] = [];
  let depth = 0;
  for (const token of tokens(statement)) {
    if (isSymbol(token, ')')) depth--;
    placed.push({ ...token, depth });
    if (isSymbol(token, '(')) depth++;
  }
  return placed;
}

export const isWord = (token: Token | undefined, ...words: readonly string[]): boolean =>
  token?.type === 'word' && words.includes(token.text.toLowerCase());
export const isSymbol = (token: Token | undefined, symbol: string): boolean =>
  token?.type === 'symbol' && token.text === symbol;

/** What normalize() writes in place of a quoted name that it does not show. */
export const WITHHELD_NAME = '?';

export interface QualifiedName {
  readonly schema: string | null;
  /** As the catalogue has it: folded, without quotes. */
  readonly table: string;
  /** Where what follows begins. */
  readonly next: number;
}

export function qualifiedName(all: readonly Placed[], at: number): QualifiedName | null {
  const names: string[] = [];
  let next = at;
  for (;;) {
    const name = all[next] && identifierOf(all[next]!);
    if (name == null) return null;
    names.push(name);
    next++;
    if (!isSymbol(all[next], '.')) break;
    next++;
  }
  return { schema: names.at(-2) ?? null, table: names.at(-1)!, next };
}

/** Where the statement, or the bracket around it, ends. */
export function endOf(all: readonly Placed[], from: number, depth: number): number {
  for (let at = from; at < all.length; at++) {
    const token = all[at]!;
    if (token.depth < depth || (token.depth === depth && isSymbol(token, ';'))) return at;
  }
  return all.length;
}

/** The bracket that closes the one at `open`; the end where none does. */
export function closing(all: readonly Placed[], open: number): number {
  const { depth } = all[open]!;
  for (let at = open + 1; at < all.length; at++)
    if (all[at]!.depth === depth && isSymbol(all[at], ')')) return at;
  return all.length;
}

/** The first of these words at this depth; `to` where there is none. */
export function findWord(
  all: readonly Placed[],
  { from, to, depth }: { readonly from: number; readonly to: number; readonly depth: number },
  ...words: readonly string[]
): number {
  for (let at = from; at < to; at++) if (all[at]!.depth === depth && isWord(all[at], ...words)) return at;
  return to;
}

/** At commas of this depth. */
export function split(list: readonly Placed[], depth: number): readonly (readonly Placed[])[] {
  const parts: Placed[][] = [[]];
  for (const token of list) {
    if (token.depth === depth && isSymbol(token, ',')) parts.push([]);
    else parts.at(-1)!.push(token);
  }
  return parts.filter((part) => part.length > 0);
}

export const textOf = (list: readonly Token[]): string =>
  list.map((token, i) => (token.spaced && i > 0 ? ' ' : '') + token.text).join('');
