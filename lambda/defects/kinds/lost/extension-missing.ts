import { lostKind } from '../../lost';

export const extensionMissing = lostKind('extension-missing', {
  title: 'An extension of the source is missing',
  impact:
    'Functions, types and operators that it brings do not exist, and defaults that call them could not be created.',
  origin: 'CREATE EXTENSION needs rights that a mover may not have, and AWS DMS creates none.',
  remedy:
    'CREATE EXTENSION in the schema that the source has it in, as a role that may. On RDS rds.extensions lists what is allowed. Where the application does not use it, accept the finding.',
});
