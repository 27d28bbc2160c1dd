import type { ColumnReference, Sequence } from '../catalog/sequences';
import { readKeyGenerator } from '../generators';
import { formatPath, joinKey } from '../names';
import { type Comparison, type Difference, type LostObject, makeComparison } from './difference';
import type { CatalogPair } from './pair';

/**
 * Compares sequences. A sequence is compared with its column if an identity owns it, or if it only served a default
 * that was dropped or replaced.
 */
export function compareSequences(pair: CatalogPair): Comparison {
  const here = new Map(pair.target.sequences.map((each) => [joinKey(each.schema, each.name), each]));
  const byColumn = new Map(
    pair.target.sequences.flatMap((each) => listColumnsUsing(each).map((column) => [column, each] as const)),
  );
  return makeComparison(
    pair.source.sequences.flatMap((sequence): readonly Difference[] => {
      const { schema, name, identity } = sequence;
      if (!pair.hasSchema(schema)) return [];
      const found = identity ? undefined : here.get(joinKey(schema, name));
      if (found) return [...compareSequence(pair, sequence, found)];
      if (!identity && !isPartOfColumn(pair, sequence)) return [makeLostSequence(sequence)];
      return [...compareColumnSequence(sequence, byColumn)];
    }),
  );
}

function isPartOfColumn(pair: CatalogPair, { ownedBy, usedBy = [] }: Sequence): boolean {
  const users = ownedBy ? [ownedBy, ...usedBy] : usedBy;
  // Changes to these columns are reported for the columns.
  return (
    users.length > 0 &&
    users.every(({ schema, table, column }) => {
      const now = pair.columns.get(joinKey(schema, table, column));
      if (now === undefined || now.identity !== undefined || usedBy.length > 0) return true;
      return readKeyGenerator(now) === null && isGenerated(pair, { schema, table, column });
    })
  );
}

/** Returns the keys of the columns that take their values from the sequence. */
const listColumnsUsing = ({ identity, ownedBy, usedBy = [] }: Sequence): string[] =>
  [...(identity && ownedBy ? [ownedBy] : []), ...usedBy].map(({ schema, table, column }) =>
    joinKey(schema, table, column),
  );

/**
 * Compares the options of two sequences that serve the same column. The target's may have another name or belong to an
 * identity. A difference is another increment, for example.
 */
function* compareColumnSequence(
  from: Sequence,
  byColumn: ReadonlyMap<string, Sequence>,
): Generator<Difference> {
  const [column, ...more] = listColumnsUsing(from);
  const to = column === undefined || more.length > 0 ? undefined : byColumn.get(column);
  if (to === undefined || listColumnsUsing(to).length > 1 || isEquivalentSequence(from, to)) return;
  const { start, increment, min, max, cycle } = from;
  const up = BigInt(increment) > 0n;
  const turned = up !== BigInt(to.increment) > 0n;
  const ends = cycle ? { min, max, cycle } : turned ? { min, max } : up ? { min } : { max };
  const { cycle: _, ...rest } = to;
  const object = formatPath(to.schema, to.name);
  yield {
    id: 'missing-sequence',
    object,
    names: [to.name],
    message: `The options of sequence ${object} differ from the source.`,
    source: formatSequence(from),
    target: formatSequence(to),
    // The target's sequence with the source's options. Its name and its outer limit remain the target's.
    lost: [{ kind: 'sequences', from: { ...rest, start, increment, ...ends }, to }],
  };
}

const makeLostSequence = (sequence: Sequence): Difference => {
  const object = formatPath(sequence.schema, sequence.name);
  return {
    id: 'missing-sequence',
    object,
    message: `Sequence ${object} is missing.`,
    source: formatSequence(sequence),
    target: null,
    lost: [{ kind: 'sequences', from: sequence }],
    names: [sequence.name],
  };
};

function* compareSequence(pair: CatalogPair, from: Sequence, to: Sequence): Generator<Difference> {
  const object = formatPath(from.schema, from.name);
  const common = {
    object,
    names: [from.name],
    lost: [{ kind: 'sequences', from, to }] satisfies LostObject[],
  };
  // Without the column, there is nothing that could own the sequence.
  if (from.ownedBy && !to.ownedBy && !to.identity && hasColumn(pair, from.ownedBy))
    yield {
      ...common,
      id: 'sequence-unowned',
      message: `Sequence ${object} is not owned by a column; in the source it is owned by ${formatPath(from.ownedBy.schema, from.ownedBy.table, from.ownedBy.column)}.`,
      source: null,
      target: null,
    };
  if (BigInt(to.max) < BigInt(from.max))
    yield {
      ...common,
      id: 'sequence-too-small',
      message: `Sequence ${object} ends at ${to.max}; in the source it ends at ${from.max}.`,
      source: null,
      target: null,
    };
  else if (!isEquivalentSequence(from, to))
    yield {
      ...common,
      id: 'missing-sequence',
      message: `The options of sequence ${object} differ from the source.`,
      source: formatSequence(from),
      target: formatSequence(to),
    };
}

/**
 * Whether the column generates its values in the source. A column that owns a sequence without a default leaves this to
 * the application.
 */
function isGenerated({ source }: CatalogPair, { schema, table, column }: ColumnReference): boolean {
  const before = source.columns.find(
    (each) => each.schema === schema && each.table === table && each.name === column,
  );
  return before !== undefined && readKeyGenerator(before) !== null;
}

const hasColumn = ({ columns }: CatalogPair, { schema, table, column }: ColumnReference): boolean =>
  columns.has(joinKey(schema, table, column));

/** Whether two sequences count in the same way. A wider range in the target is not a difference. */
const isEquivalentSequence = (from: Sequence, to: Sequence): boolean =>
  from.increment === to.increment &&
  from.cycle === to.cycle &&
  (BigInt(from.increment) > 0n
    ? from.min === to.min && (!from.cycle || from.max === to.max)
    : from.max === to.max && BigInt(to.min) <= BigInt(from.min));

const formatSequence = ({ type, increment, min, max, cycle }: Sequence): string =>
  `AS ${type} INCREMENT ${increment} MINVALUE ${min} MAXVALUE ${max}${cycle ? ' CYCLE' : ''}`;
