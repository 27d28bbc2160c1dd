import { lostKind } from '../../lost';

export const uniqueLost = lostKind('unique-lost', {
  title: 'A unique index or constraint of the source is missing or another one',
  impact: 'Duplicates are written, and ON CONFLICT on these columns fails with 42P10.',
  origin:
    'AWS DMS creates unique indexes only in some cases, and none that are partial. pg_restore goes on when duplicates, which another collation made, stop the index.',
  remedy:
    'Settle duplicates: which row stays is for a person to decide. Then CREATE UNIQUE INDEX CONCURRENTLY, with the predicate of the source.',
});
