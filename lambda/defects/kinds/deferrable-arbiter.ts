import { listAttributedFindings } from '../attributed-findings';
import type { FindingKind } from '../kind';

export const deferrableArbiter: FindingKind = {
  id: 'deferrable-arbiter',
  title: 'Only a deferrable constraint matches ON CONFLICT',
  impact: 'The INSERT can be planned, but fails with 55000 each time that it runs.',
  origin:
    'The unique constraint was created DEFERRABLE, so that rows may be swapped within a transaction. ON CONFLICT cannot use a deferrable constraint.',
  audit: {
    confidences: { A: 'a statement of the workload would fail' },
    remedy:
      'If nothing defers the constraint, replace it with one that is not deferrable: build a unique index on the same columns CONCURRENTLY, and in one transaction drop the constraint and add it again with this index. An additional index is not enough: ON CONFLICT also chooses the deferrable constraint, and fails.',
    find: (evidence) => listAttributedFindings('deferrable-arbiter', evidence),
  },
};
