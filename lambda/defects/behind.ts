/** Sequences that are behind their column, or behind those of the source. Pure. */
import type { Catalogue } from '../audit/catalogue';
import type { Sequence } from '../audit/catalogue/sequences';
import type { Evidence } from '../audit/evidence';
import type { Finding } from '../audit/finding';
import { key, path, pathOf } from '../audit/names';
import type { Position } from '../audit/positions';

export function behindSource({ target, source, data }: Evidence): readonly Finding[] {
  const sure = data.behind.map(
    ({ sequence, table, column }): Finding => ({
      grade: 'A',
      object: path(table.schema, table.name, column),
      message: `Sequence ${pathOf(sequence)} is behind ${path(table.schema, table.name, column)}: one of its next values is already taken.`,
      evidence: [],
      mend: { what: 'catch up', sequence, column: { schema: table.schema, table: table.name, column } },
    }),
  );
  if (source === null) return sure;
  const known = new Set(data.behind.map(({ sequence }) => pathOf(sequence)));
  const here = byUser(target.catalogue);
  const positions = new Map(target.positions.map((each) => [key(each.schema, each.name), each]));
  const before = new Map(source.positions.map((each) => [key(each.schema, each.name), each]));
  const behind = source.catalogue.sequences.flatMap((sequence): Finding[] => {
    const was = before.get(key(sequence.schema, sequence.name));
    const now = here(sequence);
    // One that never gave a value is nobody's measure.
    if (!was?.isCalled || now === undefined || known.has(pathOf(now))) return [];
    const is = positions.get(key(now.schema, now.name));
    if (is === undefined || !isBehind(sequence, given(was, sequence), given(is, now))) return [];
    const [user] = usersOf(now);
    return [
      {
        grade: 'B',
        object: user ? path(user.schema, user.table, user.column) : pathOf(now),
        message: `Sequence ${pathOf(now)} has come less far than in the source: it will give values again.`,
        evidence: [
          `in the source: ${was.lastValue}`,
          `here: ${is.lastValue}${is.isCalled ? '' : ', not yet given'}`,
        ],
        mend: { what: 'advance', sequence: now, to: was.lastValue },
      },
    ];
  });
  return [...sure, ...behind];
}

/** The last value that was given, in the sequence's own steps. */
const given = ({ lastValue, isCalled }: Position, { increment }: Sequence): bigint =>
  isCalled ? BigInt(lastValue) : BigInt(lastValue) - BigInt(increment);

const isBehind = ({ increment, cycle }: Sequence, was: bigint, is: bigint): boolean =>
  !cycle && (BigInt(increment) > 0n ? is < was : is > was);

const usersOf = ({ ownedBy, usedBy = [] }: Sequence): NonNullable<Sequence['usedBy']> =>
  ownedBy ? [ownedBy, ...usedBy] : usedBy;

/** That of the same column, whatever it is called; else that of the same name. */
function byUser({ sequences }: Catalogue): (sequence: Sequence) => Sequence | undefined {
  const columns = new Map(
    sequences.flatMap((each) =>
      usersOf(each).map(({ schema, table, column }) => [key(schema, table, column), each] as const),
    ),
  );
  const names = new Map(sequences.map((each) => [key(each.schema, each.name), each]));
  return (sequence) =>
    usersOf(sequence)
      .map(({ schema, table, column }) => columns.get(key(schema, table, column)))
      .find((each) => each !== undefined) ?? names.get(key(sequence.schema, sequence.name));
}
