import { lostKind } from '../../lost';

export const enumValueLost = lostKind('enum-value-lost', {
  title: 'An enum lacks values that the source has',
  impact: 'Rows with such a value cannot be written.',
  origin: 'The type was created from an older version of the schema.',
  remedy: 'ALTER TYPE … ADD VALUE IF NOT EXISTS, each in its place by BEFORE or AFTER.',
});
