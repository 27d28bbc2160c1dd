/** Converts the automatic row numbers of an SQLite table to a PostgreSQL sequence. Pure. */
import type { Catalog } from '../../../../lambda/audit/catalog';
import type { Column } from '../../../../lambda/audit/catalog/columns';
import type { ColumnReference, Sequence } from '../../../../lambda/audit/catalog/sequences';
import { readKeyGenerator } from '../../../../lambda/audit/generators';
import { joinKey } from '../../../../lambda/audit/names';
import type { SequenceValue } from '../../../../lambda/audit/positions';
import type { TableMapping } from './keys';

export interface SequenceMapping {
  readonly sequence: Sequence;
  /**
   * Last number that SQLite assigned.
   * @default - unknown
   */
  readonly position?: SequenceValue;
}

/**
 * Maps an automatically numbered column to the target's sequence, or to the sequence that an identity column would get
 * there, and returns SQLite's current number. Returns `undefined` if the table has no such column.
 */
export function mapSequence(
  { table, name, names, target }: TableMapping,
  here: ReadonlyMap<string, Column>,
): SequenceMapping | undefined {
  if (table.numbered === null) return undefined;
  const { schema } = names;
  const column = { schema, table: name, column: names.column(table.name, table.numbered.column) };
  const isNumberedColumn = (each: ColumnReference | undefined): boolean =>
    each?.schema === schema && each.table === name && each.column === column.column;
  const found =
    target.sequences.find(({ identity, ownedBy, usedBy = [] }) =>
      identity ? isNumberedColumn(ownedBy) : usedBy.some(isNumberedColumn),
    ) ?? target.sequences.find(({ ownedBy }) => isNumberedColumn(ownedBy));
  // A column with another default does not use a sequence.
  const now = here.get(joinKey(schema, name, column.column));
  if (found === undefined && now && readKeyGenerator(now)) return undefined;
  const sequence =
    found === undefined
      ? buildIdentitySequence(target, column)
      : found.identity
        ? found
        : { ...found, usedBy: [...(found.usedBy ?? []).filter((each) => !isNumberedColumn(each)), column] };
  const { last } = table.numbered;
  if (last === null) return { sequence };
  return {
    sequence,
    position: { schema: sequence.schema, name: sequence.name, lastValue: String(last), isCalled: true },
  };
}

function buildIdentitySequence({ sequences }: Catalog, ownedBy: ColumnReference): Sequence {
  const { schema, table, column } = ownedBy;
  const taken = new Set(sequences.filter((each) => each.schema === schema).map(({ name }) => name));
  let name = `${table}_${column}_seq`;
  for (let i = 1; taken.has(name); i++) name = `${table}_${column}_seq${i}`;
  return { ...SEQUENCE_DEFAULTS, schema, name, ownedBy, identity: true };
}

const SEQUENCE_DEFAULTS = {
  type: 'bigint',
  start: '1',
  increment: '1',
  min: '1',
  max: '9223372036854775807',
  cache: '1',
} as const;
