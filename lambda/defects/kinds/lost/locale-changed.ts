import { lostKind } from '../../lost';

export const localeChanged = lostKind('locale-changed', {
  title: 'The database has another encoding or locale',
  impact: 'Texts sort otherwise, and ranges and unique keys over texts may mean something else.',
  origin: 'The new server has another default than the old one, and CREATE DATABASE took it.',
  unwritten: 'encoding and locale of a database are chosen when it is created',
  remedy:
    'Where order matters, give the columns a collation of their own, or create the database anew with the LOCALE of the source and move again.',
});
