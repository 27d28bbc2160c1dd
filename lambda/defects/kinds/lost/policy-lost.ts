import { lostKind } from '../../lost';

export const policyLost = lostKind('policy-lost', {
  title: 'A policy of the source is missing or another one',
  impact: 'Rows are visible that should not be, or the other way round.',
  origin: 'Policies that call functions of a service (auth.uid()) cannot be created elsewhere.',
  remedy:
    'CREATE POLICY as the source has it, after the functions that it calls. Try it with the role that it is for.',
});
