/** ON CONFLICT of an INSERT in a log: what it names, and what it sets. */
import { closing, findWord, isSymbol, isWord, type Placed, qualifiedName, split, textOf } from './clauses';
import { type Given, settings } from './given';
import { identifierOf } from './tokens';

export interface ConflictSeen {
  readonly elements: readonly ConflictElement[];
  /** Of the elements those that are plain columns, as the catalogue has them. */
  readonly columns: readonly string[];
  /** Those that are expressions, as written. */
  readonly expressions: readonly string[];
  /** As written, literals as `?`; null without WHERE. */
  readonly predicate: string | null;
  /** ON CONFLICT ON CONSTRAINT. */
  readonly constraint: string | null;
  readonly action: 'nothing' | 'update' | null;
}

export interface ConflictElement {
  /** As the catalogue has it; null for an expression. */
  readonly column: string | null;
  /** Without COLLATE and operator class. */
  readonly text: string;
  /** Last names, as the catalogue has them; null where the clause does not say. */
  readonly collation: string | null;
  readonly operatorClass: string | null;
}

export interface ConflictFound {
  readonly conflict: ConflictSeen | null;
  /** What DO UPDATE sets. */
  readonly updates: ReadonlyMap<string, Given>;
}

/** Where the clause begins; `end` without one. */
export function onConflict(all: readonly Placed[], from: number, end: number, depth: number): number {
  for (let at = from; at < end; at++)
    if (all[at]!.depth === depth && isWord(all[at], 'on') && isWord(all[at + 1], 'conflict')) return at;
  return end;
}

export function conflictIn(all: readonly Placed[], at: number, end: number, depth: number): ConflictFound {
  if (at >= end) return { conflict: null, updates: new Map() };
  const none = { elements: [], columns: [], expressions: [], predicate: null, constraint: null };
  const doAt = findWord(all, { from: at, to: end, depth }, 'do');
  const action = isWord(all[doAt + 1], 'nothing')
    ? 'nothing'
    : isWord(all[doAt + 1], 'update')
      ? 'update'
      : null;
  const updates = action === 'update' ? settings(all, doAt + 3, end, depth) : new Map<string, Given>();
  const next = at + 2;
  if (isWord(all[next], 'on') && isWord(all[next + 1], 'constraint')) {
    const constraint = all[next + 2] ? identifierOf(all[next + 2]!) : null;
    return { conflict: { ...none, constraint, action }, updates };
  }
  if (!isSymbol(all[next], '(')) return { conflict: { ...none, action }, updates };
  const close = closing(all, next);
  const elements = split(all.slice(next + 1, close), depth + 1).map(elementOf);
  return {
    conflict: {
      elements,
      columns: elements.flatMap(({ column }) => (column === null ? [] : [column])),
      expressions: elements.flatMap(({ column, text }) => (column === null ? [text] : [])),
      predicate: isWord(all[close + 1], 'where') ? textOf(all.slice(close + 2, doAt)) : null,
      constraint: null,
      action,
    },
    updates,
  };
}

/** `name COLLATE "C" text_ops`; an expression that is more than a call stands in brackets. */
function elementOf(element: readonly Placed[]): ConflictElement {
  const { depth } = element[0]!;
  let end = 1;
  // A call: `lower(email)`, `shop.key_of(a, b)`.
  while (isSymbol(element[end], '.')) end += 2;
  if (isSymbol(element[0], '(')) end = 0;
  if (isSymbol(element[end], '(')) end = closing(element, end) + 1;
  const text = textOf(element.slice(0, end));
  const column = end === 1 ? identifierOf(element[0]!) : null;
  const rest = element.slice(end).filter((token) => token.depth === depth);
  const at = rest.findIndex((token) => isWord(token, 'collate'));
  const collation = at < 0 ? null : qualifiedName(rest, at + 1);
  const classAt = collation === null ? 0 : collation.next;
  const operatorClass = rest[classAt] ? qualifiedName(rest, classAt) : null;
  return { column, text, collation: collation?.table ?? null, operatorClass: operatorClass?.table ?? null };
}
