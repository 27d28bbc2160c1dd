import { makeLostKind } from '../../lost-kind';

export const missingSequence = makeLostKind('missing-sequence', {
  title: 'A sequence of the source is missing or different',
  impact: 'Calls of nextval fail or return other values.',
  origin: 'A sequence that no column owns is not moved with tables and rows.',
  remedy: 'CREATE SEQUENCE with the definition of the source, and setval to the position of the source.',
});
