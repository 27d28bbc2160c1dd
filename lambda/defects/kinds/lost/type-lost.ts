import { lostKind } from '../../lost';

export const typeLost = lostKind('type-lost', {
  title: 'A type of the source is missing or another one',
  impact:
    'Casts to it fail, and its columns have become text: values that it would have refused are written.',
  origin: 'AWS DMS and loaders turn enums and domains into text columns.',
  remedy:
    'Create the type, then change the columns to it: ALTER TABLE … ALTER COLUMN … TYPE … USING, in a quiet time, since it rewrites the table.',
});
