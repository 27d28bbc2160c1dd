import { makeLostKind } from '../../lost-kind';

export const missingUniqueIndex = makeLostKind('missing-unique-index', {
  title: 'A unique index or constraint of the source is missing or different',
  impact: 'Duplicates are written, and ON CONFLICT on these columns fails with 42P10.',
  origin:
    'AWS DMS creates unique indexes only in some cases, and none that are partial. pg_restore continues if the index fails on duplicates, which a different collation can cause.',
  remedy:
    'Resolve duplicates: a person must decide which row to keep. Then CREATE UNIQUE INDEX CONCURRENTLY, with the predicate of the source.',
});
