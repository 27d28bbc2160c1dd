/**
 * Diagnoses 23505 on a key of several columns, one of which takes its values from a sequence: (tenant, id), or (id,
 * day) on partitions. There may be no index to find the highest id, so the table is read, with a short timeout.
 */
import type { Diagnosis } from '../../contract/diagnosis';
import type { Database } from '../../postgres/database';
import { quoteLiteral } from '../../sql/quote';
import type { Column, Relation } from '../relations';
import { askForRow, LOOKAHEAD_VALUES, type SequenceStatus } from '../sequence-status';

export interface CompositeKeyColumn {
  readonly row: Relation;
  /** Column that takes its values from a sequence. */
  readonly column: Column;
}

/**
 * Returns the columns of the unique indexes of this name that take their values from a sequence. For a partition, the
 * sequence may be its root's.
 */
export const findCompositeKeys = (
  relations: readonly Relation[],
  constraint: string,
): readonly CompositeKeyColumn[] =>
  relations.flatMap((row) =>
    row.uniqueIndexes
      .filter(({ name, keys }) => keys.length > 1 && stripQuotes(name) === constraint)
      .flatMap(({ keys }) =>
        keys.flatMap((key) => findSequenceKey([row, ...listAncestors(row, relations)], key.column) ?? []),
      ),
  );

const listAncestors = (row: Relation, relations: readonly Relation[]): readonly Relation[] =>
  row.ancestors.flatMap((oid) => relations.find((each) => each.oid === oid) ?? []);

function findSequenceKey(tables: readonly Relation[], name: string | null): CompositeKeyColumn | undefined {
  const all = tables.flatMap((row) => row.columns.map((column) => ({ row, column })));
  return all.findLast(
    ({ column }) =>
      column.name === name && column.sequence !== null && (column.sequence.used || column.identity),
  );
}

const stripQuotes = (name: string): string => name.replace(/^"(.*)"$/s, '$1').replaceAll('""', '"');

/**
 * Position of a sequence relative to its column.
 * - `behind`: one of the sequence's next values is already in the column
 * - `far`: a sequence set above the highest value would have less than a tenth of its values left
 * - `ahead`: none of the next values is in the column
 * - `unseen`: not known; `why` is the reason, if the query was not run or failed
 */
export type SequencePosition =
  | { readonly is: 'behind' | 'far' | 'ahead' }
  | { readonly is: 'unseen'; readonly why?: string };

export async function readSequencePosition(
  db: Database,
  { row, column }: CompositeKeyColumn,
): Promise<SequencePosition> {
  const { sql, increment } = column.sequence!;
  // Descending sequences, and tables whose rows a policy hides, are not checked.
  if (increment < 1) return { is: 'unseen' };
  const answer = await askForRow<{ taken: boolean | null; far: boolean | null }>(
    db,
    `SELECT CASE WHEN row_security_active(${quoteLiteral(row.sql)}::regclass) THEN NULL ELSE d.taken END AS taken,
         d.edge - s.last_value > 0.9 * (q.seqmax::numeric - s.last_value) AS far
       FROM ${sql} s, pg_sequence q, LATERAL (SELECT max(t.${column.sql})::numeric AS edge,
           bool_or(t.${column.sql} > s.last_value - (NOT s.is_called)::int
             AND t.${column.sql}::numeric <= s.last_value + ${LOOKAHEAD_VALUES}::numeric * q.seqincrement
             AND (t.${column.sql} - s.last_value) % q.seqincrement = 0) AS taken FROM ${row.sql} t) d
       WHERE q.seqrelid = ${quoteLiteral(sql)}::regclass AND NOT q.seqcycle`,
  );
  if (answer.refused !== undefined) return { is: 'unseen', why: answer.refused };
  const found = answer.row;
  if (found === undefined || found.taken === null) return { is: found?.far === null ? 'ahead' : 'unseen' };
  return { is: !found.taken ? 'ahead' : found.far === true ? 'far' : 'behind' };
}

export const toSequenceStatus = ({ row, column }: CompositeKeyColumn): SequenceStatus => ({
  table: row.sql,
  column: column.sql,
  sequence: column.sequence!.sql,
  increment: column.sequence!.increment,
  taken: true,
});

/** Tells a person what to compare if the sequence could not be checked. @param why the reason, if it is known */
export const describeNotCompared = (
  { row, column }: CompositeKeyColumn,
  why: string | undefined,
): Diagnosis['notChecked'][number] =>
  `${row.sql}.${column.sql} belongs to the key and takes its values from ${column.sequence!.sql}. It is not known ` +
  `whether this sequence is behind the highest value${why === undefined ? '' : `: ${why}`}.`;
