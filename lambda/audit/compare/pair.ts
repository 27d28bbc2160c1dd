/** Both sides, looked up by name, and what is gone with something larger. */
import type { Catalogue } from '../catalogue';
import type { Column } from '../catalogue/columns';
import type { Index } from '../catalogue/indexes';
import type { Table } from '../catalogue/tables';
import { key } from '../names';

export interface Pair {
  readonly source: Catalogue;
  readonly target: Catalogue;
  /** Texts of another major are written differently. */
  readonly sameMajor: boolean;
  /** Of the target, by {@link key}. */
  readonly tables: ReadonlyMap<string, Table>;
  readonly columns: ReadonlyMap<string, Column>;
  /** Of the target, by table. */
  readonly indexes: ReadonlyMap<string, readonly Index[]>;
  /** What the target calls a table or a column whose name differs in case alone; undefined where there is none. */
  likeTable(schema: string, name: string): string | undefined;
  likeColumn(schema: string, table: string, name: string): string | undefined;
  /** The target has this relation: a table or a view. */
  hasRelation(schema: string, name: string): boolean;
  hasSchema(name: string): boolean;
  hasType(schema: string, name: string): boolean;
  /** A partition in the source, and none here: the finding is that it is another kind of table. */
  isDetached(schema: string, name: string): boolean;
  hasColumns(schema: string, table: string, columns: readonly string[]): boolean;
}

export function pairOf(source: Catalogue, target: Catalogue): Pair {
  const by = <T>(all: readonly T[], keyOf: (each: T) => string): Map<string, T> =>
    new Map(all.map((each) => [keyOf(each), each]));
  const tables = by(target.tables, ({ schema, name }) => key(schema, name));
  const columns = by(target.columns, ({ schema, table, name }) => key(schema, table, name));
  const relations = new Set([...target.tables, ...target.views].map(({ schema, name }) => key(schema, name)));
  const schemas = new Set(target.schemas.map(({ name }) => name));
  const types = new Set(target.types.map(({ schema, name }) => key(schema, name)));
  const partitions = new Set(
    source.tables.filter(({ partitionOf }) => partitionOf).map(({ schema, name }) => key(schema, name)),
  );
  const likeTables = new Map(
    target.tables.map(({ schema, name }) => [key(schema, name.toLowerCase()), name]),
  );
  // Made when the first one is missing: most databases have more columns than anything else.
  let likeColumns: ReadonlyMap<string, string> | undefined;
  const byLowerCase = () =>
    new Map(target.columns.map(({ schema, table, name }) => [key(schema, table, name.toLowerCase()), name]));
  return {
    likeTable: (schema, name) => likeTables.get(key(schema, name.toLowerCase())),
    likeColumn: (schema, table, name) => {
      likeColumns ??= byLowerCase();
      return likeColumns.get(key(schema, table, name.toLowerCase()));
    },
    source,
    target,
    sameMajor: majorOf(source) === majorOf(target),
    tables,
    columns,
    indexes: grouped(target.indexes, ({ schema, table }) => key(schema, table)),
    hasRelation: (schema, name) => relations.has(key(schema, name)),
    hasSchema: (name) => schemas.has(name),
    hasType: (schema, name) => types.has(key(schema, name)),
    isDetached: (schema, name) =>
      partitions.has(key(schema, name)) && !tables.get(key(schema, name))?.partitionOf,
    hasColumns: (schema, table, names) => names.every((name) => columns.has(key(schema, table, name))),
  };
}

export const majorOf = ({ database }: Catalogue): number =>
  Math.floor((database[0]?.serverVersionNumber ?? 0) / 10_000);

export function grouped<T, K>(all: readonly T[], keyOf: (each: T) => K): Map<K, T[]> {
  const groups = new Map<K, T[]>();
  for (const each of all) {
    const group = groups.get(keyOf(each));
    if (group) group.push(each);
    else groups.set(keyOf(each), [each]);
  }
  return groups;
}
