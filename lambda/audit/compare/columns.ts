import type { Column } from '../catalog/columns';
import { type KeyGenerator, readKeyGenerator } from '../generators';
import { isFilledEqually, listParents } from '../inheritance';
import { memoize } from '../memoize';
import { formatPath, formatReference, joinKey } from '../names';
import { type Comparison, type Difference, makeComparison } from './difference';
import type { CatalogPair } from './pair';
import { isSameText } from './text';

export function compareColumns(pair: CatalogPair): Comparison {
  const keys = listPrimaryKeyColumns(pair);
  return makeComparison(
    pair.source.columns.flatMap((column): readonly Difference[] => {
      const { schema, table } = column;
      if (!pair.tables.has(joinKey(schema, table)) || pair.isDetached(schema, table)) return [];
      const own = findColumnDifferences(pair, column, keys);
      if (own.length === 0) return own;
      const above = listSourceParentColumns(pair, column).map((from) => ({
        from,
        lost: findColumnDifferences(pair, from, keys),
      }));
      return own.filter(
        (each) => !above.some(({ from, lost }) => isInheritedDifference(each, column, from, lost)),
      );
    }),
  );
}

function findColumnDifferences(
  pair: CatalogPair,
  column: Column,
  keys: ReadonlySet<string>,
): readonly Difference[] {
  const called = joinKey(column.schema, column.table, column.name);
  const found = pair.columns.get(called);
  return found === undefined
    ? [makeLostColumn(pair, column)]
    : [...compareColumn(pair, column, found, keys.has(called))];
}

/** Returns the source's columns of the same name in the tables that are parents of this table in the target. */
function listSourceParentColumns(pair: CatalogPair, { schema, table, name }: Column): readonly Column[] {
  const here = pair.tables.get(joinKey(schema, table));
  if (here === undefined) return [];
  return listParents(here).flatMap(
    (parent) => indexSourceColumns(pair).get(joinKey(parent.schema, parent.name, name)) ?? [],
  );
}

/** Built only if a table has children. */
const indexSourceColumns = memoize(
  ({ source }: CatalogPair) =>
    new Map(source.columns.map((each) => [joinKey(each.schema, each.table, each.name), each])),
);

const ALWAYS_REPORTED: ReadonlySet<string> = new Set([
  'missing-column',
  'column-type-changed',
  'missing-not-null',
]);

/** Whether the parent lacks the same. Repairing the parent repairs the child as well. */
const isInheritedDifference = (
  { id }: Difference,
  own: Column,
  parents: Column,
  lostAbove: readonly Difference[],
): boolean =>
  ALWAYS_REPORTED.has(id)
    ? lostAbove.some((each) => each.id === id)
    : isFilledEqually(own, parents) && lostAbove.some((each) => !ALWAYS_REPORTED.has(each.id));

/** Columns of the source that form a primary key of one column. */
const listPrimaryKeyColumns = ({ source }: CatalogPair): ReadonlySet<string> =>
  new Set(
    source.indexes
      .filter(({ primary, columns }) => primary && columns.length === 1)
      .map(({ schema, table, columns }) => joinKey(schema, table, columns[0]!)),
  );

const makeColumnDifference = (
  id: Difference['id'],
  [from, to]: readonly [from: Column, to?: Column],
  message: string,
  source: string | null = null,
  target: string | null = null,
): Difference => ({
  id,
  object: formatColumnName(from),
  message,
  source,
  target,
  lost: [to ? { kind: 'columns', from, to } : { kind: 'columns', from }],
  names: [from.name],
  table: [from.schema, from.table],
});

const formatColumnName = ({ schema, table, name }: Column): string => formatPath(schema, table, name);

function makeLostColumn(pair: CatalogPair, column: Column): Difference {
  const { schema, table, name } = column;
  const twin = pair.likeColumn(schema, table, name);
  return makeColumnDifference(
    'missing-column',
    [column],
    `Column ${formatColumnName(column)} is missing${twin ? `; there is ${formatPath(twin)}` : ''}.`,
    formatColumn(column),
  );
}

