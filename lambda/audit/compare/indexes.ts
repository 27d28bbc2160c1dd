import type { Index } from '../catalog/indexes';
import { formatNames, formatPath, joinKey, parseColumn } from '../names';
import { type Comparison, type Difference, type LostObject, makeComparison } from './difference';
import { matchObjects } from './match-objects';
import { type CatalogPair, groupBy } from './pair';
import { isSameText } from './text';

/** Compares indexes, including those of primary keys and UNIQUE constraints. */
export function compareIndexes(pair: CatalogPair): Comparison {
  return makeComparison(
    [...groupBy(pair.source.indexes, ({ schema, table }) => joinKey(schema, table))].flatMap(
      ([table, indexes]) =>
        compareTableIndexes(
          pair,
          indexes.filter(isComparable),
          (pair.indexes.get(table) ?? []).filter(isNotExclusion),
        ),
    ),
  );
}

/** The index of an exclusion constraint is compared as a constraint. */
const isNotExclusion = ({ constraint }: Index): boolean => constraint !== 'exclusion';
const isComparable = (index: Index): boolean => !index.partitionOf && isNotExclusion(index);

function compareTableIndexes(
  pair: CatalogPair,
  indexes: readonly Index[],
  here: readonly Index[],
): readonly Difference[] {
  const twins = matchObjects(indexes, here, [hasSameForm, hasSameShape]);
  return indexes.flatMap((index): readonly Difference[] => {
    const { schema, table, columns } = index;
    if (!pair.hasRelation(schema, table) || pair.isDetached(schema, table)) return [];
    // The columns of materialized views are not in the catalog's list. Dropping a column also drops its indexes.
    const plainColumns = index.expressions ? columns.flatMap((each) => parseColumn(each) ?? []) : columns;
    if (pair.tables.has(joinKey(schema, table)) && !pair.hasColumns(schema, table, plainColumns)) return [];
    const found = twins.get(index);
    if (found === undefined) return [makeLostIndex(index, here)];
    return found.isTaken
      ? [makeRedundantIndex(index, found.twin, here)]
      : [...compareIndexForm(index, found.twin)];
  });
}

/** Whether two indexes have the same definition apart from their names. */
const hasSameShape = (one: Index, other: Index): boolean =>
  one.unique === other.unique &&
  one.nullsNotDistinct === other.nullsNotDistinct &&
  isSameText(normalizeDefinition(one), normalizeDefinition(other));

const hasSameForm = (one: Index, other: Index): boolean =>
  one.primary === other.primary &&
  one.constraint === other.constraint &&
  formatDeferrability(one) === formatDeferrability(other) &&
  hasSameShape(one, other);

const normalizeDefinition = ({ definition, method }: Index): string =>
  definition.slice(Math.max(0, definition.indexOf(` USING ${method} (`)));

function makeLostIndex(index: Index, here: readonly Index[]): Difference {
  const { schema, table, name, definition, columns, predicate, primary, unique, constraint } = index;
  const object = formatPath(schema, table);
  const same = here.find((each) => (primary ? each.primary : each.name === name));
  const what = primary ? 'Primary key' : constraint ? 'Unique constraint' : unique ? 'Unique index' : 'Index';
  const on = `${what} ${formatPath(name)} on ${object} (${columns.map((each) => (index.expressions ? each : formatPath(each))).join(', ')})${predicate ? ` WHERE ${predicate}` : ''}`;
  return {
    id: primary ? 'missing-primary-key' : unique ? 'missing-unique-index' : 'missing-index',
    object,
    message: same ? `${on} differs from the source.` : `${on} is missing.`,
    source: definition,
    target: same?.definition ?? null,
    lost: [{ kind: 'indexes', from: index, ...(same ? { to: same } : {}) }],
    names: [name],
    table: [schema, table],
    columns: index.expressions ? columns.map((each) => parseColumn(each) ?? each) : columns,
  };
}

/** Returns when the constraint of the index is checked. */
const formatDeferrability = ({ deferrable, initiallyDeferred }: Index): string =>
  initiallyDeferred ? 'INITIALLY DEFERRED' : deferrable ? 'DEFERRABLE' : 'NOT DEFERRABLE';

/** Reports a missing index of which the target still has an equivalent under another name. */
function makeRedundantIndex(index: Index, other: Index, here: readonly Index[]): Difference {
  const missing = makeLostIndex(index, here);
  if (missing.target || index.primary || (other.deferrable && !index.deferrable)) return missing;
  return {
    ...missing,
    id: 'constraint-renamed',
    message: `${formatPath(index.name)} on ${missing.object} is missing, but the equivalent ${formatPath(other.name)} exists.`,
    target: other.definition,
  };
}

function* compareIndexForm(from: Index, to: Index): Generator<Difference> {
  const { schema, table, name } = from;
  if (to.name === name && hasSameForm(from, to)) return;
  const object = formatPath(schema, table);
  const common = {
    object,
    source: from.definition,
    target: to.definition,
    lost: [{ kind: 'indexes', from, to }] satisfies LostObject[],
    names: [name],
    table: [schema, table] as const,
    columns: from.columns,
  };
  if (to.deferrable && !from.deferrable)
    yield {
      ...common,
      id: 'missing-unique-index',
      message: `${formatPath(to.name)} on ${object} (${formatNames(from.columns)}) is deferrable here, so ON CONFLICT cannot use it; in the source it is not deferrable.`,
    };
  else if (to.constraint && formatDeferrability(from) !== formatDeferrability(to) && from.deferrable)
    yield {
      ...common,
      id: from.primary ? 'missing-primary-key' : 'missing-unique-index',
      message: `${formatPath(to.name)} on ${object} (${formatNames(from.columns)}) is ${formatDeferrability(to)} here and ${formatDeferrability(from)} in the source.`,
    };
  else if (from.primary && !to.primary)
    yield {
      ...common,
      id: 'missing-primary-key',
      message: `${object} has no primary key; in the source it has ${formatPath(name)} on (${formatNames(from.columns)}).`,
    };
  else if (from.constraint && !to.constraint)
    yield {
      ...common,
      id: 'constraint-renamed',
      message: `${formatPath(name)} on ${object} is a constraint in the source and only a unique index here${to.name === name ? '' : `, ${formatPath(to.name)}`}.`,
    };
  else if (to.name !== name)
    yield {
      ...common,
      id: 'constraint-renamed',
      ...(from.primary ? { isHabit: true as const } : {}),
      message: `${formatPath(name)} on ${object} is called ${formatPath(to.name)} here.`,
    };
}
