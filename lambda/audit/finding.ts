/** What an audit finds. */
import type { Mend } from './mend';

/**
 * How sure it is, the surest first.
 * - `A`: proved. A statement fails when it is planned, or the data or the catalogue contradicts the schema
 * - `B`: lost. The source has it
 * - `C`: odd one out. Its siblings have it
 * - `D`: a habit that many schemas do not follow; said only to who asks
 */
export const GRADES = ['A', 'B', 'C', 'D'] as const;
export type Grade = (typeof GRADES)[number];

export interface Finding {
  readonly grade: Grade;
  /** `schema.table`, `schema.table.column`, or the name of what belongs to no table; quoted only where needed. */
  readonly object: string;
  /** A sentence. */
  readonly message: string;
  /** What shows it, lines: statements without values, definitions, counts. Never a value of a row. */
  readonly evidence: readonly string[];
  /** What mends it. @default - no migration does: {@link Audit.unwritten} */
  readonly mend?: Mend;
}
