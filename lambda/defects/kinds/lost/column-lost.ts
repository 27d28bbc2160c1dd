import { lostKind } from '../../lost';

export const columnLost = lostKind('column-lost', {
  title: 'A column of the source is missing',
  impact: 'Statements that name it fail; what it held is not there.',
  origin: 'The mover could not map its type, or the table was created from an older version of the schema.',
  remedy: 'ALTER TABLE … ADD COLUMN, then copy the values from the source by primary key.',
});
