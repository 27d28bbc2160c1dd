import { makeLostKind } from '../../lost-kind';

export const grantAdded = makeLostKind('grant-added', {
  title: 'Privileges that the source does not grant',
  impact: 'Roles can read or change data here that they could not in the source.',
  origin:
    'Default privileges of the target grant privileges on each new object, and PUBLIC may execute a new function. A migration tool creates the objects, and does not revoke what the source had revoked.',
  remedy:
    'REVOKE it. If it was granted on purpose, suppress the finding. Check also the default privileges, which would grant it on the next object.',
  found: 'the source has the role and does not grant the privilege, or it is granted to PUBLIC',
  habit:
    'the source does not have the role, or it is a default privilege, which does not affect existing objects',
  blind:
    'Owners and superusers have every privilege and are left out on both sides. A dump without GRANT, an SQLite file and a snapshot of an earlier version have no privileges, so nothing is compared with them.',
});
