import { makeLostKind } from '../../lost-kind';

export const missingView = makeLostKind('missing-view', {
  title: 'A view of the source is missing or different',
  impact: 'Statements on it fail or return different rows.',
  origin: 'AWS DMS and pgloader move tables but no views.',
  remedy: 'CREATE VIEW with the definition of the source, after the tables and functions that it uses.',
  blind:
    'Different major versions print definitions differently, so only the columns and options are compared across them.',
});
