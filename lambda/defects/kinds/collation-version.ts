import type { Reference } from '../../audit/catalogue/kind';
import type { Finding } from '../../audit/finding';
import { path } from '../../audit/names';
import type { Kind } from '../kind';

export const collationVersion: Kind = {
  id: 'collation-version',
  title: 'Indexes were built under another version of a collation',
  impact: 'Queries by an index over texts miss rows, and unique indexes let duplicates in.',
  origin:
    'The files of the database were kept, and the operating system, and with it the C library or ICU, was replaced: texts sort otherwise than when the indexes were built.',
  audit: {
    grades: { A: 'the catalogue has another version than the library' },
    remedy:
      'First REINDEX what sorts texts (REINDEX DATABASE CONCURRENTLY, or index by index), and settle duplicates that it reports. Then ALTER DATABASE … REFRESH COLLATION VERSION, or ALTER COLLATION … REFRESH VERSION. In the other order the warning is gone, and the damage stays.',
    blind:
      'Before PostgreSQL 15 a database does not keep the version of its own collation. Under the locale C nothing depends on one.',
    find: ({ target: { catalogue } }) => [
      ...catalogue.database.flatMap(({ name, collationVersion: had, actualCollationVersion: has }) =>
        of(`database ${path(name)}`, path(name), null, had, has),
      ),
      ...catalogue.collations.flatMap(({ schema, name, version, actualVersion }) =>
        of(`collation ${path(schema, name)}`, path(schema, name), { schema, name }, version, actualVersion),
      ),
    ],
  },
};

const of = (
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
          grade: 'A',
          object,
          message: `Indexes of ${what} were built under version ${had} of its collation, and the library has ${has}.`,
          evidence: [],
          mend: { what: 'collation', collation },
        },
      ];