function* compareColumn(
  pair: CatalogPair,
  from: Column,
  to: Column,
  isKey: boolean,
): globalThis.Generator<Difference> {
  if (isEquivalentColumn(from, to)) return;
  const object = formatColumnName(from);
  const both = [from, to] as const;
  const sameType = formatType(from) === formatType(to);
  if (!sameType && !isTypeLost(pair, from))
    yield makeColumnDifference(
      'column-type-changed',
      both,
      `${object} is ${formatType(to)}; in the source it is ${formatType(from)}.`,
    );
  if (from.notNull && !to.notNull)
    yield makeColumnDifference(
      'missing-not-null',
      both,
      `${object} is NOT NULL in the source and nullable here.`,
    );
  const [before, now] = [readKeyGenerator(from), readKeyGenerator(to)];
  if (isKey && before && !now)
    yield makeColumnDifference(
      'missing-primary-key-default',
      both,
      `${object} is a key without a default or identity; in the source it has one.`,
      before.text,
    );
  else if (from.identity) yield* compareIdentity(from, to);
  else if (from.generated) yield* compareGenerated(from, to);
  else if (from.default !== undefined && !isSameDefault(from, to, before, now, sameType))
    yield makeColumnDifference(
      'missing-default',
      both,
      to.default === undefined
        ? `${object} has no default; the source has one.`
        : `The default of ${object} differs from the source.`,
      `DEFAULT ${from.default}`,
      to.default === undefined ? null : `DEFAULT ${to.default}`,
    );
}

const isEquivalentColumn = (one: Column, other: Column): boolean =>
  formatType(one) === formatType(other) &&
  one.notNull === other.notNull &&
  one.default === other.default &&
  one.identity === other.identity &&
  one.generated === other.generated;

/** Returns the name of the type, with its collation. */
const formatType = ({ type, collation }: Column): string =>
  collation ? `${type} COLLATE ${formatPath(collation.schema, collation.name)}` : type;

/**
 * Whether the column's type itself is missing. The missing type is then the finding, and the changed column its
 * consequence.
 */
const isTypeLost = (pair: CatalogPair, { type }: Column): boolean =>
  listLostTypes(pair).has(type.replace(/(\[\])+$/, ''));

const listLostTypes = memoize(
  ({ source, hasType }: CatalogPair) =>
    new Set(source.types.filter(({ schema, name }) => !hasType(schema, name)).map(formatReference)),
);

/**
 * Whether two defaults are equivalent. Two generators of the same kind are: an identity in place of a serial,
 * gen_random_uuid() in place of uuid_generate_v4().
 */
const isSameDefault = (
  from: Column,
  to: Column,
  before: KeyGenerator | null,
  now: KeyGenerator | null,
  sameType: boolean,
): boolean =>
  (before !== null && before.kind === now?.kind) ||
  isSameText(from.default, to.default) ||
  // If the type changed, a constant default is written differently, so the defaults are not compared.
  (!sameType && to.default !== undefined);

function* compareIdentity(from: Column, to: Column): globalThis.Generator<Difference> {
  if (from.identity === to.identity) return;
  const was = `GENERATED ${from.identity!.toUpperCase()} AS IDENTITY`;
  if (readKeyGenerator(to) === null)
    yield makeColumnDifference(
      'missing-identity',
      [from, to],
      `${formatColumnName(from)} is not an identity column; in the source it is.`,
      was,
    );
  else if (to.identity)
    yield makeColumnDifference(
      'missing-identity',
      [from, to],
      `The identity of ${formatColumnName(from)} differs from the source.`,
      was,
      `GENERATED ${to.identity.toUpperCase()} AS IDENTITY`,
    );
}

function* compareGenerated(from: Column, to: Column): globalThis.Generator<Difference> {
  if (isSameText(from.generated, to.generated)) return;
  yield makeColumnDifference(
    'missing-default',
    [from, to],
    to.generated
      ? `The generation expression of ${formatColumnName(from)} differs from the source.`
      : `${formatColumnName(from)} is an ordinary column; in the source it is a generated column.`,
    `GENERATED ALWAYS AS (${from.generated})`,
    to.generated ? `GENERATED ALWAYS AS (${to.generated})` : null,
  );
}

const formatColumn = (column: Column): string =>
  [
    formatType(column),
    column.notNull ? 'NOT NULL' : '',
    column.default === undefined ? '' : `DEFAULT ${column.default}`,
    column.identity ? `GENERATED ${column.identity.toUpperCase()} AS IDENTITY` : '',
    column.generated ? `GENERATED ALWAYS AS (${column.generated})` : '',
  ]
    .filter(Boolean)
    .join(' ');
