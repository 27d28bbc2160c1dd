/** Reads the ON CONFLICT clause of a logged INSERT: what it names and what it sets. */

import { type AssignedValue, readAssignments } from './assigned-values';
import {
  findClosingBracket,
  findWord,
  formatTokens,
  isSymbol,
  isWord,
  type NestedToken,
  readQualifiedName,
  splitAtCommas,
} from './clauses';
import { readIdentifier } from './tokens';

export interface ConflictClause {
  readonly elements: readonly ConflictElement[];
  /** Elements that are plain columns, unquoted as in the catalog. */
  readonly columns: readonly string[];
  /** Elements that are expressions, as written. */
  readonly expressions: readonly string[];
  /** Predicate as written, with literals as `?`. null without WHERE. */
  readonly predicate: string | null;
  /** Constraint of ON CONFLICT ON CONSTRAINT. */
  readonly constraint: string | null;
  readonly action: 'nothing' | 'update' | null;
}

export interface ConflictElement {
  /** Name of the column, unquoted as in the catalog. null for an expression. */
  readonly column: string | null;
  /** Element without COLLATE and operator class. */
  readonly text: string;
  /** Collation and operator class without their schemas, unquoted as in the catalog. null if the clause names none. */
  readonly collation: string | null;
  readonly operatorClass: string | null;
}

export interface ParsedConflict {
  readonly conflict: ConflictClause | null;
  /** Columns that DO UPDATE sets. */
  readonly updates: ReadonlyMap<string, AssignedValue>;
}

/** Returns the start of the clause, or `end` if there is none. */
export function findOnConflict(
  all: readonly NestedToken[],
  from: number,
  end: number,
  depth: number,
): number {
  for (let at = from; at < end; at++)
    if (all[at]!.depth === depth && isWord(all[at], 'on') && isWord(all[at + 1], 'conflict')) return at;
  return end;
}

export function parseConflictClause(
  all: readonly NestedToken[],
  at: number,
  end: number,
  depth: number,
): ParsedConflict {
  if (at >= end) return { conflict: null, updates: new Map() };
  const none = { elements: [], columns: [], expressions: [], predicate: null, constraint: null };
  const doAt = findWord(all, { from: at, to: end, depth }, 'do');
  const action = isWord(all[doAt + 1], 'nothing')
    ? 'nothing'
    : isWord(all[doAt + 1], 'update')
      ? 'update'
      : null;
  const updates =
    action === 'update' ? readAssignments(all, doAt + 3, end, depth) : new Map<string, AssignedValue>();
  const next = at + 2;
  if (isWord(all[next], 'on') && isWord(all[next + 1], 'constraint')) {
    const constraint = all[next + 2] ? readIdentifier(all[next + 2]!) : null;
    return { conflict: { ...none, constraint, action }, updates };
  }
  if (!isSymbol(all[next], '(')) return { conflict: { ...none, action }, updates };
  const close = findClosingBracket(all, next);
  const elements = splitAtCommas(all.slice(next + 1, close), depth + 1).map(parseConflictElement);
  return {
    conflict: {
      elements,
      columns: elements.flatMap(({ column }) => (column === null ? [] : [column])),
      expressions: elements.flatMap(({ column, text }) => (column === null ? [text] : [])),
      predicate: isWord(all[close + 1], 'where') ? formatTokens(all.slice(close + 2, doAt)) : null,
      constraint: null,
      action,
    },
    updates,
  };
}

/** Parses an element: `name COLLATE "C" text_ops`. An expression other than a call is in parentheses. */
function parseConflictElement(element: readonly NestedToken[]): ConflictElement {
  const { depth } = element[0]!;
  let end = 1;
  // Function call: `lower(email)`, `shop.key_of(a, b)`.
  while (isSymbol(element[end], '.')) end += 2;
  if (isSymbol(element[0], '(')) end = 0;
  if (isSymbol(element[end], '(')) end = findClosingBracket(element, end) + 1;
  const text = formatTokens(element.slice(0, end));
  const column = end === 1 ? readIdentifier(element[0]!) : null;
  const rest = element.slice(end).filter((token) => token.depth === depth);
  const at = rest.findIndex((token) => isWord(token, 'collate'));
  const collation = at < 0 ? null : readQualifiedName(rest, at + 1);
  const classAt = collation === null ? 0 : collation.next;
  const operatorClass = rest[classAt] ? readQualifiedName(rest, classAt) : null;
  return { column, text, collation: collation?.table ?? null, operatorClass: operatorClass?.table ?? null };
}
