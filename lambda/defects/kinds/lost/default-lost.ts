import { lostKind } from '../../lost';

export const defaultLost = lostKind('default-lost', {
  title: 'A default of the source is missing or another one',
  impact: 'An INSERT that leaves the column out writes NULL, or fails where the column is NOT NULL.',
  origin: 'AWS DMS creates no defaults; loaders drop those whose functions they cannot map.',
  remedy:
    'ALTER TABLE … ALTER COLUMN … SET DEFAULT. It takes a short lock and changes no row: rows that were written meanwhile have to be looked at.',
});
