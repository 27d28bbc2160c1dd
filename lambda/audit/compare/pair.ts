/** The two catalogs with lookups by name. */
import type { Catalog } from '../catalog';
import type { Column } from '../catalog/columns';
import type { Index } from '../catalog/indexes';
import type { Table } from '../catalog/tables';
import { joinKey } from '../names';

export interface CatalogPair {
  readonly source: Catalog;
  readonly target: Catalog;
  /** Whether both servers have the same major version. Other versions may write definitions differently. */
  readonly sameMajor: boolean;
  /** Tables of the target by {@link joinKey}. */
  readonly tables: ReadonlyMap<string, Table>;
  readonly columns: ReadonlyMap<string, Column>;
  /** Indexes of the target by table. */
  readonly indexes: ReadonlyMap<string, readonly Index[]>;
  /** Returns the target's name of a table that differs from `name` only in case, or undefined if there is none. */
  likeTable(schema: string, name: string): string | undefined;
  likeColumn(schema: string, table: string, name: string): string | undefined;
  /** Whether the target has a table or view of this name. */
  hasRelation(schema: string, name: string): boolean;
  hasSchema(name: string): boolean;
  hasType(schema: string, name: string): boolean;
  /** Whether the relation is a partition in the source but not in the target. This is reported for the table. */
  isDetached(schema: string, name: string): boolean;
  hasColumns(schema: string, table: string, columns: readonly string[]): boolean;
}

export function buildPair(source: Catalog, target: Catalog): CatalogPair {
  const by = <T>(all: readonly T[], getKey: (each: T) => string): Map<string, T> =>
    new Map(all.map((each) => [getKey(each), each]));
  const tables = by(target.tables, ({ schema, name }) => joinKey(schema, name));
  const columns = by(target.columns, ({ schema, table, name }) => joinKey(schema, table, name));
  const relations = new Set(
    [...target.tables, ...target.views].map(({ schema, name }) => joinKey(schema, name)),
  );
  const schemas = new Set(target.schemas.map(({ name }) => name));
  const types = new Set(target.types.map(({ schema, name }) => joinKey(schema, name)));
  const partitions = new Set(
    source.tables.filter(({ partitionOf }) => partitionOf).map(({ schema, name }) => joinKey(schema, name)),
  );
  const likeTables = new Map(
    target.tables.map(({ schema, name }) => [joinKey(schema, name.toLowerCase()), name]),
  );
  // Built on the first miss, since most databases have more columns than any other object.
  let likeColumns: ReadonlyMap<string, string> | undefined;
  const byLowerCase = () =>
    new Map(
      target.columns.map(({ schema, table, name }) => [joinKey(schema, table, name.toLowerCase()), name]),
    );
  return {
    likeTable: (schema, name) => likeTables.get(joinKey(schema, name.toLowerCase())),
    likeColumn: (schema, table, name) => {
      likeColumns ??= byLowerCase();
      return likeColumns.get(joinKey(schema, table, name.toLowerCase()));
    },
    source,
    target,
    sameMajor: readMajorVersion(source) === readMajorVersion(target),
    tables,
    columns,
    indexes: groupBy(target.indexes, ({ schema, table }) => joinKey(schema, table)),
    hasRelation: (schema, name) => relations.has(joinKey(schema, name)),
    hasSchema: (name) => schemas.has(name),
    hasType: (schema, name) => types.has(joinKey(schema, name)),
    isDetached: (schema, name) =>
      partitions.has(joinKey(schema, name)) && !tables.get(joinKey(schema, name))?.partitionOf,
    hasColumns: (schema, table, names) => names.every((name) => columns.has(joinKey(schema, table, name))),
  };
}

export const readMajorVersion = ({ database }: Catalog): number =>
  Math.floor((database[0]?.serverVersionNumber ?? 0) / 10_000);

export function groupBy<T, K>(all: readonly T[], getKey: (each: T) => K): Map<K, T[]> {
  const groups = new Map<K, T[]>();
  for (const each of all) {
    const group = groups.get(getKey(each));
    if (group) group.push(each);
    else groups.set(getKey(each), [each]);
  }
  return groups;
}
