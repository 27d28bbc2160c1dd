import { makeLostKind } from '../../lost-kind';

export const missingDefault = makeLostKind('missing-default', {
  title: 'A default of the source is missing or different',
  impact: 'An INSERT that leaves the column out writes NULL, or fails where the column is NOT NULL.',
  origin: 'AWS DMS creates no defaults; loaders drop those whose functions they cannot map.',
  remedy:
    'ALTER TABLE … ALTER COLUMN … SET DEFAULT. It takes a short lock and changes no rows: check the rows that were written without the default.',
});
