import type { Column } from '../catalogue/columns';
import { type Generator, generatorOf } from '../generators';
import { isFilledAlike, parentsOf } from '../inheritance';
import { key, path, pathOf } from '../names';
import { onceFor } from '../once';
import { type Comparison, type Difference, only } from './difference';
import type { Pair } from './pair';
import { sameText } from './text';

export function compareColumns(pair: Pair): Comparison {
  const keys = keyColumns(pair);
  return only(
    pair.source.columns.flatMap((column): readonly Difference[] => {
      const { schema, table } = column;
      if (!pair.tables.has(key(schema, table)) || pair.isDetached(schema, table)) return [];
      const own = differencesOf(pair, column, keys);
      if (own.length === 0) return own;
      const above = parentsIn(pair, column).map((from) => ({ from, lost: differencesOf(pair, from, keys) }));
      return own.filter((each) => !above.some(({ from, lost }) => isBequeathed(each, column, from, lost)));
    }),
  );
}

function differencesOf(pair: Pair, column: Column, keys: ReadonlySet<string>): readonly Difference[] {
  const called = key(column.schema, column.table, column.name);
  const found = pair.columns.get(called);
  return found === undefined ? [lost(pair, column)] : [...changes(pair, column, found, keys.has(called))];
}

/** In the source, of the tables that are its parents here. */
function parentsIn(pair: Pair, { schema, table, name }: Column): readonly Column[] {
  const here = pair.tables.get(key(schema, table));
  if (here === undefined) return [];
  return parentsOf(here).flatMap(
    (parent) => sourceColumns(pair).get(key(parent.schema, parent.name, name)) ?? [],
  );
}

/** Asked for where tables have children. */
const sourceColumns = onceFor(
  ({ source }: Pair) =>
    new Map(source.columns.map((each) => [key(each.schema, each.table, each.name), each])),
);

const ALWAYS: ReadonlySet<string> = new Set(['column-lost', 'column-type', 'not-null-lost']);

/** Lost with the parent's, and back with it. */
const isBequeathed = (
  { id }: Difference,
  own: Column,
  parents: Column,
  lostAbove: readonly Difference[],
): boolean =>
  ALWAYS.has(id)
    ? lostAbove.some((each) => each.id === id)
    : isFilledAlike(own, parents) && lostAbove.some((each) => !ALWAYS.has(each.id));

/** Columns that are a primary key by themselves, in the source. */
const keyColumns = ({ source }: Pair): ReadonlySet<string> =>
  new Set(
    source.indexes
      .filter(({ primary, columns }) => primary && columns.length === 1)
      .map(({ schema, table, columns }) => key(schema, table, columns[0]!)),
  );

const differs = (
  id: Difference['id'],
  [from, to]: readonly [from: Column, to?: Column],
  message: string,
  source: string | null = null,
  target: string | null = null,
): Difference => ({
  id,
  object: nameOf(from),
  message,
  source,
  target,
  lost: [to ? { kind: 'columns', from, to } : { kind: 'columns', from }],
  names: [from.name],
  table: [from.schema, from.table],
});

const nameOf = ({ schema, table, name }: Column): string => path(schema, table, name);

function lost(pair: Pair, column: Column): Difference {
  const { schema, table, name } = column;
  const twin = pair.likeColumn(schema, table, name);
  return differs(
    'column-lost',
    [column],
    `Column ${nameOf(column)} is missing${twin ? `; there is ${path(twin)}` : ''}.`,
    describe(column),
  );
}

function* changes(pair: Pair, from: Column, to: Column, isKey: boolean): globalThis.Generator<Difference> {
  if (isAlike(from, to)) return;
  const object = nameOf(from);
  const both = [from, to] as const;
  const sameType = typeOf(from) === typeOf(to);
  if (!sameType && !typeIsLost(pair, from))
    yield differs('column-type', both, `${object} is ${typeOf(to)}; in the source it is ${typeOf(from)}.`);
  if (from.notNull && !to.notNull)
    yield differs('not-null-lost', both, `${object} is NOT NULL in the source, and may be null here.`);
  const [before, now] = [generatorOf(from), generatorOf(to)];
  if (isKey && before && !now)
    yield differs(
      'missing-id-default',
      both,
      `${object} is a key that nothing generates here; the source does.`,
      before.text,
    );
  else if (from.identity) yield* identity(from, to);
  else if (from.generated) yield* generated(from, to);
  else if (from.default !== undefined && !isSameDefault(from, to, before, now, sameType))
    yield differs(
      'default-lost',
      both,
      to.default === undefined
        ? `${object} has no default; the source has one.`
        : `${object} has another default than in the source.`,
      `DEFAULT ${from.default}`,
      to.default === undefined ? null : `DEFAULT ${to.default}`,
    );
}

const isAlike = (one: Column, other: Column): boolean =>
  typeOf(one) === typeOf(other) &&
  one.notNull === other.notNull &&
  one.default === other.default &&
  one.identity === other.identity &&
  one.generated === other.generated;

/** What the type is called, with its collation. */
const typeOf = ({ type, collation }: Column): string =>
  collation ? `${type} COLLATE ${path(collation.schema, collation.name)}` : type;

/** Then the type is the finding, and this its consequence. */
const typeIsLost = (pair: Pair, { type }: Column): boolean =>
  lostTypes(pair).has(type.replace(/(\[\])+$/, ''));

const lostTypes = onceFor(
  ({ source, hasType }: Pair) =>
    new Set(source.types.filter(({ schema, name }) => !hasType(schema, name)).map(pathOf)),
);

/** Two ways to generate a key are one: an identity in place of a serial, gen_random_uuid() in place of uuid_generate_v4(). */
const isSameDefault = (
  from: Column,
  to: Column,
  before: Generator | null,
  now: Generator | null,
  sameType: boolean,
): boolean =>
  (before !== null && before.kind === now?.kind) ||
  sameText(from.default, to.default) ||
  // A constant of another type is spelled differently.
  (!sameType && to.default !== undefined);

function* identity(from: Column, to: Column): globalThis.Generator<Difference> {
  if (from.identity === to.identity) return;
  const was = `GENERATED ${from.identity!.toUpperCase()} AS IDENTITY`;
  if (generatorOf(to) === null)
    yield differs(
      'identity-lost',
      [from, to],
      `${nameOf(from)} is no identity column; in the source it is.`,
      was,
    );
  else if (to.identity)
    yield differs(
      'identity-lost',
      [from, to],
      `${nameOf(from)} is another identity than in the source.`,
      was,
      `GENERATED ${to.identity.toUpperCase()} AS IDENTITY`,
    );
}

function* generated(from: Column, to: Column): globalThis.Generator<Difference> {
  if (sameText(from.generated, to.generated)) return;
  yield differs(
    'default-lost',
    [from, to],
    to.generated
      ? `${nameOf(from)} is generated by another expression than in the source.`
      : `${nameOf(from)} is a plain column; in the source it is generated.`,
    `GENERATED ALWAYS AS (${from.generated})`,
    to.generated ? `GENERATED ALWAYS AS (${to.generated})` : null,
  );
}

const describe = (column: Column): string =>
  [
    typeOf(column),
    column.notNull ? 'NOT NULL' : '',
    column.default === undefined ? '' : `DEFAULT ${column.default}`,
    column.identity ? `GENERATED ${column.identity.toUpperCase()} AS IDENTITY` : '',
    column.generated ? `GENERATED ALWAYS AS (${column.generated})` : '',
  ]
    .filter(Boolean)
    .join(' ');
