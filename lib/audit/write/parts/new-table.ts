/** Lists the objects that CREATE TABLE creates with a table: columns, keys, sequences. Pure. */
import type { Catalog } from '../../../../lambda/audit/catalog';
import type { Column } from '../../../../lambda/audit/catalog/columns';
import type { Constraint } from '../../../../lambda/audit/catalog/constraints';
import type { Table } from '../../../../lambda/audit/catalog/tables';
import { groupBy } from '../../../../lambda/audit/compare/pair';
import { isAncestor, listParents } from '../../../../lambda/audit/inheritance';
import { joinKey } from '../../../../lambda/audit/names';
import { findByTable, functionNames, listTableSequences } from '../lookup';
import { listQualifiedNames } from '../names';
import type { RepairContext } from '../repair-context';

type TableObject = { readonly schema: string; readonly table: string };
export const belongsToTable =
  ({ schema, name: table }: Table) =>
  (each: TableObject): boolean =>
    each.schema === schema && each.table === table;

/** Whether the text calls a function of the application, which is created after the table. */
export const callsUserFunction = ({ functions }: Catalog, text: string): boolean =>
  [...listQualifiedNames(text)].some(([schema, called]) =>
    functionNames(functions).has(joinKey(schema, called)),
  );

/** Returns the catalog objects that CREATE TABLE creates with a table. */
export function listObjectsMadeWith({ source }: RepairContext, table: Table): Partial<Catalog> {
  const {
    replicaIdentity: _r,
    replicaIdentityIndex: _i,
    rowSecurity: _s,
    rowSecurityForced: _f,
    ...bare
  } = table;
  const constraints = table.partitionOf ? [] : listInitialConstraints(source, table);
  const names = new Set(constraints.map((each) => each.name));
  return {
    tables: [bare],
    columns: findByTable(source.columns, table).map((column) => toCreatedColumn(source, table, column)),
    constraints,
    indexes: findByTable(source.indexes, table).filter((index) => index.constraint && names.has(index.name)),
    sequences: [...listIdentitySequences(source, table), ...listDefaultSequences(source, table)],
  };
}

/** Returns the column as CREATE TABLE creates it: an inherited column starts with the parent's default and NOT NULL. */
function toCreatedColumn(source: Catalog, table: Table, column: Column): Column {
  const parents = column.inherited
    ? listParents(table).flatMap((parent) => findByTable(source.columns, parent))
    : [];
  const {
    notNull,
    notNullNotValid,
    default: by,
  } = parents.find((each) => each.name === column.name) ?? column;
  const isMade = by !== undefined && !hasDeferredDefault(source, { ...column, default: by });
  return { ...column, notNull, notNullNotValid, default: isMade ? by : undefined };
}

/** Whether the default calls a function that may not exist yet. */
export const hasDeferredDefault = (source: Catalog, { default: by = '' }: Column): boolean =>
  callsUserFunction(source, by);

export const listIdentitySequences = (source: Catalog, table: Table): Catalog['sequences'] =>
  listTableSequences(source, table).filter(
    ({ identity, ownedBy }) => identity && ownedBy && belongsToTable(table)(ownedBy),
  );

/** Lists the sequences, except identity sequences, that come with the table and not with one of its parents. */
export const listDefaultSequences = (source: Catalog, table: Table): Catalog['sequences'] =>
  listTableSequences(source, table).filter(
    ({ identity, ownedBy }) =>
      !identity && !(ownedBy && isAncestor(source, table, { schema: ownedBy.schema, name: ownedBy.table })),
  );

export const listNewDefaultSequences = (
  { source, target }: RepairContext,
  table: Table,
): Catalog['sequences'] =>
  listDefaultSequences(source, table).filter(
    ({ schema, name: called }) =>
      !target.sequences.some((each) => each.schema === schema && each.name === called),
  );

/**
 * Lists the constraints that a new, empty table gets in CREATE TABLE. CREATE TABLE merges two keys over the same columns,
 * so the second is added later. On partitions it would also take the other key's name, so both are added later.
 */
export function listInitialConstraints(source: Catalog, table: Table): readonly Constraint[] {
  const own = findByTable(source.constraints, table).filter(
    (each) =>
      !each.inherited &&
      each.type !== 'foreign key' &&
      !each.notValid &&
      !callsUserFunction(source, each.definition),
  );
  const keys = own
    .filter(({ type }) => type !== 'check')
    .sort((one, other) => one.type.localeCompare(other.type));
  const alike = groupBy(keys, ({ type, columns = [], definition }) =>
    type === 'exclusion' ? definition : joinKey(...columns),
  );
  return [
    ...own.filter(({ type }) => type === 'check'),
    ...[...alike.values()].flatMap((all) => (table.partitionKey && all.length > 1 ? [] : all.slice(0, 1))),
  ];
}
