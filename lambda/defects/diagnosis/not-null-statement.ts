/** A statement, the table that it names, and the table and column that received the NULL. */

import type { AssignedValue } from '../../sql/assigned-values';
import { type ParsedInsert, type ParsedUpdate, parseInserts, parseUpdates } from '../../sql/insert';
import type { Column, Relation } from '../relations';
import { findStatementName, type WrittenTable } from '../targets';

export type ParsedWrite = ParsedInsert | (ParsedUpdate & { readonly form: 'UPDATE' });

export interface StatementContext {
  /** Table that the error names. */
  readonly row: Relation;
  /** Tables that it is a partition or child of. */
  readonly roots: readonly Relation[];
  readonly column: Column;
  /** The write, or null if the statement does not write to this table itself. */
  readonly write: ParsedWrite | null;
  readonly target: WrittenTable | null;
  readonly user: string;
}

export const parseWrites = (statement: string): readonly ParsedWrite[] => [
  ...parseInserts(statement),
  ...parseUpdates(statement).map((update) => ({ ...update, form: 'UPDATE' as const })),
];

/**
 * The way in which the statement assigns the column.
 * - `left-out`: an INSERT does not name it
 * - `kept`: an UPDATE does not set it
 * - `updated`: the INSERT part would not fail because of it, and DO UPDATE sets it
 * - `unseen`: the statement does not show it
 */
export type ColumnAssignment = AssignedValue | 'left-out' | 'kept' | 'updated' | 'unseen';

/** Marks that normalize() leaves for a withheld literal or a cut. */
const WITHHELD_MARKS = ['?', '…'];
const isWithheld = (columns: readonly string[]): boolean =>
  columns.some((each) => WITHHELD_MARKS.includes(each));

export function resolveAssignment({ write, target, column }: StatementContext): ColumnAssignment {
  if (write === null || target === null || target.opaque !== null) return 'unseen';
  const name = findStatementName(target, column.name);
  if (write.form === 'UPDATE') {
    if (name === null) return 'kept';
    return write.sets.get(name) ?? (isWithheld([...write.sets.keys()]) ? 'unseen' : 'kept');
  }
  const inserted = resolveInsertAssignment(write, target, name);
  const updated = name === null ? undefined : write.updates.get(name);
  const fails =
    inserted === 'left-out' ||
    inserted === 'default' ||
    inserted === 'null' ||
    inserted === 'some-null' ||
    inserted === 'expression';
  return updated !== undefined && updated !== 'literal' && !fails ? 'updated' : inserted;
}

function resolveInsertAssignment(
  write: ParsedInsert,
  target: WrittenTable,
  name: string | null,
): ColumnAssignment {
  if (name === null) return 'left-out';
  const { columns, gives } = write;
  if (columns === null) {
    if (gives === null) return write.form === 'COPY' ? 'expression' : 'unseen';
    const position = target.named.columns.find((each) => each.name === name)?.position ?? 0;
    return gives[position - 1] ?? 'left-out';
  }
  const at = columns.indexOf(name);
  if (at < 0) return isWithheld(columns) ? 'unseen' : 'left-out';
  return gives?.[at] ?? 'expression';
}
