/** Finds sequences that are behind their column, or behind the source's sequence. Pure. */
import type { Catalog } from '../audit/catalog';
import type { Sequence } from '../audit/catalog/sequences';
import type { Evidence } from '../audit/evidence';
import type { Finding } from '../audit/finding';
import { formatPath, formatReference, joinKey } from '../audit/names';
import type { SequenceValue } from '../audit/positions';

export function compareWithSourceSequences({ target, source, data }: Evidence): readonly Finding[] {
  const sure = data.behind.map(
    ({ sequence, table, column }): Finding => ({
      confidence: 'A',
      object: formatPath(table.schema, table.name, column),
      message: `Sequence ${formatReference(sequence)} is behind ${formatPath(table.schema, table.name, column)}: one of its next values is already taken.`,
      evidence: [],
      repair: { what: 'catch up', sequence, column: { schema: table.schema, table: table.name, column } },
    }),
  );
  if (source === null) return sure;
  const known = new Set(data.behind.map(({ sequence }) => formatReference(sequence)));
  const here = indexByUsingColumn(target.catalog);
  const positions = new Map(target.positions.map((each) => [joinKey(each.schema, each.name), each]));
  const before = new Map(source.positions.map((each) => [joinKey(each.schema, each.name), each]));
  const behind = source.catalog.sequences.flatMap((sequence): Finding[] => {
    const was = before.get(joinKey(sequence.schema, sequence.name));
    const now = here(sequence);
    // A sequence of the source that has never returned a value does not show anything about the target's.
    if (!was?.isCalled || now === undefined || known.has(formatReference(now))) return [];
    const is = positions.get(joinKey(now.schema, now.name));
    if (
      is === undefined ||
      !isBehind(sequence, computeLastGivenValue(was, sequence), computeLastGivenValue(is, now))
    )
      return [];
    const [user] = listUsingColumns(now);
    return [
      {
        confidence: 'B',
        object: user ? formatPath(user.schema, user.table, user.column) : formatReference(now),
        message: `Sequence ${formatReference(now)} is behind its position in the source: it will return values that were already used.`,
        evidence: [
          `in the source: ${was.lastValue}`,
          `here: ${is.lastValue}${is.isCalled ? '' : ', not returned yet'}`,
        ],
        repair: { what: 'advance', sequence: now, to: was.lastValue },
      },
    ];
  });
  return [...sure, ...behind];
}

/** Returns the last value that nextval returned. Before the first call, it is one step below the start. */
const computeLastGivenValue = ({ lastValue, isCalled }: SequenceValue, { increment }: Sequence): bigint =>
  isCalled ? BigInt(lastValue) : BigInt(lastValue) - BigInt(increment);

const isBehind = ({ increment, cycle }: Sequence, was: bigint, is: bigint): boolean =>
  !cycle && (BigInt(increment) > 0n ? is < was : is > was);

const listUsingColumns = ({ ownedBy, usedBy = [] }: Sequence): NonNullable<Sequence['usedBy']> =>
  ownedBy ? [ownedBy, ...usedBy] : usedBy;

/** Finds the sequence that serves the same column, under any name, or else the sequence of the same name. */
function indexByUsingColumn({ sequences }: Catalog): (sequence: Sequence) => Sequence | undefined {
  const columns = new Map(
    sequences.flatMap((each) =>
      listUsingColumns(each).map(
        ({ schema, table, column }) => [joinKey(schema, table, column), each] as const,
      ),
    ),
  );
  const names = new Map(sequences.map((each) => [joinKey(each.schema, each.name), each]));
  return (sequence) =>
    listUsingColumns(sequence)
      .map(({ schema, table, column }) => columns.get(joinKey(schema, table, column)))
      .find((each) => each !== undefined) ?? names.get(joinKey(sequence.schema, sequence.name));
}
