import { makeLostKind } from '../../lost-kind';

export const missingConstraint = makeLostKind('missing-constraint', {
  title: 'A CHECK or EXCLUDE constraint of the source is missing or different',
  impact: 'Rows are written that the constraint would have refused.',
  origin: 'AWS DMS creates no constraints but the primary key.',
  remedy:
    'ADD CONSTRAINT … NOT VALID, then VALIDATE CONSTRAINT in a separate transaction. Resolve the rows that violate it first.',
});
