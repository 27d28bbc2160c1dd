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
  textOf,
} from './clauses';
import { identifierOf } from './tokens';

/**
 * What a statement gives a column. `literal` is a value that the log does not show and that is not NULL; an `expression`
 * (a parameter, a call, another column) may have been NULL; `mixed` where its rows differ.
 */
export type Given = 'default' | 'null' | 'literal' | 'expression' | 'mixed';

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

/** What VALUES, DEFAULT VALUES or a SELECT list gives. */
function givenBy(all: readonly Placed[], from: number, to: number, depth: number): readonly Given[] | null {
  let at = from;
  if (isWord(all[at], 'overriding')) at += 3;
  if (isWord(all[at], 'default') && isWord(all[at + 1], 'values')) return [];
  if (isWord(all[at], 'values')) return rowsGive(all, at + 1, to, depth);
  if (!isWord(all[at], 'select')) return null;
  const end = findWord(
    all,
    { from: at, to, depth },
    'from',
    'where',
    'group',
    'order',
    'limit',
    'union',
    'returning',
  );
  // DISTINCT and ALL come before the list, and a union's other arms may give something else.
  if (isWord(all[at + 1], 'distinct', 'all')) return null;
  if (findWord(all, { from: at, to, depth }, 'union', 'intersect', 'except') < to) return null;
  const items = split(all.slice(at + 1, end), depth);
  return items.some((item) => isSymbol(item.at(-1), '*')) ? null : items.map(given);
}

function rowsGive(all: readonly Placed[], from: number, to: number, depth: number): readonly Given[] | null {
  let gives: Given[] | null = null;
  for (let at = from; at < to && isSymbol(all[at], '('); ) {
    const close = closing(all, at);
    const row = split(all.slice(at + 1, close), depth + 1).map(given);
    gives = gives === null ? row : gives.map((each, i) => (each === row[i] ? each : 'mixed'));
    at = isSymbol(all[close + 1], ',') ? close + 2 : close + 1;
  }
  return gives;
}

function given(expression: readonly Placed[]): Given {
  const [first, second] = expression;
  const alone = second === undefined || isSymbol(second, ':');
  if (isWord(first, 'default') && second === undefined) return 'default';
  if (isWord(first, 'null') && alone) return 'null';
  return alone && (first?.type === 'literal' || isSymbol(first, '?')) ? 'literal' : 'expression';
}

/** `a = 1, (b, c) = (…)` */
function settings(
  all: readonly Placed[],
  from: number,
  to: number,
  depth: number,
): ReadonlyMap<string, Given> {
  const end = findWord(all, { from, to, depth }, 'from', 'where', 'returning', 'when');
  const sets = new Map<string, Given>();
  for (const part of split(all.slice(from, end), depth)) {
    const equals = part.findIndex((token) => token.depth === depth && isSymbol(token, '='));
    if (equals < 0) continue;
    const value = given(part.slice(equals + 1));
    if (isSymbol(part[0], '(')) {
      for (const element of split(part.slice(1, equals - 1), depth + 1))
        put(sets, identifierOf(element[0]!), 'expression');
    } else put(sets, part[0] ? identifierOf(part[0]) : null, value);
  }
  return sets;
}

const put = (sets: Map<string, Given>, column: string | null, value: Given): void => {
  if (column !== null) sets.set(column, value);
};

function onConflict(all: readonly Placed[], from: number, end: number, depth: number): number {
  for (let at = from; at < end; at++)
    if (all[at]!.depth === depth && isWord(all[at], 'on') && isWord(all[at + 1], 'conflict')) return at;
  return end;
}

function conflictIn(
  all: readonly Placed[],
  at: number,
  end: number,
  depth: number,
): Pick<InsertSeen, 'conflict' | 'updates'> {
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
