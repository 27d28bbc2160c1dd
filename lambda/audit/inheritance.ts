/** Tables with children: by INHERITS, or partitions. Pure. */
import type { Catalogue } from './catalogue';
import type { Column } from './catalogue/columns';
import type { Reference } from './catalogue/kind';
import type { Table } from './catalogue/tables';
import { grouped } from './compare/pair';
import { key } from './names';
import { onceFor } from './once';
import { tableIn } from './table-in';

interface Child extends Reference {
  readonly isPartition: boolean;
}

const childrenIn = onceFor((tables: Catalogue['tables']): ReadonlyMap<string, readonly Child[]> => {
  const children = tables.flatMap((table) => {
    const { schema, name, partitionOf } = table;
    return parentsOf(table).map((parent) => ({
      parent,
      schema,
      name,
      isPartition: partitionOf !== undefined,
    }));
  });
  return grouped(children, ({ parent }) => key(parent.schema, parent.name));
});

/** Whose columns it has: the table that it is a partition of, or those that it inherits from. */
export const parentsOf = ({ partitionOf, inherits = [] }: Table): readonly Reference[] =>
  partitionOf ? [partitionOf] : inherits;

/** Partitions and children, of all generations. */
export function descendantsOf({ tables }: Catalogue, { schema, name }: Reference): readonly Child[] {
  const found = new Map<string, Child>();
  const visit = (parent: string): void => {
    for (const child of childrenIn(tables).get(parent) ?? []) {
      const called = key(child.schema, child.name);
      if (found.has(called)) continue;
      found.set(called, child);
      visit(called);
    }
  };
  visit(key(schema, name));
  return [...found.values()];
}

/** Its parents, and theirs. */
export function isAncestor({ tables }: Pick<Catalogue, 'tables'>, of: Reference, other: Reference): boolean {
  const own = tableIn({ tables }, of);
  return (own ? parentsOf(own) : []).some(
    (parent) =>
      (parent.schema === other.schema && parent.name === other.name) || isAncestor({ tables }, parent, other),
  );
}

/** How many generations are above it. */
export function generationOf({ tables }: Pick<Catalogue, 'tables'>, of: Reference): number {
  const parents = tableIn({ tables }, of)?.inherits ?? [];
  return parents.length === 0 ? 0 : 1 + Math.max(...parents.map((each) => generationOf({ tables }, each)));
}

/** For FROM, of what an index or a foreign key is about: the rows of the table, and not those of its children. */
export const onlyIn = ({ tables }: Catalogue, { schema, name }: Reference): 'ONLY ' | '' =>
  childrenIn(tables)
    .get(key(schema, name))
    ?.some(({ isPartition }) => !isPartition)
    ? 'ONLY '
    : '';

/** NOT NULLs that are NOT VALID, without those of children: validated in the parent, theirs are as well. */
export function notNullsNotValid({ columns, tables }: Catalogue): readonly Column[] {
  const open = columns.filter(({ notNullNotValid }) => notNullNotValid);
  if (open.length === 0) return [];
  const known = new Set(open.map(({ schema, table, name }) => key(schema, table, name)));
  return open.filter(({ schema, table, name }) => {
    const own = tableIn({ tables }, { schema, name: table });
    return !(own && parentsOf(own).some((parent) => known.has(key(parent.schema, parent.name, name))));
  });
}

/** What fills the column of a parent fills that of a child. */
export const isFilledAlike = (one: Column, other: Column): boolean =>
  one.default === other.default && one.generated === other.generated && one.identity === other.identity;
