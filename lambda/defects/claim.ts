/** What one failing statement is taken for. */
import type { FailingStatement } from '../audit/evidence';
import type { Mend } from '../audit/mend';

/** Kinds that a failing statement shows. */
export const CLAIMED = [
  'missing-id-default',
  'premature-not-null',
  'missing-conflict-target',
  'conflict-predicate',
  'deferrable-arbiter',
  'missing-uuid-function',
  'extension-missing',
  'mismatched-key-types',
  'statement-fails',
] as const;

export type ClaimedId = (typeof CLAIMED)[number];

export interface Claim {
  readonly id: ClaimedId;
  readonly object: string;
  readonly message: string;
  /** More lines of evidence. */
  readonly because?: string;
  readonly statement: FailingStatement;
  /** What mends it. @default - no migration does */
  readonly mend?: Mend;
}
