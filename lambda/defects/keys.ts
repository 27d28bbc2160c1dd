/** Primary keys of one column, and columns that look like references to them. Pure. */
import type { Catalogue } from '../audit/catalogue';
import type { Column } from '../audit/catalogue/columns';
import { generatorOf } from '../audit/generators';
import { key } from '../audit/names';
import { onceFor } from '../audit/once';

export interface Key {
  readonly column: Column;
  /** Keys of one kind are siblings. */
  readonly kind: 'uuid' | 'integer';
  readonly generated: boolean;
}

/** Those that a database could generate: of one column that refers to nothing, not of a partition. */
export const keysOf = onceFor((catalogue: Catalogue): readonly Key[] => {
  const columns = columnsByName(catalogue);
  const foreign = foreignColumns(catalogue);
  const partitions = new Set(
    catalogue.tables.filter(({ partitionOf }) => partitionOf).map(({ schema, name }) => key(schema, name)),
  );
  return catalogue.indexes.flatMap((index): Key[] => {
    const { schema, table, primary, columns: keys } = index;
    if (!primary || keys.length !== 1 || partitions.has(key(schema, table))) return [];
    const column = columns.get(key(schema, table, keys[0]!));
    if (column === undefined || foreign.has(key(schema, table, column.name)) || column.generated) return [];
    const kind =
      column.type === 'uuid' ? 'uuid' : /^(smallint|integer|bigint)$/.test(column.type) ? 'integer' : null;
    return kind === null ? [] : [{ column, kind, generated: generatorOf(column) !== null }];
  });
});

const MIN_SIBLINGS = 4;
const MOST = 3 / 4;

/** Whether what so many of them have is missing where it is not. */
export const isOdd = (having: number, all: number): boolean =>
  all >= MIN_SIBLINGS && having / all >= MOST && having < all;
export const areEnough = (all: number): boolean => all >= MIN_SIBLINGS;

export interface Reference {
  readonly column: Column;
  /** The key that it is named after. */
  readonly key: Column;
  /** Their types compare. */
  readonly comparable: boolean;
}

/** As LIKELY_REFERENCES asks the server: `x_id` beside a table `x`, `xs`, `xes` or `…ies`, and without a foreign key. */
export const likelyReferences = onceFor((catalogue: Catalogue): readonly Reference[] => {
  const columns = columnsByName(catalogue);
  const foreign = foreignColumns(catalogue);
  const keys = new Map<string, Column>();
  for (const { schema, table, primary, columns: names } of catalogue.indexes) {
    const column = primary && names.length === 1 ? columns.get(key(schema, table, names[0]!)) : undefined;
    if (column) keys.set(key(schema, table), column);
  }
  const partitions = new Set(
    catalogue.tables.filter(({ partitionOf }) => partitionOf).map(({ schema, name }) => key(schema, name)),
  );
  return catalogue.columns.flatMap((column): Reference[] => {
    const { schema, table, name } = column;
    if (!/._id$/.test(name) || foreign.has(key(schema, table, name)) || partitions.has(key(schema, table)))
      return [];
    const stem = name.slice(0, -3);
    return [...new Set([stem, `${stem}s`, `${stem}es`, stem.replace(/y$/, 'ies')])].flatMap(
      (target): Reference[] => {
        const found = keys.get(key(schema, target));
        if (found === undefined || found === column) return [];
        return [{ column, key: found, comparable: comparable(catalogue, column.type, found.type) }];
      },
    );
  });
});

/** Numbers compare with numbers and texts with texts; anything else only with itself. */
function comparable(catalogue: Catalogue, one: string, other: string): boolean {
  const [left, right] = [baseOf(catalogue, one), baseOf(catalogue, other)];
  return left === right || (family(left) !== null && family(left) === family(right));
}

const family = (type: string): 'number' | 'text' | null =>
  /^(smallint|integer|bigint|numeric|real|double precision|oid)/.test(type)
    ? 'number'
    : /^(text|character|name|citext|[\w"]+\.citext)/.test(type)
      ? 'text'
      : null;

function baseOf({ types }: Catalogue, type: string): string {
  const domain = types.find(({ schema, name, base }) => base !== undefined && `${schema}.${name}` === type);
  return domain?.base ?? type;
}

const columnsByName = onceFor(
  ({ columns }: Catalogue): ReadonlyMap<string, Column> =>
    new Map(columns.map((each) => [key(each.schema, each.table, each.name), each])),
);

const foreignColumns = ({ constraints }: Catalogue): ReadonlySet<string> =>
  new Set(
    constraints
      .filter(({ type }) => type === 'foreign key')
      .flatMap(({ schema, table, columns = [] }) => columns.map((name) => key(schema, table, name))),
  );
