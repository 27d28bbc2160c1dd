import type { ColumnReference, Sequence } from '../catalogue/sequences';
import { generatorOf } from '../generators';
import { key, path } from '../names';
import { type Comparison, type Difference, type Lost, only } from './difference';
import type { Pair } from './pair';

/** An identity's sequence is part of its column; so is one that only a default uses that is gone, or was replaced. */
export function compareSequences(pair: Pair): Comparison {
  const here = new Map(pair.target.sequences.map((each) => [key(each.schema, each.name), each]));
  return only(
    pair.source.sequences.flatMap((sequence): readonly Difference[] => {
      const { schema, name, identity } = sequence;
      if (identity || !pair.hasSchema(schema)) return [];
      const found = here.get(key(schema, name));
      if (found) return [...changes(pair, sequence, found)];
      return isPartOfColumn(pair, sequence) ? [] : [lost(sequence)];
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
