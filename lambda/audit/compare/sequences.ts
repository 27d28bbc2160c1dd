import type { Sequence } from '../catalogue/sequences';
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
      if (found) return [...changes(sequence, found)];
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
      return (
        now === undefined || generatorOf(now) === null || now.identity !== undefined || usedBy.length > 0
      );
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

function* changes(from: Sequence, to: Sequence): Generator<Difference> {
  const object = path(from.schema, from.name);
  const common = { object, names: [from.name], lost: [{ kind: 'sequences', from, to }] satisfies Lost[] };
  if (from.ownedBy && !to.ownedBy && !to.identity)
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
  else if (describe(from) !== describe(to))
    yield {
      ...common,
      id: 'sequence-lost',
      message: `Sequence ${object} counts otherwise than in the source.`,
      source: describe(from),
      target: describe(to),
    };
}

const describe = ({ type, increment, min, max, cycle }: Sequence): string =>
  `AS ${type} INCREMENT ${increment} MINVALUE ${min} MAXVALUE ${max}${cycle ? ' CYCLE' : ''}`;
