/** What CREATE TABLE makes of a table besides itself: columns, keys, sequences. Pure. */
import type { Catalogue } from '../../../../lambda/audit/catalogue';
import type { Column } from '../../../../lambda/audit/catalogue/columns';
import type { Constraint } from '../../../../lambda/audit/catalogue/constraints';
import type { Table } from '../../../../lambda/audit/catalogue/tables';
import { grouped } from '../../../../lambda/audit/compare/pair';
import { isAncestor, parentsOf } from '../../../../lambda/audit/inheritance';
import { key } from '../../../../lambda/audit/names';
import type { Context } from '../context';
import { belonging, functionNames, sequencesOf } from '../lookup';
import { qualifiedNames } from '../names';

type OfTable = { readonly schema: string; readonly table: string };
export const isOf =
  ({ schema, name: table }: Table) =>
  (each: OfTable): boolean =>
    each.schema === schema && each.table === table;

/** Calls a function of the application: it comes later, when the function is there. */
export const callsOwn = ({ functions }: Catalogue, text: string): boolean =>
  [...qualifiedNames(text)].some(([schema, called]) => functionNames(functions).has(key(schema, called)));

/** What CREATE TABLE makes of a table besides itself, as the catalogue has it. */
export function madeWith({ source }: Context, table: Table): Partial<Catalogue> {
  const {
    replicaIdentity: _r,
    replicaIdentityIndex: _i,
    rowSecurity: _s,
    rowSecurityForced: _f,
    ...bare
  } = table;
  const constraints = table.partitionOf ? [] : constraintsOf(source, table);
  const names = new Set(constraints.map((each) => each.name));
  return {
    tables: [bare],
    columns: belonging(source.columns, table).map((column) => asMade(source, table, column)),
    constraints,
    indexes: belonging(source.indexes, table).filter((index) => index.constraint && names.has(index.name)),
    sequences: [...identities(source, table), ...countersOf(source, table)],
  };
}

/** What a column has from a parent is as the parent's, whatever it was changed to since. */
function asMade(source: Catalogue, table: Table, column: Column): Column {
  const parents = column.inherited
    ? parentsOf(table).flatMap((parent) => belonging(source.columns, parent))
    : [];
  const {
    notNull,
    notNullNotValid,
    default: by,
  } = parents.find((each) => each.name === column.name) ?? column;
  const isMade = by !== undefined && !isLater(source, { ...column, default: by });
  return { ...column, notNull, notNullNotValid, default: isMade ? by : undefined };
}

/** A default that calls what may not be there yet. */
export const isLater = (source: Catalogue, { default: by = '' }: Column): boolean => callsOwn(source, by);

export const identities = (source: Catalogue, table: Table): Catalogue['sequences'] =>
  sequencesOf(source, table).filter(({ identity, ownedBy }) => identity && ownedBy && isOf(table)(ownedBy));

/** Sequences that only a column's default or its owner tells of: they come with the table, or with its parent. */
export const countersOf = (source: Catalogue, table: Table): Catalogue['sequences'] =>
  sequencesOf(source, table).filter(
    ({ identity, ownedBy }) =>
      !identity && !(ownedBy && isAncestor(source, table, { schema: ownedBy.schema, name: ownedBy.table })),
  );

export const newCounters = ({ source, target }: Context, table: Table): Catalogue['sequences'] =>
  countersOf(source, table).filter(
    ({ schema, name: called }) =>
      !target.sequences.some((each) => each.schema === schema && each.name === called),
  );

/**
 * Those that a new, empty table gets at once. CREATE TABLE makes one of two keys that do the same: the second comes later. On
 * partitions it would also take the name that the other has there, so both come later.
 */
export function constraintsOf(source: Catalogue, table: Table): readonly Constraint[] {
  const own = belonging(source.constraints, table).filter(
    (each) =>
      !each.inherited && each.type !== 'foreign key' && !each.notValid && !callsOwn(source, each.definition),
  );
  const keys = own
    .filter(({ type }) => type !== 'check')
    .sort((one, other) => one.type.localeCompare(other.type));
  const alike = grouped(keys, ({ type, columns = [], definition }) =>
    type === 'exclusion' ? definition : key(...columns),
  );
  return [
    ...own.filter(({ type }) => type === 'check'),
    ...[...alike.values()].flatMap((all) => (table.partitionKey && all.length > 1 ? [] : all.slice(0, 1))),
  ];
}
