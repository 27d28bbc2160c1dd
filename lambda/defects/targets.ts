/** Resolves the name in a statement to the table that receives the rows, through views and by search path. */
import type { Database } from '../postgres/database';
import {
  findWord,
  isSymbol,
  isWord,
  readQualifiedName,
  splitAtCommas,
  tokenizeWithDepth,
} from '../sql/clauses';
import { type Relation, readRelations } from './relations';

export interface WrittenTable {
  /** Relation that the statement names. */
  readonly named: Relation;
  /** Table that an INSERT writes to: the relation itself, or the table under a view. */
  readonly table: Relation;
  /** Columns of `table` by their names in `named`. */
  readonly columns: ReadonlyMap<string, string>;
  /** Reason why it is unknown what a statement on `named` writes, or null if it is known. */
  readonly opaque: string | null;
}

/**
 * Returns the table and columns of a view over one table. null for any other view, which needs a trigger or a rule for
 * writes.
 */
function parseSimpleView(
  definition: string,
  view: Relation,
): {
  readonly schema: string | null;
  readonly table: string;
  readonly columns: ReadonlyMap<string, string>;
} | null {
  const all = tokenizeWithDepth(definition.replace(/;\s*$/, ''));
  const range = { from: 0, to: all.length, depth: 0 };
  const from = findWord(all, range, 'from');
  if (!isWord(all[0], 'select') || from >= all.length) return null;
  if (
    findWord(all, range, 'union', 'intersect', 'except', 'group', 'having', 'distinct', 'limit', 'with') <
    all.length
  )
    return null;
  const base = readQualifiedName(all, isWord(all[from + 1], 'only') ? from + 2 : from + 1);
  if (base === null || findComma(all, base.next)) return null;
  const columns = new Map<string, string>();
  splitAtCommas(all.slice(1, from), 0).forEach((item, i) => {
    const name = readQualifiedName(item, 0);
    const alias = name !== null && isWord(item[name.next], 'as') ? name.next + 2 : name?.next;
    const shown = view.columns[i];
    if (name !== null && alias === item.length && shown !== undefined) columns.set(shown.name, name.table);
  });
  return { schema: base.schema, table: base.table, columns };
}

const findComma = (all: ReturnType<typeof tokenizeWithDepth>, from: number): boolean =>
  all.some((token, at) => at >= from && token.depth === 0 && (isSymbol(token, ',') || isWord(token, 'join')));

const MAX_VIEW_DEPTH = 8;

/** Returns the relations of these names and those under the views among them. */
export async function readUnderlyingRelations(
  db: Database,
  names: readonly string[],
  user: string,
): Promise<readonly Relation[]> {
  const known = new Map<string, Relation>();
  let wanted = [...names];
  for (let depth = 0; depth < MAX_VIEW_DEPTH && wanted.length > 0; depth++) {
    const found = await readRelations(db, wanted, user);
    wanted = [];
    for (const relation of found) {
      if (known.has(relation.oid)) continue;
      known.set(relation.oid, relation);
      const view = relation.definition === null ? null : parseSimpleView(relation.definition, relation);
      if (view !== null) wanted.push(view.table);
    }
  }
  return [...known.values()];
}

/** Returns what a statement that names this relation writes to. */
export function resolveWrittenTable(named: Relation, all: readonly Relation[]): WrittenTable {
  let columns: ReadonlyMap<string, string> = new Map(named.columns.map(({ name }) => [name, name]));
  let table = named;
  for (let depth = 0; depth < MAX_VIEW_DEPTH; depth++) {
    const opaque = describeOpaqueness(table);
    if (table.kind !== 'view' || opaque !== null) return { named, table, columns, opaque };
    const view = parseSimpleView(table.definition ?? '', table);
    const under =
      view === null
        ? null
        : all.find((each) => each.name === view.table && each.schema === (view.schema ?? each.schema));
    if (view === null || !under)
      return { named, table, columns, opaque: `${table.sql} is a view of more than one table` };
    columns = new Map(
      [...columns].flatMap(([outer, inner]) => {
        const behind = view.columns.get(inner);
        return behind === undefined ? [] : [[outer, behind] as const];
      }),
    );
    table = under;
  }
  return { named, table, columns, opaque: `${named.sql} is a view on too many nested views` };
}

function describeOpaqueness(relation: Relation): string | null {
  const trigger = relation.triggers.find(({ insteadOf }) => insteadOf);
  if (trigger !== undefined)
    return `${relation.sql} has the INSTEAD OF trigger ${trigger.name} (${trigger.function})`;
  return relation.rewritten ? `a rule on ${relation.sql} replaces this statement` : null;
}

/** Whether a row written to the target may be stored in this table. */
export const reachesTable = (target: WrittenTable, row: Relation): boolean =>
  target.table.oid === row.oid || row.ancestors.includes(target.table.oid);

/** Returns the statement's name for a column of the table, or null. */
export const findStatementName = (target: WrittenTable, column: string): string | null =>
  [...target.columns].find(([, behind]) => behind === column)?.[0] ?? null;

/**
 * Sorts relations in the order in which a session of the role resolves a name: by its search path, then the others.
 * Temporary ones come last: only one session sees them, although it would find them first.
 */
export function sortBySearchPath<T>(
  candidates: readonly T[],
  getRelation: (each: T) => Relation,
  schema: string | null,
  path: readonly string[],
): readonly T[] {
  const rank = (each: T): number => {
    const relation = getRelation(each);
    if (relation.temporary) return path.length + 1;
    const at = path.indexOf(relation.schema);
    return at < 0 ? path.length : at;
  };
  return candidates
    .filter(
      (each) =>
        schema === null ||
        getRelation(each).schema === schema ||
        (schema === 'pg_temp' && getRelation(each).temporary),
    )
    .map((each) => ({ each, rank: rank(each) }))
    .sort((a, b) => a.rank - b.rank)
    .map(({ each }) => each);
}
