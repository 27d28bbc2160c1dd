import { lostKind } from '../../lost';

export const constraintLost = lostKind('constraint-lost', {
  title: 'A CHECK or EXCLUDE constraint of the source is missing or another one',
  impact: 'Rows are written that the constraint would have refused.',
  origin: 'AWS DMS creates no constraints but the primary key.',
  remedy:
    'ADD CONSTRAINT … NOT VALID, then VALIDATE CONSTRAINT in a transaction of its own. Rows that violate it have to be settled first.',
});
