/** A statement, the table that it names, and the table and column in which the NULL arrived. */

import type { Given } from '../../sql/given';
import { type InsertSeen, insertsIn, type UpdateSeen, updatesIn } from '../../sql/insert';
import type { Column, Relation } from '../relations';
import { nameIn, type WrittenTable } from '../targets';

export type Write = InsertSeen | (UpdateSeen & { readonly form: 'UPDATE' });

export interface Sight {
  /** The table that the error names. */
  readonly row: Relation;
  /** What it is a partition or child of. */
  readonly roots: readonly Relation[];
  readonly column: Column;
  /** Null where the statement does not write this table itself. */
  readonly write: Write | null;
  readonly target: WrittenTable | null;
  readonly user: string;
}

export const writesTo = (statement: string): readonly Write[] => [
  ...insertsIn(statement),
  ...updatesIn(statement).map((update) => ({ ...update, form: 'UPDATE' as const })),
];

/**
 * `left-out`: an INSERT does not name it. `kept`: an UPDATE does not set it. `updated`: the INSERT gives it, or leaves it
 * out, and DO UPDATE sets it. `unseen`: the statement does not tell.
 */
export type GivenHere = Given | 'left-out' | 'kept' | 'updated' | 'unseen';

/** What stands where normalize() has withheld or cut something. */
const HIDDEN = ['?', '…'];

export function givenIn({ write, target, column }: Sight): GivenHere {
  if (write === null || target === null || target.opaque !== null) return 'unseen';
  const name = nameIn(target, column.name);
  if (write.form === 'UPDATE') return name === null ? 'kept' : (write.sets.get(name) ?? 'kept');
  const inserted = insertedIn(write, target, name);
  const updated = name === null ? undefined : write.updates.get(name);
  const fails =
    inserted === 'left-out' || inserted === 'default' || inserted === 'null' || inserted === 'expression';
  return updated !== undefined && updated !== 'literal' && !fails ? 'updated' : inserted;
}

function insertedIn(write: InsertSeen, target: WrittenTable, name: string | null): GivenHere {
  if (name === null) return 'left-out';
  const { columns, gives } = write;
  if (columns === null) {
    if (gives === null) return write.form === 'COPY' ? 'expression' : 'unseen';
    const position = target.named.columns.find((each) => each.name === name)?.position ?? 0;
    return gives[position - 1] ?? 'left-out';
  }
  const at = columns.indexOf(name);
  if (at < 0) return columns.some((each) => HIDDEN.includes(each)) ? 'unseen' : 'left-out';
  return gives?.[at] ?? 'expression';
}
