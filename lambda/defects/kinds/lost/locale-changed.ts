import { makeLostKind } from '../../lost-kind';

export const localeChanged = makeLostKind('locale-changed', {
  title: 'The encoding or locale of the database differs',
  impact: 'Text sorts differently, and ranges and unique keys over text may give different results.',
  origin: 'CREATE DATABASE used the default of the new server, which is different.',
  unwritten: 'encoding and locale of a database are chosen when it is created',
  remedy:
    'Where order matters, set a collation on the columns, or recreate the database with the LOCALE of the source and move the data again.',
});
