import { makeLostKind } from '../../lost-kind';

export const missingPublication = makeLostKind('missing-publication', {
  title: 'A publication of the source is missing or different',
  impact: 'Subscribers and consumers of changes receive fewer changes, or none.',
  origin:
    'A dump of tables does not contain it, and creating it requires ownership of its tables, or a superuser for FOR ALL TABLES and FOR TABLES IN SCHEMA.',
  remedy:
    'CREATE PUBLICATION with the definition of the source; then redirect the subscribers to this database.',
});
