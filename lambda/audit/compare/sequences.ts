import type { ColumnReference, Sequence } from '../catalogue/sequences';
import { generatorOf } from '../generators';
import { key, path } from '../names';
import { type Comparison, type Difference, type Lost, only } from './difference';
import type { Pair } from './pair';

/** An identity's sequence is part of its column; so is one that only a default uses that is gone, or was replaced. */
export function compareSequences(pair: Pair): Comparison {
  const here = new Map(pair.target.sequences.map((each) => [key(each.schema, each.name), each]));
  const byColumn = new Map(
    pair.target.sequences.flatMap((each) => columnsOf(each).map((column) => [column, each] as const)),
  );
  return only(
    pair.source.sequences.flatMap((sequence): readonly Difference[] => {
      const { schema, name, identity } = sequence;
      if (!pair.hasSchema(schema)) return [];
      const found = identity ? undefined : here.get(key(schema, name));
      if (found) return [...changes(pair, sequence, found)];
      if (!identity && !isPartOfColumn(pair, sequence)) return [lost(sequence)];
      return [...countsOtherwise(sequence, byColumn)];
    }),
  );
}

function isPartOfColumn(pair: Pair, { ownedBy, usedBy = [] }: Sequence): boolean {
  const users = ownedBy ? [ownedBy, ...usedBy] : usedBy;
  // Whatever became of these columns is said of them.
  return (
    users.length > 0 &&
    users.every(({ schema, table, column }) => {
      const now = pair.columns.get(key(schema, table, column));
      if (now === undefined || now.identity !== undefined || usedBy.length > 0) return true;
      return generatorOf(now) === null && isGenerated(pair, { schema, table, column });
    })
  );
}

/** Columns that take their values from it, and no other: their names, as keys. */
const columnsOf = ({ identity, ownedBy, usedBy = [] }: Sequence): string[] =>
  [...(identity && ownedBy ? [ownedBy] : []), ...usedBy].map(({ schema, table, column }) =>
    key(schema, table, column),
  );

/** The sequence of a column, which may have another name and be an identity's: it goes on in steps of another size, say. */
function* countsOtherwise(from: Sequence, byColumn: ReadonlyMap<string, Sequence>): Generator<Difference> {
  const [column, ...more] = columnsOf(from);
  const to = column === undefined || more.length > 0 ? undefined : byColumn.get(column);
  if (to === undefined || columnsOf(to).length > 1 || countsAlike(from, to)) return;
  const { start, increment, min, max, cycle } = from;
  const up = BigInt(increment) > 0n;
  const turned = up !== BigInt(to.increment) > 0n;
  const ends = cycle ? { min, max, cycle } : turned ? { min, max } : up ? { min } : { max };
  const { cycle: _, ...rest } = to;
  const object = path(to.schema, to.name);
  yield {
    id: 'sequence-lost',
    object,
    names: [to.name],
    message: `Sequence ${object} counts otherwise than in the source.`,
    source: describe(from),
    target: describe(to),
    // As it would be if it counted so: its name, and how far it goes, are the target's.
    lost: [{ kind: 'sequences', from: { ...rest, start, increment, ...ends }, to }],
  };
}

const lost = (sequence: Sequence): Difference => {
  const object = path(sequence.schema, sequence.name);
  return {
    id: 'sequence-lost',
    object,
    message: `Sequence ${object} is missing.`,
    source: describe(sequence),
    target: null,
    lost: [{ kind: 'sequences', from: sequence }],
    names: [sequence.name],
  };
};

function* changes(pair: Pair, from: Sequence, to: Sequence): Generator<Difference> {
  const object = path(from.schema, from.name);
  const common = { object, names: [from.name], lost: [{ kind: 'sequences', from, to }] satisfies Lost[] };
  // Without the column there is nothing that it could belong to.
  if (from.ownedBy && !to.ownedBy && !to.identity && hasColumn(pair, from.ownedBy))
    yield {
      ...common,
      id: 'sequence-unowned',
      message: `Sequence ${object} belongs to no column; in the source it belongs to ${path(from.ownedBy.schema, from.ownedBy.table, from.ownedBy.column)}.`,
      source: null,
      target: null,
    };
  if (BigInt(to.max) < BigInt(from.max))
    yield {
      ...common,
      id: 'sequence-too-small',
      message: `Sequence ${object} ends at ${to.max}; in the source it goes on to ${from.max}.`,
      source: null,
      target: null,
    };
  else if (!countsAlike(from, to))
    yield {
      ...common,
      id: 'sequence-lost',
      message: `Sequence ${object} counts otherwise than in the source.`,
      source: describe(from),
      target: describe(to),
    };
}

/** In the source. One that owns a sequence and does not use it leaves that to the application. */
function isGenerated({ source }: Pair, { schema, table, column }: ColumnReference): boolean {
  const before = source.columns.find(
    (each) => each.schema === schema && each.table === table && each.name === column,
  );
  return before !== undefined && generatorOf(before) !== null;
}

const hasColumn = ({ columns }: Pair, { schema, table, column }: ColumnReference): boolean =>
  columns.has(key(schema, table, column));

/** One that goes on for longer is as good. */
const countsAlike = (from: Sequence, to: Sequence): boolean =>
  from.increment === to.increment &&
  from.cycle === to.cycle &&
  (BigInt(from.increment) > 0n
    ? from.min === to.min && (!from.cycle || from.max === to.max)
    : from.max === to.max && BigInt(to.min) <= BigInt(from.min));

const describe = ({ type, increment, min, max, cycle }: Sequence): string =>
  `AS ${type} INCREMENT ${increment} MINVALUE ${min} MAXVALUE ${max}${cycle ? ' CYCLE' : ''}`;
