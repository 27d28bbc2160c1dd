import { lostKind } from '../../lost';

export const identityLost = lostKind('identity-lost', {
  title: 'An identity of the source is missing or another one',
  impact: 'An INSERT that leaves the column out fails or writes NULL; one that gives a value may be refused.',
  origin: 'AWS DMS creates the column with its type alone.',
  remedy: 'ALTER TABLE … ALTER COLUMN … ADD GENERATED … AS IDENTITY, then setval above the highest value.',
});
