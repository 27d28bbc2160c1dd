import { makeLostKind } from '../../lost-kind';

export const missingPolicy = makeLostKind('missing-policy', {
  title: 'A policy of the source is missing or different',
  impact: 'Rows are visible that should be hidden, or hidden that should be visible.',
  origin: 'Policies that call functions of a service (auth.uid()) cannot be created elsewhere.',
  remedy:
    'CREATE POLICY with the definition of the source, after the functions that it calls. Test it with the role that it applies to.',
});
