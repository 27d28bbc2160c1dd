import type { Reference } from '../../audit/catalog/kind';
import type { Finding } from '../../audit/finding';
import { formatPath } from '../../audit/names';
import type { FindingKind } from '../kind';

export const collationVersionChanged: FindingKind = {
  id: 'collation-version-changed',
  title: 'Indexes were built with a different version of a collation',
  impact: 'Queries that use an index on text miss rows, and unique indexes accept duplicates.',
  origin:
    'The operating system was replaced under the same database files, and the C library or ICU with it: text sorts differently than when the indexes were built.',
  audit: {
    confidences: { A: 'the version in the catalog differs from that of the library' },
    remedy:
      'First REINDEX the indexes on text (REINDEX DATABASE CONCURRENTLY, or each index), and resolve duplicates that it reports. Then ALTER DATABASE … REFRESH COLLATION VERSION, or ALTER COLLATION … REFRESH VERSION. In the other order, the warning disappears but the indexes stay corrupt.',
    blind:
      'Before PostgreSQL 15, a database does not record the version of its default collation. With the C locale, no index depends on a collation version.',
    find: ({ target: { catalog } }) => [
      ...catalog.database.flatMap(({ name, collationVersion: had, actualCollationVersion: has }) =>
        makeVersionFinding(`database ${formatPath(name)}`, formatPath(name), null, had, has),
      ),
      ...catalog.collations.flatMap(({ schema, name, version, actualVersion }) =>
        makeVersionFinding(
          `collation ${formatPath(schema, name)}`,
          formatPath(schema, name),
          { schema, name },
          version,
          actualVersion,
        ),
      ),
    ],
  },
};

const makeVersionFinding = (
  what: string,
  object: string,
  collation: Reference | null,
  had?: string,
  has?: string,
): readonly Finding[] =>
  had === undefined || has === undefined || had === has
    ? []
    : [
        {
          confidence: 'A',
          object,
          message: `Indexes of ${what} were built with version ${had} of its collation; the library has version ${has}.`,
          evidence: [],
          repair: { what: 'collation', collation },
        },
      ];
