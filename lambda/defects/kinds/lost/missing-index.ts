import { makeLostKind } from '../../lost-kind';

export const missingIndex = makeLostKind('missing-index', {
  title: 'An index of the source is missing or different',
  impact: 'Queries that used it read the whole table.',
  origin: 'AWS DMS creates no secondary indexes.',
  remedy: 'CREATE INDEX CONCURRENTLY with the definition of the source.',
});
