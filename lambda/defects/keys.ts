/** Primary keys of one column, and columns that look like references to them. Pure. */
import type { Catalog } from '../audit/catalog';
import type { Column } from '../audit/catalog/columns';
import { readKeyGenerator } from '../audit/generators';
import { memoize } from '../audit/memoize';
import { joinKey } from '../audit/names';
import { isSymbol, splitAtCommas, tokenizeWithDepth } from '../sql/clauses';
import { parseNames } from '../sql/quote';
import { readIdentifier } from '../sql/tokens';

export interface GeneratableKey {
  readonly column: Column;
  /** Kind of the key. Keys of the same kind in a schema are compared with each other. */
  readonly kind: 'uuid' | 'integer';
  readonly generated: boolean;
  /** Whether the column is the whole primary key. False if the primary key has further columns for partitioning. */
  readonly alone: boolean;
}

/** Whether the column is named `id`, or after its own table: `event_id` of `events`. */
export function isIdName(column: string, table: string): boolean {
  const stem = /^(?:(.*)_)?(?:id|uuid)$/i.exec(column);
  if (stem === null) return false;
  const [, own] = stem;
  return own === undefined || [own, `${own}s`, `${own}es`, own.replace(/y$/, 'ies')].includes(table);
}

/**
 * Returns the columns that identify a row. On a partitioned table, PostgreSQL requires the partition key in the
 * primary key, so the primary key may have more columns than identify a row. The column that is named like an id is
 * chosen, even if the table is partitioned by it; otherwise the columns that are not in the partition key.
 * @param isPartitionedBy returns whether the partition key contains the column
 */
export function identifyingColumns<T extends string | null>(
  primaryKey: readonly T[],
  table: string,
  isPartitionedBy: (column: T) => boolean,
): readonly T[] {
  if (primaryKey.length <= 1 || !primaryKey.some(isPartitionedBy)) return primaryKey;
  const named = primaryKey.filter((column) => column !== null && isIdName(column, table));
  if (named.length === 1) return named;
  const others = primaryKey.filter((column) => !isPartitionedBy(column));
  return others.length > 0 ? others : primaryKey;
}

/**
 * Returns the keys that a database could generate: keys of one column, apart from a partition key, that reference no
 * other table. Partitions are left out.
 */
export const listGeneratableKeys = memoize((catalog: Catalog): readonly GeneratableKey[] => {
  const columns = indexColumnsByName(catalog);
  const foreign = listForeignKeyColumns(catalog);
  const partitions = new Set(
    catalog.tables.filter(({ partitionOf }) => partitionOf).map(({ schema, name }) => joinKey(schema, name)),
  );
  return catalog.indexes.flatMap((index): GeneratableKey[] => {
    const { schema, table, primary } = index;
    if (!primary || partitions.has(joinKey(schema, table))) return [];
    const partitionedBy = listPartitionColumns(catalog).get(joinKey(schema, table));
    const keys = identifyingColumns(index.columns, table, (name) => partitionedBy?.has(name ?? '') === true);
    if (keys.length !== 1) return [];
    const column = columns.get(joinKey(schema, table, keys[0]!));
    if (column === undefined || foreign.has(joinKey(schema, table, column.name)) || column.generated)
      return [];
    const kind =
      column.type === 'uuid' ? 'uuid' : /^(smallint|integer|bigint)$/.test(column.type) ? 'integer' : null;
    return kind === null
      ? []
      : [{ column, kind, generated: readKeyGenerator(column) !== null, alone: index.columns.length === 1 }];
  });
});

/** Returns the columns in the partition keys of partitioned tables, such as `RANGE (at, "Region" COLLATE "C")`. */
const listPartitionColumns = memoize(
  ({ tables }: Catalog): ReadonlyMap<string, ReadonlySet<string>> =>
    new Map(
      tables.flatMap(({ schema, name, partitionKey }) => {
        if (!partitionKey) return [];
        const all = tokenizeWithDepth(partitionKey);
        const items = splitAtCommas(all.slice(all.findIndex((token) => isSymbol(token, '(')) + 1, -1), 1);
        const names = items.flatMap(([first]) => (first ? (readIdentifier(first) ?? []) : []));
        return [[joinKey(schema, name), new Set(names)] as const];
      }),
    ),
);

