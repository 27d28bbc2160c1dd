import { makeLostKind } from '../../lost-kind';

export const missingPrimaryKey = makeLostKind('missing-primary-key', {
  title: 'A primary key of the source is missing or different',
  impact:
    'Duplicate rows are possible, ON CONFLICT finds no key, and logical replication cannot update the table.',
  origin: 'The key could not be built because of duplicates, or the loader created tables without it.',
  remedy:
    'Resolve duplicates. Then CREATE UNIQUE INDEX CONCURRENTLY and ALTER TABLE … ADD PRIMARY KEY USING INDEX.',
});
