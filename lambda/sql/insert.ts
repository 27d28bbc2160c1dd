/**
 * Reads from a statement in a log what a diagnosis needs: which tables it writes, what it gives their columns, and its ON
 * CONFLICT clause. Not a parser: it finds clauses by keywords and brackets, and leaves out what it does not understand.
 */
import {
  closing,
  endOf,
  findWord,
  isSymbol,
  isWord,
  type Placed,
  place,
  qualifiedName,
  split,
} from './clauses';
import { type ConflictSeen, conflictIn, onConflict } from './conflict-clause';
import { type Given, givenBy, settings } from './given';
import { identifierOf } from './tokens';

export interface InsertSeen {
  readonly form: 'INSERT' | 'COPY' | 'MERGE';
  readonly schema: string | null;
  /** As the catalogue has it: folded, without quotes. */
  readonly table: string;
  /** Null where the statement names none, so that it gives the first ones in order. */
  readonly columns: readonly string[] | null;
  /** By position; null where it cannot be seen (COPY, `SELECT *`). Empty for DEFAULT VALUES. */
  readonly gives: readonly Given[] | null;
  /** What ON CONFLICT DO UPDATE, or MERGE's UPDATE, sets. */
  readonly updates: ReadonlyMap<string, Given>;
  readonly conflict: ConflictSeen | null;
}

export interface UpdateSeen {
  readonly schema: string | null;
  readonly table: string;
  readonly sets: ReadonlyMap<string, Given>;
}

/** The INSERTs of a statement, COPY FROM, and MERGE's; those in WITH included. */
export function insertsIn(statement: string): readonly InsertSeen[] {
  const all = place(statement);
  const found: InsertSeen[] = [];
  for (let at = 0; at < all.length; at++) {
    if (isWord(all[at], 'insert') && isWord(all[at + 1], 'into')) add(found, insertAt(all, at));
    if (isWord(all[at], 'merge') && isWord(all[at + 1], 'into')) found.push(...mergeAt(all, at));
    if (isWord(all[at], 'copy')) add(found, copyAt(all, at));
  }
  return found;
}

/** The UPDATEs of a statement, but not those of ON CONFLICT and MERGE. */
export function updatesIn(statement: string): readonly UpdateSeen[] {
  const all = place(statement);
  const found: UpdateSeen[] = [];
  for (let at = 0; at < all.length; at++) {
    if (!isWord(all[at], 'update') || isWord(all[at - 1], 'for', 'do', 'then')) continue;
    const name = qualifiedName(all, isWord(all[at + 1], 'only') ? at + 2 : at + 1);
    if (name === null) continue;
    const { depth } = all[at]!;
    const end = endOf(all, name.next, depth);
    const set = findWord(all, { from: name.next, to: end, depth }, 'set');
    if (set < end) found.push({ ...name, sets: settings(all, set + 1, end, depth) });
  }
  return found;
}

/** Tables that a statement speaks of: the names after FROM, JOIN, INTO, UPDATE, TABLE, COPY, USING and REFERENCES. */
export function tablesIn(statement: string): readonly string[] {
  const all = place(statement);
  const found = new Set<string>();
  for (let at = 0; at < all.length; at++) {
    if (!isWord(all[at], 'from', 'join', 'into', 'update', 'table', 'references', 'copy', 'using')) continue;
    let next = at + 1;
    while (isWord(all[next], 'only', 'if', 'not', 'exists')) next++;
    const name = qualifiedName(all, next);
    if (name !== null && name.table !== 'set') found.add(name.table);
  }
  return [...found];
}

const add = <T>(list: T[], each: T | null): void => {
  if (each !== null) list.push(each);
};

function insertAt(all: readonly Placed[], at: number): InsertSeen | null {
  const { depth } = all[at]!;
  const name = qualifiedName(all, at + 2);
  if (name === null) return null;
  const end = endOf(all, name.next, depth);
  const next = isWord(all[name.next], 'as') ? name.next + 2 : name.next;
  const { columns, rest } = columnList(all, next);
  const conflictAt = onConflict(all, rest, end, depth);
  return {
    form: 'INSERT',
    schema: name.schema,
    table: name.table,
    columns,
    gives: givenBy(all, rest, conflictAt, depth),
    ...conflictIn(all, conflictAt, end, depth),
  };
}

/** WHEN NOT MATCHED … THEN INSERT, with what its WHEN MATCHED … THEN UPDATE sets. */
function mergeAt(all: readonly Placed[], at: number): readonly InsertSeen[] {
  const { depth } = all[at]!;
  const name = qualifiedName(all, isWord(all[at + 2], 'only') ? at + 3 : at + 2);
  if (name === null) return [];
  const end = endOf(all, name.next, depth);
  const updates = new Map<string, Given>();
  const rows: Pick<InsertSeen, 'columns' | 'gives'>[] = [];
  for (let then = name.next; then < end; then++) {
    then = findWord(all, { from: then, to: end, depth }, 'then');
    const next = findWord(all, { from: then + 1, to: end, depth }, 'when', 'returning');
    if (isWord(all[then + 1], 'insert')) {
      const { columns, rest } = columnList(all, then + 2);
      rows.push({ columns, gives: givenBy(all, rest, next, depth) });
    }
    if (isWord(all[then + 1], 'update') && isWord(all[then + 2], 'set'))
      for (const [column, given] of settings(all, then + 3, next, depth)) updates.set(column, given);
  }
  if (rows.length === 0 && updates.size > 0) rows.push({ columns: [], gives: null });
  const { schema, table } = name;
  return rows.map((row) => ({ form: 'MERGE', schema, table, ...row, updates, conflict: null }));
}

function copyAt(all: readonly Placed[], at: number): InsertSeen | null {
  const name = qualifiedName(all, at + 1);
  if (name === null) return null;
  const { columns, rest } = columnList(all, name.next);
  if (!isWord(all[rest], 'from')) return null;
  const { schema, table } = name;
  return { form: 'COPY', schema, table, columns, gives: null, updates: new Map(), conflict: null };
}

/** No columns when the bracket holds something else: `INSERT INTO t (SELECT …)`. */
function columnList(
  all: readonly Placed[],
  open: number,
): { readonly columns: readonly string[] | null; readonly rest: number } {
  if (!isSymbol(all[open], '(') || isWord(all[open + 1], 'select', 'with', 'values', 'table'))
    return { columns: null, rest: open };
  const close = closing(all, open);
  const elements = split(all.slice(open + 1, close), all[open]!.depth + 1);
  return {
    columns: elements.map((element) => identifierOf(element[0]!)).filter((name) => name !== null),
    rest: close + 1,
  };
}
