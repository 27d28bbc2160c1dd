import { lostKind } from '../../lost';

export const indexLost = lostKind('index-lost', {
  title: 'An index of the source is missing or another one',
  impact: 'Queries that used it read the whole table.',
  origin: 'AWS DMS creates no secondary indexes.',
  remedy: 'CREATE INDEX CONCURRENTLY, as the source has it.',
});
