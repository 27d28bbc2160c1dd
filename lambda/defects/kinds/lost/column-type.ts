import { lostKind } from '../../lost';

export const columnType = lostKind('column-type', {
  title: 'A column has another type than in the source',
  impact:
    'Comparisons with other columns fail or lose their index, and values are stored that the type would have refused.',
  origin:
    'Movers map types: uuid to varchar, timestamptz to timestamp, numeric to double precision, enum to text.',
  remedy:
    'ALTER TABLE … ALTER COLUMN … TYPE … USING. It rewrites the table under a lock that blocks readers, unless the types are binary coercible: choose a quiet time.',
});
