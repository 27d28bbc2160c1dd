import { claimed } from '../claims';
import type { Kind } from '../kind';

export const deferrableArbiter: Kind = {
  id: 'deferrable-arbiter',
  title: 'ON CONFLICT can only decide by a deferrable constraint',
  impact: 'The INSERT is planned, and fails with 55000 each time that it runs.',
  origin:
    'The unique constraint was created DEFERRABLE, so that rows may be swapped within a transaction. ON CONFLICT cannot use such a one.',
  audit: {
    grades: { A: 'a statement of the workload would fail' },
    remedy:
      'If nothing defers the constraint, replace it by one that is not deferrable: build a unique index on the same columns CONCURRENTLY, and in one transaction drop the constraint and add it again with this index. The index beside it is not enough: ON CONFLICT takes the deferrable one as well, and fails.',
    find: (evidence) => claimed('deferrable-arbiter', evidence),
  },
};