const MIN_SIBLINGS = 4;
const MAJORITY_SHARE = 3 / 4;

/** Whether some objects lack what most have: at least three quarters of four or more objects, but not all, have it. */
export const isInconsistent = (having: number, all: number): boolean =>
  all >= MIN_SIBLINGS && having / all >= MAJORITY_SHARE && having < all;
export const hasEnoughSiblings = (all: number): boolean => all >= MIN_SIBLINGS;

export interface LikelyReference {
  readonly column: Column;
  /** Key that the column is named after. */
  readonly key: Column;
  /** Whether the two types can be compared. */
  readonly comparable: boolean;
}

/** Same rule as LIKELY_REFERENCES: `x_id` without a foreign key beside a table `x`, `xs`, `xes` or `…ies`. */
export const listLikelyReferences = memoize((catalog: Catalog): readonly LikelyReference[] => {
  const columns = indexColumnsByName(catalog);
  const foreign = listForeignKeyColumns(catalog);
  const keys = new Map<string, Column>();
  for (const { schema, table, primary, columns: names } of catalog.indexes) {
    const column = primary && names.length === 1 ? columns.get(joinKey(schema, table, names[0]!)) : undefined;
    if (column) keys.set(joinKey(schema, table), column);
  }
  const partitions = new Set(
    catalog.tables.filter(({ partitionOf }) => partitionOf).map(({ schema, name }) => joinKey(schema, name)),
  );
  return catalog.columns.flatMap((column): LikelyReference[] => {
    const { schema, table, name } = column;
    if (
      !/._id$/.test(name) ||
      foreign.has(joinKey(schema, table, name)) ||
      partitions.has(joinKey(schema, table))
    )
      return [];
    const stem = name.slice(0, -3);
    return [...new Set([stem, `${stem}s`, `${stem}es`, stem.replace(/y$/, 'ies')])].flatMap(
      (target): LikelyReference[] => {
        const found = keys.get(joinKey(schema, target));
        if (found === undefined || found === column) return [];
        return [{ column, key: found, comparable: isComparable(catalog, column.type, found.type) }];
      },
    );
  });
});

/** Whether two types can be compared: numbers with numbers, texts with texts, any other type only with itself. */
function isComparable(catalog: Catalog, one: string, other: string): boolean {
  const [left, right] = [resolveBaseType(catalog, one), resolveBaseType(catalog, other)];
  return left === right || (getTypeFamily(left) !== null && getTypeFamily(left) === getTypeFamily(right));
}

const getTypeFamily = (type: string): 'number' | 'text' | null =>
  /^(smallint|integer|bigint|numeric|real|double precision|oid)/.test(type)
    ? 'number'
    : /^(text|character|name|citext|[\w"]+\.citext)/.test(type)
      ? 'text'
      : null;

function resolveBaseType({ types }: Catalog, type: string): string {
  const written = parseNames(type);
  const domain = types.find(
    ({ schema, name, base }) =>
      base !== undefined && written.length === 2 && schema === written[0] && name === written[1],
  );
  return domain?.base ?? type;
}

const indexColumnsByName = memoize(
  ({ columns }: Catalog): ReadonlyMap<string, Column> =>
    new Map(columns.map((each) => [joinKey(each.schema, each.table, each.name), each])),
);

const listForeignKeyColumns = ({ constraints }: Catalog): ReadonlySet<string> =>
  new Set(
    constraints
      .filter(({ type }) => type === 'foreign key')
      .flatMap(({ schema, table, columns = [] }) => columns.map((name) => joinKey(schema, table, name))),
  );
