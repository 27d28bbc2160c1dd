import { lostKind } from '../../lost';

export const primaryKeyLost = lostKind('primary-key-lost', {
  title: 'A primary key of the source is missing or another one',
  impact:
    'Rows can be there twice, ON CONFLICT finds no key, and logical replication cannot update the table.',
  origin: 'The key could not be built because of duplicates, or the loader created tables without it.',
  remedy:
    'Settle duplicates. CREATE UNIQUE INDEX CONCURRENTLY, then ALTER TABLE … ADD PRIMARY KEY USING INDEX.',
});
