import { lostKind } from '../../lost';

export const rowSecurityLost = lostKind('row-security-lost', {
  title: 'Row security of a table is off',
  impact: 'Every role with a privilege on the table sees all its rows.',
  origin: 'Movers create tables without it, even where policies are moved.',
  remedy:
    'Create the policies first, then ALTER TABLE … ENABLE ROW LEVEL SECURITY, and FORCE where the source has it.',
});
