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
      'Create a unique index on the same columns CONCURRENTLY: ON CONFLICT then decides by it. If nothing defers the constraint, replace it by one that is not deferrable.',
    find: (evidence) => claimed('deferrable-arbiter', evidence),
  },
};
