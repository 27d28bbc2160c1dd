import { makeLostKind } from '../../lost-kind';

export const rowSecurityDisabled = makeLostKind('row-security-disabled', {
  title: 'Row security of a table is off',
  impact: 'Every role with a privilege on the table sees all its rows.',
  origin: 'Migration tools create tables without it, even if they move the policies.',
  remedy:
    'Create the policies first, then ALTER TABLE … ENABLE ROW LEVEL SECURITY, and FORCE where the source has it.',
});
