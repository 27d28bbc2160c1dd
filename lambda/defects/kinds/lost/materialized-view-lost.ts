import { lostKind } from '../../lost';

export const materializedViewLost = lostKind('materialized-view-lost', {
  title: 'A materialized view of the source is missing, another one or empty',
  impact: 'Statements on it fail, or return something else.',
  origin: 'Loaders move tables and no views; a dump that is restored with WITH NO DATA leaves it empty.',
  remedy: 'CREATE MATERIALIZED VIEW with the definition of the source and its indexes, or REFRESH it.',
});
