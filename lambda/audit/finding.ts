/** Findings of an audit. */
import type { RepairInput } from './repair-input';

/**
 * Certainty of a finding, from the highest.
 * - `A`: confirmed. A statement fails when it is planned, or the data or the catalog contradicts the schema
 * - `B`: missing. The source has the object
 * - `C`: inconsistent. Similar objects have what this one lacks
 * - `D`: informational. Many healthy schemas have the same; only reported on request
 */
export const CONFIDENCES = ['A', 'B', 'C', 'D'] as const;
export type Confidence = (typeof CONFIDENCES)[number];

export interface Finding {
  readonly confidence: Confidence;
  /**
   * Object: `schema.table`, `schema.table.column`, or the name of an object without a table. Quoted only where needed.
   */
  readonly object: string;
  /** Message of the finding, as a sentence. */
  readonly message: string;
  /** Evidence as lines: statements without values, definitions, counts. It never contains a value of a row. */
  readonly evidence: readonly string[];
  /**
   * The data from which the repairing migration is written.
   * @default - no migration repairs the finding: {@link KindAudit.unwritten}
   */
  readonly repair?: RepairInput;
}
