import { extensionsOfBodies } from '../../bodies';
import { claimed } from '../../claims';
import { type Kind, merged } from '../../kind';
import { lost } from '../../lost';

export const extensionMissing: Kind = {
  id: 'extension-missing',
  title: 'An extension is missing',
  impact:
    'Functions, types and operators that it brings do not exist, and defaults that call them could not be created.',
  origin: 'CREATE EXTENSION needs rights that a mover may not have, and AWS DMS creates none.',
  audit: {
    grades: {
      A: 'a statement of the application, or the body of a function, calls what only it brings',
      B: 'the source has it',
    },
    remedy:
      'CREATE EXTENSION in the schema that the source has it in, as a role that may. On RDS rds.extensions lists what is allowed. Where the application does not use it, accept the finding.',
    blind:
      'Calls by EXECUTE, and operators. Without a source it knows functions of the extensions that come with PostgreSQL, and of PostGIS.',
    unwritten: 'no source says in which schema it belongs',
    find: (evidence) =>
      merged([
        ...lost('extension-missing', evidence),
        ...claimed('extension-missing', evidence),
        ...extensionsOfBodies(evidence),
      ]),
  },
};
