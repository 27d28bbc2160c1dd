import type { Index } from '../catalogue/indexes';
import { columnOf, key, list, path } from '../names';
import { type Comparison, type Difference, type Lost, only } from './difference';
import type { Pair } from './pair';
import { sameText } from './text';

/** Also those of primary keys and unique constraints: what is unique is decided by the index. */
export function compareIndexes(pair: Pair): Comparison {
  const known = new Set(pair.source.indexes.map(keyOf));
  return only(
    pair.source.indexes.flatMap((index): readonly Difference[] => {
      const { schema, table, name, columns, partitionOf, constraint } = index;
      if (partitionOf || constraint === 'exclusion' || pair.isPartition(schema, table)) return [];
      if (!pair.hasRelation(schema, table)) return [];
      // A materialized view has no columns in the catalogue; an index of a lost column went with it.
      const plainColumns = index.expressions ? columns.flatMap((each) => columnOf(each) ?? []) : columns;
      if (pair.tables.has(key(schema, table)) && !pair.hasColumns(schema, table, plainColumns)) return [];
      const here = pair.indexes.get(key(schema, table)) ?? [];
      const alike = here.filter((each) => sameShape(each, index));
      // One that the source has as well, under its own name, is not this one under another.
      const twin =
        alike.find((each) => each.name === name) ?? alike.find((each) => !known.has(keyOf(each))) ?? alike[0];
      if (twin === undefined) return [lost(index, here)];
      return [...otherForm(index, twin, known.has(keyOf(twin)))];
    }),
  );
}

const keyOf = ({ schema, name }: Index): string => key(schema, name);

/** All that it does, without its name. */
const sameShape = (one: Index, other: Index): boolean =>
  one.unique === other.unique &&
  one.nullsNotDistinct === other.nullsNotDistinct &&
  sameText(formOf(one), formOf(other));

const formOf = ({ definition, method }: Index): string =>
  definition.slice(Math.max(0, definition.indexOf(` USING ${method} (`)));

function lost(index: Index, here: readonly Index[]): Difference {
  const { schema, table, name, definition, columns, predicate, primary, unique, constraint } = index;
  const object = path(schema, table);
  const same = here.find((each) => (primary ? each.primary : each.name === name));
  const what = primary ? 'Primary key' : constraint ? 'Unique constraint' : unique ? 'Unique index' : 'Index';
  const on = `${what} ${path(name)} on ${object} (${columns.map((each) => (index.expressions ? each : path(each))).join(', ')})${predicate ? ` WHERE ${predicate}` : ''}`;
  return {
    id: primary ? 'primary-key-lost' : unique ? 'unique-lost' : 'index-lost',
    object,
    message: same ? `${on} is another one here.` : `${on} is missing.`,
    source: definition,
    target: same?.definition ?? null,
    lost: [{ kind: 'indexes', from: index, ...(same ? { to: same } : {}) }],
    names: [name],
    table: [schema, table],
    columns: index.expressions ? columns.map((each) => columnOf(each) ?? each) : columns,
  };
}

/** When it is checked. */
const when = ({ deferrable, initiallyDeferred }: Index): string =>
  initiallyDeferred ? 'INITIALLY DEFERRED' : deferrable ? 'DEFERRABLE' : 'NOT DEFERRABLE';

function* otherForm(from: Index, to: Index, isAnother: boolean): Generator<Difference> {
  const { schema, table, name } = from;
  const isSame =
    to.name === name &&
    when(from) === when(to) &&
    from.primary === to.primary &&
    from.constraint === to.constraint;
  if (isSame) return;
  const object = path(schema, table);
  const common = {
    object,
    source: from.definition,
    target: to.definition,
    lost: [{ kind: 'indexes', from, to }] satisfies Lost[],
    names: [name],
    table: [schema, table] as const,
    columns: from.columns,
  };
  if (to.deferrable && !from.deferrable)
    yield {
      ...common,
      id: 'unique-lost',
      message: `${path(to.name)} on ${object} (${list(from.columns)}) is deferrable here, so ON CONFLICT cannot use it; in the source it can.`,
    };
  else if (to.constraint && when(from) !== when(to) && from.deferrable)
    yield {
      ...common,
      id: from.primary ? 'primary-key-lost' : 'unique-lost',
      message: `${path(to.name)} on ${object} (${list(from.columns)}) is ${when(to)} here, and ${when(from)} in the source.`,
    };
  else if (from.primary && !to.primary)
    yield {
      ...common,
      id: 'primary-key-lost',
      message: `${object} has no primary key; in the source it has ${path(name)} on (${list(from.columns)}).`,
    };
  else if (from.constraint && !to.constraint)
    yield {
      ...common,
      id: 'renamed',
      message: `${path(name)} on ${object} is a constraint in the source, and only a unique index here${to.name === name ? '' : `, ${path(to.name)}`}.`,
    };
  else if (to.name !== name)
    yield {
      ...common,
      id: 'renamed',
      ...(from.primary ? { isHabit: true as const } : {}),
      message: isAnother
        ? `${path(name)} on ${object} is missing; ${path(to.name)}, which does the same, is there.`
        : `${path(name)} on ${object} is called ${path(to.name)} here.`,
    };
}
