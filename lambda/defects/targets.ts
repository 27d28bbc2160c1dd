/** From the name that a statement writes to the table that its rows go into: through views, and past other schemas' tables. */
import type { Database } from '../postgres/database';
import { findWord, isSymbol, isWord, place, qualifiedName, split } from '../sql/clauses';
import { type Relation, relationsNamed } from './relations';

export interface WrittenTable {
  /** As the statement names it. */
  readonly named: Relation;
  /** What an INSERT into it writes: itself, or the table under a view. */
  readonly table: Relation;
  /** The table's columns by their names in `named`. */
  readonly columns: ReadonlyMap<string, string>;
  /** Why nothing can be said of what a statement on `named` writes; null where it can. */
  readonly opaque: string | null;
}

/** What a view shows of one table; null where it is more than that, and a write needs a trigger or a rule. */
export function simpleView(
  definition: string,
  view: Relation,
): {
  readonly schema: string | null;
  readonly table: string;
  readonly columns: ReadonlyMap<string, string>;
} | null {
  const all = place(definition.replace(/;\s*$/, ''));
  const range = { from: 0, to: all.length, depth: 0 };
  const from = findWord(all, range, 'from');
  if (!isWord(all[0], 'select') || from >= all.length) return null;
  if (
    findWord(all, range, 'union', 'intersect', 'except', 'group', 'having', 'distinct', 'limit', 'with') <
    all.length
  )
    return null;
  const base = qualifiedName(all, isWord(all[from + 1], 'only') ? from + 2 : from + 1);
  if (base === null || findComma(all, base.next)) return null;
  const columns = new Map<string, string>();
  split(all.slice(1, from), 0).forEach((item, i) => {
    const name = qualifiedName(item, 0);
    const alias = name !== null && isWord(item[name.next], 'as') ? name.next + 2 : name?.next;
    const shown = view.columns[i];
    if (name !== null && alias === item.length && shown !== undefined) columns.set(shown.name, name.table);
  });
  return { schema: base.schema, table: base.table, columns };
}

const findComma = (all: ReturnType<typeof place>, from: number): boolean =>
  all.some((token, at) => at >= from && token.depth === 0 && (isSymbol(token, ',') || isWord(token, 'join')));

const MOST_VIEWS = 8;

/** Relations of these names, and what the views among them show. */
export async function relationsBehind(
  db: Database,
  names: readonly string[],
  user: string,
): Promise<readonly Relation[]> {
  const known = new Map<string, Relation>();
  let wanted = [...names];
  for (let depth = 0; depth < MOST_VIEWS && wanted.length > 0; depth++) {
    const found = await relationsNamed(db, wanted, user);
    wanted = [];
    for (const relation of found) {
      if (known.has(relation.oid)) continue;
      known.set(relation.oid, relation);
      const view = relation.definition === null ? null : simpleView(relation.definition, relation);
      if (view !== null) wanted.push(view.table);
    }
  }
  return [...known.values()];
}

/** What a statement that names this relation writes. */
export function targetOf(named: Relation, all: readonly Relation[]): WrittenTable {
  let columns: ReadonlyMap<string, string> = new Map(named.columns.map(({ name }) => [name, name]));
  let table = named;
  for (let depth = 0; depth < MOST_VIEWS; depth++) {
    const opaque = opaqueness(table);
    if (table.kind !== 'view' || opaque !== null) return { named, table, columns, opaque };
    const view = simpleView(table.definition ?? '', table);
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

function opaqueness(relation: Relation): string | null {
  const trigger = relation.triggers.find(({ insteadOf }) => insteadOf);
  if (trigger !== undefined)
    return `${relation.sql} has the INSTEAD OF trigger ${trigger.name} (${trigger.function})`;
  return relation.rewritten ? `a rule on ${relation.sql} replaces this statement` : null;
}

/** A row that the target takes in may end in this table. */
export const leadsTo = (target: WrittenTable, row: Relation): boolean =>
  target.table.oid === row.oid || row.ancestors.includes(target.table.oid);

/** The statement's name for a column of the table. */
export const nameIn = (target: WrittenTable, column: string): string | null =>
  [...target.columns].find(([, behind]) => behind === column)?.[0] ?? null;

/**
 * In the order in which a session of the role finds them: by its search path, then the others. Temporary ones come last,
 * although the one session that sees them finds them first.
 */
export function inOrder<T>(
  candidates: readonly T[],
  relationOf: (each: T) => Relation,
  schema: string | null,
  path: readonly string[],
): readonly T[] {
  const rank = (each: T): number => {
    const relation = relationOf(each);
    if (relation.temporary) return path.length + 1;
    const at = path.indexOf(relation.schema);
    return at < 0 ? path.length : at;
  };
  return candidates
    .filter(
      (each) =>
        schema === null ||
        relationOf(each).schema === schema ||
        (schema === 'pg_temp' && relationOf(each).temporary),
    )
    .map((each) => ({ each, rank: rank(each) }))
    .sort((a, b) => a.rank - b.rank)
    .map(({ each }) => each);
}
