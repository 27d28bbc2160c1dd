import { makeLostKind } from '../../lost-kind';

export const missingType = makeLostKind('missing-type', {
  title: 'A type of the source is missing or different',
  impact:
    'Casts to it fail, and its columns have become text: values that it would have refused are written.',
  origin: 'AWS DMS and loaders turn enums and domains into text columns.',
  remedy:
    'Create the type, then change the columns to it: ALTER TABLE … ALTER COLUMN … TYPE … USING, at a quiet time, because it rewrites the table.',
});
