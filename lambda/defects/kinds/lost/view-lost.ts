import { lostKind } from '../../lost';

export const viewLost = lostKind('view-lost', {
  title: 'A view of the source is missing or another one',
  impact: 'Statements on it fail, or return something else.',
  origin: 'AWS DMS and pgloader move tables and no views.',
  remedy: 'CREATE VIEW with the definition of the source, after the tables and functions that it uses.',
  blind:
    'Between majors, definitions are written differently: only the columns and the options are compared.',
});
