import { listAttributedFindings } from '../attributed-findings';
import { findExtensionsNeededByBodies } from '../bodies';
import { type FindingKind, mergeFindings } from '../kind';
import { findLost } from '../lost-kind';

export const missingExtension: FindingKind = {
  id: 'missing-extension',
  title: 'An extension is missing',
  impact:
    'Its functions, types and operators do not exist, and defaults that call them could not be created.',
  origin: 'CREATE EXTENSION needs privileges that a migration tool may not have, and AWS DMS creates none.',
  audit: {
    confidences: {
      A: 'a statement of the application, or the body of a function, calls a function that only the extension has',
      B: 'the source has it',
    },
    remedy:
      'CREATE EXTENSION in the same schema as in the source, with a role that is allowed to. On RDS, rds.extensions lists the allowed ones. If the application does not use it, suppress the finding.',
    blind:
      'Calls by EXECUTE, and operators. Without a source it knows functions of the extensions that come with PostgreSQL, and of PostGIS.',
    unwritten: 'without a source, its schema is not known',
    find: (evidence) =>
      mergeFindings([
        ...findLost('missing-extension', evidence),
        ...listAttributedFindings('missing-extension', evidence),
        ...findExtensionsNeededByBodies(evidence),
      ]),
  },
};
