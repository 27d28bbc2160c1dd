/** Tables with children: partitions, or tables that inherit from them. Pure. */
import type { Catalog } from './catalog';
import type { Column } from './catalog/columns';
import type { Reference } from './catalog/kind';
import type { Table } from './catalog/tables';
import { groupBy } from './compare/pair';
import { findTable } from './find-table';
import { memoize } from './memoize';
import { joinKey } from './names';

interface ChildTable extends Reference {
  readonly isPartition: boolean;
}

const indexChildren = memoize((tables: Catalog['tables']): ReadonlyMap<string, readonly ChildTable[]> => {
  const children = tables.flatMap((table) => {
    const { schema, name, partitionOf } = table;
    return listParents(table).map((parent) => ({
      parent,
      schema,
      name,
      isPartition: partitionOf !== undefined,
    }));
  });
  return groupBy(children, ({ parent }) => joinKey(parent.schema, parent.name));
});

/** Returns the tables whose columns a table has: its partitioned table, or those that it inherits from. */
export const listParents = ({ partitionOf, inherits = [] }: Table): readonly Reference[] =>
  partitionOf ? [partitionOf] : inherits;

/** Returns the partitions and inheriting tables of all generations. */
export function listDescendants({ tables }: Catalog, { schema, name }: Reference): readonly ChildTable[] {
  const found = new Map<string, ChildTable>();
  const visit = (parent: string): void => {
    for (const child of indexChildren(tables).get(parent) ?? []) {
      const called = joinKey(child.schema, child.name);
      if (found.has(called)) continue;
      found.set(called, child);
      visit(called);
    }
  };
  visit(joinKey(schema, name));
  return [...found.values()];
}

/** Whether a table is an ancestor of another, in any generation. */
export function isAncestor({ tables }: Pick<Catalog, 'tables'>, of: Reference, other: Reference): boolean {
  const own = findTable({ tables }, of);
  return (own ? listParents(own) : []).some(
    (parent) =>
      (parent.schema === other.schema && parent.name === other.name) || isAncestor({ tables }, parent, other),
  );
}

/** Counts the generations that a table inherits from. */
export function countAncestorGenerations({ tables }: Pick<Catalog, 'tables'>, of: Reference): number {
  const parents = findTable({ tables }, of)?.inherits ?? [];
  return parents.length === 0
    ? 0
    : 1 + Math.max(...parents.map((each) => countAncestorGenerations({ tables }, each)));
}

/**
 * Returns `ONLY ` for the FROM clause of a table with inheriting tables. Its indexes and foreign keys apply only to its
 * own rows.
 */
export const buildOnlyClause = ({ tables }: Catalog, { schema, name }: Reference): 'ONLY ' | '' =>
  indexChildren(tables)
    .get(joinKey(schema, name))
    ?.some(({ isPartition }) => !isPartition)
    ? 'ONLY '
    : '';

/**
 * Lists NOT NULL constraints that are NOT VALID. Those of children are left out, since validating the parent's
 * validates them too.
 */
export function listNotValidNotNulls({ columns, tables }: Catalog): readonly Column[] {
  const open = columns.filter(({ notNullNotValid }) => notNullNotValid);
  if (open.length === 0) return [];
  const known = new Set(open.map(({ schema, table, name }) => joinKey(schema, table, name)));
  return open.filter(({ schema, table, name }) => {
    const own = findTable({ tables }, { schema, name: table });
    return !(own && listParents(own).some((parent) => known.has(joinKey(parent.schema, parent.name, name))));
  });
}

/**
 * Whether two columns have the same default, expression or identity, so that repairing the parent's repairs the
 * child's.
 */
export const isFilledEqually = (one: Column, other: Column): boolean =>
  one.default === other.default && one.generated === other.generated && one.identity === other.identity;
