import { makeLostKind } from '../../lost-kind';

export const columnTypeChanged = makeLostKind('column-type-changed', {
  title: 'The type of a column differs from the source',
  impact:
    'Comparisons with other columns fail or lose their index, and values are stored that the type would have rejected.',
  origin:
    'Migration tools convert types: uuid to varchar, timestamptz to timestamp, numeric to double precision, enum to text.',
  remedy:
    'ALTER TABLE … ALTER COLUMN … TYPE … USING. It rewrites the table under a lock that blocks readers, unless the types are binary coercible: do it at a quiet time.',
});
