import { makeLostKind } from '../../lost-kind';

export const missingEnumValue = makeLostKind('missing-enum-value', {
  title: 'An enum lacks values that the source has',
  impact: 'Rows with such a value cannot be written.',
  origin: 'The type was created from an older version of the schema.',
  remedy: 'ALTER TYPE … ADD VALUE IF NOT EXISTS, each at its position with BEFORE or AFTER.',
});
