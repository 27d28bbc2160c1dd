import { lostKind } from '../../lost';

export const collationLost = lostKind('collation-lost', {
  title: 'A collation of the source is missing or another one',
  impact: 'Texts that were equal, or sorted in one order, are so no more.',
  origin: 'A collation that somebody made is not moved with tables and rows.',
  remedy: 'CREATE COLLATION with provider and locale of the source, then give it to the columns that had it.',
});
