import { lostKind } from '../../lost';

export const grantLost = lostKind('grant-lost', {
  title: 'Privileges of a role are missing',
  impact: 'Statements of the role fail with 42501.',
  origin:
    'Movers create objects as their own role, without the privileges of others. ALTER DEFAULT PRIVILEGES works only for objects that come later.',
  remedy:
    'GRANT as the source has it. Where the role itself is missing, create it first, or accept the finding if it is not needed here.',
  blind: 'A privilege that the role has another way (as owner, as a member, through PUBLIC) is not missed.',
});
