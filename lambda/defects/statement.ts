/**
 * Reads from an INSERT in a log what a diagnosis needs: its table, its columns and its ON CONFLICT clause. Not a parser:
 * it finds clauses by keywords and brackets, and leaves out what it does not understand.
 */
import { nameOf, type Token, tokens } from './sql-tokens';

export interface InsertSeen {
  readonly schema: string | null;
  /** As the catalogue has it: folded, without quotes. */
  readonly table: string;
  /** Null where the statement names none, so that it gives all of them in order. */
  readonly columns: readonly string[] | null;
  readonly conflict: ConflictSeen | null;
}

export interface ConflictSeen {
  /** Plain columns of the target, as the catalogue has them. */
  readonly columns: readonly string[];
  /** Elements of the target that are expressions, as written. */
  readonly expressions: readonly string[];
  /** As written, literals as `?`; null without WHERE. */
  readonly predicate: string | null;
  /** ON CONFLICT ON CONSTRAINT. */
  readonly constraint: string | null;
}

interface Placed extends Token {
  readonly depth: number;
}

/** The INSERTs of a statement, those in WITH included. */
export function insertsIn(statement: string): readonly InsertSeen[] {
  const all = place(statement);
  const found: InsertSeen[] = [];
  for (let at = 0; at < all.length; at++) {
    if (!isWord(all[at], 'insert') || !isWord(all[at + 1], 'into')) continue;
    const { depth } = all[at]!;
    const name = qualifiedName(all, at + 2);
    if (name === null) continue;
    const end = endOf(all, name.next, depth);
    const list = isSymbol(all[name.next], '(') ? name.next : -1;
    found.push({
      schema: name.schema,
      table: name.table,
      columns: list < 0 ? null : insertColumns(all, list),
      conflict: conflictIn(all, name.next, end, depth),
    });
  }
  return found;
}

/** Tables that a statement speaks of: the names after FROM, JOIN, INTO, UPDATE, TABLE and REFERENCES. */
export function tablesIn(statement: string): readonly string[] {
  const all = place(statement);
  const found = new Set<string>();
  for (let at = 0; at < all.length; at++) {
    if (!['from', 'join', 'into', 'update', 'table', 'references'].some((word) => isWord(all[at], word)))
      continue;
    let next = at + 1;
    while (['only', 'if', 'not', 'exists'].some((word) => isWord(all[next], word))) next++;
    const name = qualifiedName(all, next);
    if (name !== null && name.table !== 'set') found.add(name.table);
  }
  return [...found];
}

function place(statement: string): Placed[] {
  const placed: Placed[] = [];
  let depth = 0;
  for (const token of tokens(statement)) {
    if (isSymbol(token, ')')) depth--;
    placed.push({ ...token, depth });
    if (isSymbol(token, '(')) depth++;
  }
  return placed;
}

const isWord = (token: Token | undefined, word: string): boolean =>
  token?.type === 'word' && token.text.toLowerCase() === word;
const isSymbol = (token: Token | undefined, symbol: string): boolean =>
  token?.type === 'symbol' && token.text === symbol;

function qualifiedName(
  all: readonly Placed[],
  at: number,
): { readonly schema: string | null; readonly table: string; readonly next: number } | null {
  const names: string[] = [];
  let next = at;
  for (;;) {
    const name = all[next] && nameOf(all[next]!);
    if (name == null) return null;
    names.push(name);
    next++;
    if (!isSymbol(all[next], '.')) break;
    next++;
  }
  return { schema: names.at(-2) ?? null, table: names.at(-1)!, next };
}

/** Where the statement, or the bracket around it, ends. */
function endOf(all: readonly Placed[], from: number, depth: number): number {
  const end = all.findIndex(
    (token, at) => at >= from && (token.depth < depth || (token.depth === depth && isSymbol(token, ';'))),
  );
  return end < 0 ? all.length : end;
}

function closing(all: readonly Placed[], open: number): number {
  const { depth } = all[open]!;
  const close = all.findIndex((token, at) => at > open && token.depth === depth && isSymbol(token, ')'));
  return close < 0 ? all.length : close;
}

/** Null when the bracket holds something else than columns: `INSERT INTO t (SELECT …)`. */
function insertColumns(all: readonly Placed[], open: number): readonly string[] | null {
  const elements = split(all.slice(open + 1, closing(all, open)), all[open]!.depth + 1);
  if (isWord(elements[0]?.[0], 'select') || isWord(elements[0]?.[0], 'with')) return null;
  return elements.map((element) => nameOf(element[0]!)).filter((name) => name !== null);
}

/** At commas of this depth. */
function split(list: readonly Placed[], depth: number): readonly (readonly Placed[])[] {
  const parts: Placed[][] = [[]];
  for (const token of list) {
    if (token.depth === depth && isSymbol(token, ',')) parts.push([]);
    else parts.at(-1)!.push(token);
  }
  return parts.filter((part) => part.length > 0);
}

function conflictIn(all: readonly Placed[], from: number, end: number, depth: number): ConflictSeen | null {
  for (let at = from; at < end; at++) {
    if (all[at]!.depth !== depth || !isWord(all[at], 'on') || !isWord(all[at + 1], 'conflict')) continue;
    const next = at + 2;
    if (isWord(all[next], 'on') && isWord(all[next + 1], 'constraint')) {
      const constraint = all[next + 2] ? nameOf(all[next + 2]!) : null;
      return { columns: [], expressions: [], predicate: null, constraint };
    }
    if (!isSymbol(all[next], '(')) return { columns: [], expressions: [], predicate: null, constraint: null };
    const close = closing(all, next);
    const columns: string[] = [];
    const expressions: string[] = [];
    for (const element of split(all.slice(next + 1, close), depth + 1)) {
      // A column may be followed by COLLATE and an operator class; an expression has brackets.
      const name = nameOf(element[0]!);
      if (name !== null && !element.some((token) => isSymbol(token, '('))) columns.push(name);
      else expressions.push(textOf(element));
    }
    const doAt = all.findIndex(
      (token, i) => i > close && i < end && token.depth === depth && isWord(token, 'do'),
    );
    const predicate = isWord(all[close + 1], 'where')
      ? textOf(all.slice(close + 2, doAt < 0 ? end : doAt))
      : null;
    return { columns, expressions, predicate, constraint: null };
  }
  return null;
}

export const textOf = (list: readonly Token[]): string =>
  list.map((token, i) => (token.spaced && i > 0 ? ' ' : '') + token.text).join('');
