/**
 * 23505 on a key of several columns, one of which takes its values from a sequence: (tenant, id), or (id, day) on partitions.
 * No index may find the highest id, so the table is read, for a short time only.
 */
import type { Diagnosis } from '../../contract/diagnosis';
import { type Database, SqlError } from '../../postgres/database';
import type { Column, Relation } from '../relations';
import { LOOKAHEAD, type SequenceSeen } from '../sequences';

export interface CompositeKey {
  readonly row: Relation;
  /** The one that takes its values from a sequence. */
  readonly column: Column;
}

/** Columns of the unique indexes of this name that take their values from a sequence: of a partition, its root's. */
export const compositeKeys = (relations: readonly Relation[], constraint: string): readonly CompositeKey[] =>
  relations.flatMap((row) =>
    row.uniqueIndexes
      .filter(({ name, keys }) => keys.length > 1 && unquoted(name) === constraint)
      .flatMap(({ keys }) =>
        keys.flatMap((key) => fromSequence([row, ...above(row, relations)], key.column) ?? []),
      ),
  );

const above = (row: Relation, relations: readonly Relation[]): readonly Relation[] =>
  row.ancestors.flatMap((oid) => relations.find((each) => each.oid === oid) ?? []);

function fromSequence(tables: readonly Relation[], name: string | null): CompositeKey | undefined {
  const all = tables.flatMap((row) => row.columns.map((column) => ({ row, column })));
  return all.findLast(
    ({ column }) =>
      column.name === name && column.sequence !== null && (column.sequence.used || column.identity),
  );
}

const unquoted = (name: string): string => name.replace(/^"(.*)"$/s, '$1').replaceAll('""', '"');

const READ_MS = '3000';

/**
 * - `behind`: one of the next values of the sequence is in the column
 * - `far`: a sequence set above the highest value would have less than a tenth of its values left
 */
export type Position = 'behind' | 'far' | 'ahead' | 'unseen';

export async function positionOf(db: Database, { row, column }: CompositeKey): Promise<Position> {
  const { sql, increment } = column.sequence!;
  // Downwards, or over rows that a policy hides, nothing is said.
  if (increment < 1) return 'unseen';
  try {
    const [found] = await db.query<{ taken: boolean | null; far: boolean | null }>(
      `SELECT CASE WHEN row_security_active($1::regclass) THEN NULL ELSE d.taken END AS taken,
         d.edge - s.last_value > 0.9 * (q.seqmax::numeric - s.last_value) AS far
       FROM ${sql} s, pg_sequence q, LATERAL (SELECT max(t.${column.sql})::numeric AS edge,
           bool_or(t.${column.sql} > s.last_value - (NOT s.is_called)::int
             AND t.${column.sql}::numeric <= s.last_value + ${LOOKAHEAD}::numeric * q.seqincrement
             AND (t.${column.sql} - s.last_value) % q.seqincrement = 0) AS taken FROM ${row.sql} t) d
       WHERE q.seqrelid = $2::regclass AND NOT q.seqcycle`,
      [row.sql, sql],
      { statement_timeout: READ_MS },
    );
    if (found === undefined || found.taken === null) return found?.far === null ? 'ahead' : 'unseen';
    return !found.taken ? 'ahead' : found.far === true ? 'far' : 'behind';
  } catch (error) {
    // No right, or a table that is too large to be read now.
    if (error instanceof SqlError && ['42501', '57014'].includes(error.sqlstate)) return 'unseen';
    throw error;
  }
}

export const seenAs = ({ row, column }: CompositeKey): SequenceSeen => ({
  table: row.sql,
  column: column.sql,
  sequence: column.sequence!.sql,
  increment: column.sequence!.increment,
  taken: true,
});

/** What a person can compare, where nobody has looked. */
export const notCompared = ({ row, column }: CompositeKey): Diagnosis['unseen'][number] =>
  `${row.sql}.${column.sql} belongs to the key and takes its values from ${column.sequence!.sql}. Whether this sequence is ` +
  'behind the highest value could not be seen.';
