/**
 * Reads from a logged statement what a diagnosis needs: the tables that it writes, what it supplies for their columns,
 * and its ON CONFLICT clause. This is not a parser: it finds clauses by keywords and parentheses and skips what it does
 * not understand.
 */

import { type AssignedValue, readAssignments, readInsertedValues } from './assigned-values';
import {
  findClosingBracket,
  findEnd,
  findWord,
  isSymbol,
  isWord,
  type NestedToken,
  readQualifiedName,
  splitAtCommas,
  tokenizeWithDepth,
} from './clauses';
import { type ConflictClause, findOnConflict, parseConflictClause } from './conflict-clause';
import { readIdentifier } from './tokens';

export interface ParsedInsert {
  readonly form: 'INSERT' | 'COPY' | 'MERGE';
  readonly schema: string | null;
  /** Name as in the catalog: folded to lower case or unquoted. */
  readonly table: string;
  /** Listed columns. null if the statement lists none, so its values are for the first columns in order. */
  readonly columns: readonly string[] | null;
  /** Values by position. null if they are not visible (COPY, `SELECT *`). Empty for DEFAULT VALUES. */
  readonly gives: readonly AssignedValue[] | null;
  /** Columns that ON CONFLICT DO UPDATE, or the UPDATE of a MERGE, sets. */
  readonly updates: ReadonlyMap<string, AssignedValue>;
  readonly conflict: ConflictClause | null;
}

export interface ParsedUpdate {
  readonly schema: string | null;
  readonly table: string;
  readonly sets: ReadonlyMap<string, AssignedValue>;
}

/** Returns the INSERTs, COPY FROMs and MERGEs of a statement, including those in WITH. */
export function parseInserts(statement: string): readonly ParsedInsert[] {
  const all = tokenizeWithDepth(statement);
  const found: ParsedInsert[] = [];
  for (let at = 0; at < all.length; at++) {
    if (isWord(all[at], 'insert') && isWord(all[at + 1], 'into')) pushIfPresent(found, parseInsert(all, at));
    if (isWord(all[at], 'merge') && isWord(all[at + 1], 'into')) found.push(...parseMerge(all, at));
    if (isWord(all[at], 'copy')) pushIfPresent(found, parseCopy(all, at));
  }
  return found;
}

/** Returns the UPDATEs of a statement, except those of ON CONFLICT and MERGE. */
export function parseUpdates(statement: string): readonly ParsedUpdate[] {
  const all = tokenizeWithDepth(statement);
  const found: ParsedUpdate[] = [];
  for (let at = 0; at < all.length; at++) {
    if (!isWord(all[at], 'update') || isWord(all[at - 1], 'for', 'do', 'then')) continue;
    const name = readQualifiedName(all, isWord(all[at + 1], 'only') ? at + 2 : at + 1);
    if (name === null) continue;
    const { depth } = all[at]!;
    const end = findEnd(all, name.next, depth);
    const set = findWord(all, { from: name.next, to: end, depth }, 'set');
    if (set < end) found.push({ ...name, sets: readAssignments(all, set + 1, end, depth) });
  }
  return found;
}

/** Returns the tables that a statement names: after FROM, JOIN, INTO, UPDATE, TABLE, COPY, USING and REFERENCES. */
export function listTableNames(statement: string): readonly string[] {
  const all = tokenizeWithDepth(statement);
  const found = new Set<string>();
  for (let at = 0; at < all.length; at++) {
    if (!isWord(all[at], 'from', 'join', 'into', 'update', 'table', 'references', 'copy', 'using')) continue;
    let next = at + 1;
    while (isWord(all[next], 'only', 'if', 'not', 'exists')) next++;
    const name = readQualifiedName(all, next);
    if (name !== null && name.table !== 'set') found.add(name.table);
  }
  return [...found];
}

const pushIfPresent = <T>(list: T[], each: T | null): void => {
  if (each !== null) list.push(each);
};

function parseInsert(all: readonly NestedToken[], at: number): ParsedInsert | null {
  const { depth } = all[at]!;
  const name = readQualifiedName(all, at + 2);
  if (name === null) return null;
  const end = findEnd(all, name.next, depth);
  const next = isWord(all[name.next], 'as') ? name.next + 2 : name.next;
  const { columns, rest } = parseColumnList(all, next);
  const conflictAt = findOnConflict(all, rest, end, depth);
  return {
    form: 'INSERT',
    schema: name.schema,
    table: name.table,
    columns,
    gives: readInsertedValues(all, rest, conflictAt, depth),
    ...parseConflictClause(all, conflictAt, end, depth),
  };
}

/** Returns the INSERTs of a MERGE, with the columns that its UPDATEs set. */
function parseMerge(all: readonly NestedToken[], at: number): readonly ParsedInsert[] {
  const { depth } = all[at]!;
  const name = readQualifiedName(all, isWord(all[at + 2], 'only') ? at + 3 : at + 2);
  if (name === null) return [];
  const end = findEnd(all, name.next, depth);
  const updates = new Map<string, AssignedValue>();
  const rows: Pick<ParsedInsert, 'columns' | 'gives'>[] = [];
  for (let then = name.next; then < end; then++) {
    then = findWord(all, { from: then, to: end, depth }, 'then');
    const next = findWord(all, { from: then + 1, to: end, depth }, 'when', 'returning');
    if (isWord(all[then + 1], 'insert')) {
      const { columns, rest } = parseColumnList(all, then + 2);
      rows.push({ columns, gives: readInsertedValues(all, rest, next, depth) });
    }
    if (isWord(all[then + 1], 'update') && isWord(all[then + 2], 'set'))
      for (const [column, given] of readAssignments(all, then + 3, next, depth)) updates.set(column, given);
  }
  if (rows.length === 0 && updates.size > 0) rows.push({ columns: [], gives: null });
  const { schema, table } = name;
  return rows.map((row) => ({ form: 'MERGE', schema, table, ...row, updates, conflict: null }));
}

function parseCopy(all: readonly NestedToken[], at: number): ParsedInsert | null {
  const name = readQualifiedName(all, at + 1);
  if (name === null) return null;
  const { columns, rest } = parseColumnList(all, name.next);
  if (!isWord(all[rest], 'from')) return null;
  const { schema, table } = name;
  return { form: 'COPY', schema, table, columns, gives: null, updates: new Map(), conflict: null };
}

/** Returns null for the columns if the parentheses contain a query: `INSERT INTO t (SELECT …)`. */
function parseColumnList(
  all: readonly NestedToken[],
  open: number,
): { readonly columns: readonly string[] | null; readonly rest: number } {
  if (!isSymbol(all[open], '(') || isWord(all[open + 1], 'select', 'with', 'values', 'table'))
    return { columns: null, rest: open };
  const close = findClosingBracket(all, open);
  const elements = splitAtCommas(all.slice(open + 1, close), all[open]!.depth + 1);
  return {
    columns: elements.map((element) => readIdentifier(element[0]!)).filter((name) => name !== null),
    rest: close + 1,
  };
}
