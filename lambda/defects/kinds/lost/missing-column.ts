import { makeLostKind } from '../../lost-kind';

export const missingColumn = makeLostKind('missing-column', {
  title: 'A column of the source is missing',
  impact: 'Statements that name it fail, and its values are missing.',
  origin:
    'The migration tool could not map its type, or the table was created from an older version of the schema.',
  remedy: 'ALTER TABLE … ADD COLUMN, then copy the values from the source by primary key.',
});
