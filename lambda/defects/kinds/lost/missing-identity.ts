import { makeLostKind } from '../../lost-kind';

export const missingIdentity = makeLostKind('missing-identity', {
  title: 'An identity of the source is missing or different',
  impact: 'An INSERT that leaves the column out fails or writes NULL; one that gives a value may be refused.',
  origin: 'AWS DMS creates the column with only its type.',
  remedy: 'ALTER TABLE … ALTER COLUMN … ADD GENERATED … AS IDENTITY, then setval above the highest value.',
});
