import { makeLostKind } from '../../lost-kind';

export const missingMaterializedView = makeLostKind('missing-materialized-view', {
  title: 'A materialized view of the source is missing, different or empty',
  impact: 'Statements on it fail or return different rows.',
  origin: 'Loaders move tables but no views; a dump that is restored with WITH NO DATA leaves it empty.',
  remedy: 'CREATE MATERIALIZED VIEW with the definition of the source and its indexes, or REFRESH it.',
});
