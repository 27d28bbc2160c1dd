import { makeLostKind } from '../../lost-kind';

export const missingGrant = makeLostKind('missing-grant', {
  title: 'Privileges of a role are missing',
  impact: 'Statements of the role fail with 42501.',
  origin:
    'Migration tools create objects as their own role, without the privileges of others. ALTER DEFAULT PRIVILEGES affects only objects that are created later.',
  remedy:
    'GRANT the privileges of the source. If the role is missing, create it first; if it is not needed here, suppress the finding.',
  blind:
    'A privilege that the role has in another way (as owner, as a member, through PUBLIC) is not reported.',
});
