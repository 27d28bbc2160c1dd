/** What numbers the rows of an SQLite table, as PostgreSQL would have it. Pure. */
import type { Catalogue } from '../../../../lambda/audit/catalogue';
import type { Column } from '../../../../lambda/audit/catalogue/columns';
import type { ColumnReference, Sequence } from '../../../../lambda/audit/catalogue/sequences';
import { generatorOf } from '../../../../lambda/audit/generators';
import { key } from '../../../../lambda/audit/names';
import type { Position } from '../../../../lambda/audit/positions';
import type { Place } from './keys';

export interface Numbers {
  readonly sequence: Sequence;
  /** @default - nobody knows it */
  readonly position?: Position;
}

/** Of a column that numbers rows: the target's sequence, or one such as the target would make, and where SQLite is. */
export function sequenceOf(
  { table, name, names, target }: Place,
  here: ReadonlyMap<string, Column>,
): Numbers | undefined {
  if (table.numbered === null) return undefined;
  const { schema } = names;
  const column = { schema, table: name, column: names.column(table.name, table.numbered.column) };
  const isOf = (each: ColumnReference | undefined): boolean =>
    each?.schema === schema && each.table === name && each.column === column.column;
  const found =
    target.sequences.find(({ identity, ownedBy, usedBy = [] }) =>
      identity ? isOf(ownedBy) : usedBy.some(isOf),
    ) ?? target.sequences.find(({ ownedBy }) => isOf(ownedBy));
  // Another generator takes none.
  const now = here.get(key(schema, name, column.column));
  if (found === undefined && now && generatorOf(now)) return undefined;
  const sequence =
    found === undefined
      ? identitySequence(target, column)
      : found.identity
        ? found
        : { ...found, usedBy: [...(found.usedBy ?? []).filter((each) => !isOf(each)), column] };
  const { last } = table.numbered;
  if (last === null) return { sequence };
  return {
    sequence,
    position: { schema: sequence.schema, name: sequence.name, lastValue: String(last), isCalled: true },
  };
}

function identitySequence({ sequences }: Catalogue, ownedBy: ColumnReference): Sequence {
  const { schema, table, column } = ownedBy;
  const taken = new Set(sequences.filter((each) => each.schema === schema).map(({ name }) => name));
  let name = `${table}_${column}_seq`;
  for (let i = 1; taken.has(name); i++) name = `${table}_${column}_seq${i}`;
  return { ...COUNTS, schema, name, ownedBy, identity: true };
}

const COUNTS = {
  type: 'bigint',
  start: '1',
  increment: '1',
  min: '1',
  max: '9223372036854775807',
  cache: '1',
} as const;
