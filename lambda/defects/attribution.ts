/** The cause that is assigned to a failing statement. */
import type { FailingStatement } from '../audit/evidence';
import type { RepairInput } from '../audit/repair-input';

/** Ids of the checks whose findings a failing statement can confirm. */
export const ATTRIBUTABLE_IDS = [
  'missing-primary-key-default',
  'not-null-too-early',
  'missing-conflict-target',
  'missing-conflict-predicate',
  'deferrable-arbiter',
  'missing-uuid-function',
  'missing-extension',
  'mismatched-key-types',
  'failing-statement',
] as const;

export type AttributableId = (typeof ATTRIBUTABLE_IDS)[number];

export interface FailureAttribution {
  readonly id: AttributableId;
  readonly object: string;
  readonly message: string;
  /** Additional line of evidence. */
  readonly because?: string;
  readonly statement: FailingStatement;
  /**
   * The data from which the repairing migration is written.
   * @default - no migration repairs it
   */
  readonly repair?: RepairInput;
}
