import { makeLostKind } from '../../lost-kind';

export const missingCollation = makeLostKind('missing-collation', {
  title: 'A collation of the source is missing or different',
  impact: 'Text compares and sorts differently.',
  origin: 'A user-defined collation is not moved with tables and rows.',
  remedy: 'CREATE COLLATION with provider and locale of the source, then set it on the columns that had it.',
});
