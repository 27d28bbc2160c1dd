import type { Index } from '../catalogue/indexes';
import { columnOf, key, list, path } from '../names';
import { type Comparison, type Difference, type Lost, only } from './difference';
import { grouped, type Pair } from './pair';
import { sameText } from './text';
import { twinsOf } from './twins';

/** Also those of primary keys and unique constraints: what is unique is decided by the index. */
export function compareIndexes(pair: Pair): Comparison {
  return only(
    [...grouped(pair.source.indexes, ({ schema, table }) => key(schema, table))].flatMap(([table, indexes]) =>
      compareTable(pair, indexes.filter(isCompared), (pair.indexes.get(table) ?? []).filter(isOwn)),
    ),
  );
}

/** That of an exclusion constraint is the constraint's. */
const isOwn = ({ constraint }: Index): boolean => constraint !== 'exclusion';
const isCompared = (index: Index): boolean => !index.partitionOf && isOwn(index);

function compareTable(pair: Pair, indexes: readonly Index[], here: readonly Index[]): readonly Difference[] {
  const twins = twinsOf(indexes, here, [sameForm, sameShape]);
  return indexes.flatMap((index): readonly Difference[] => {
    const { schema, table, columns } = index;
    if (!pair.hasRelation(schema, table) || pair.isDetached(schema, table)) return [];
    // A materialized view has no columns in the catalogue; an index of a lost column went with it.
    const plainColumns = index.expressions ? columns.flatMap((each) => columnOf(each) ?? []) : columns;
    if (pair.tables.has(key(schema, table)) && !pair.hasColumns(schema, table, plainColumns)) return [];
    const found = twins.get(index);
    if (found === undefined) return [lost(index, here)];
    return found.isTaken ? [besideTaken(index, found.twin, here)] : [...otherForm(index, found.twin)];
  });
}

/** All that it does, without its name. */
const sameShape = (one: Index, other: Index): boolean =>
  one.unique === other.unique &&
  one.nullsNotDistinct === other.nullsNotDistinct &&
  sameText(formOf(one), formOf(other));

const sameForm = (one: Index, other: Index): boolean =>
  one.primary === other.primary &&
  one.constraint === other.constraint &&
  when(one) === when(other) &&
  sameShape(one, other);

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

/** One of several that do the same is missing. */
function besideTaken(index: Index, other: Index, here: readonly Index[]): Difference {
  const missing = lost(index, here);
  if (missing.target || index.primary || (other.deferrable && !index.deferrable)) return missing;
  return {
    ...missing,
    id: 'renamed',
    message: `${path(index.name)} on ${missing.object} is missing; ${path(other.name)}, which does the same, is there.`,
    target: other.definition,
  };
}

function* otherForm(from: Index, to: Index): Generator<Difference> {
  const { schema, table, name } = from;
  if (to.name === name && sameForm(from, to)) return;
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
      message: `${path(name)} on ${object} is called ${path(to.name)} here.`,
    };
}
