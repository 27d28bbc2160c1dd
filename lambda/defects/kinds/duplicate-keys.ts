import { formatCount, formatReference } from '../../audit/names';
import type { FindingKind } from '../kind';

export const duplicateKeys: FindingKind = {
  id: 'duplicate-keys',
  title: 'Rows share a key that should be unique',
  impact:
    'The application may read one row and update another. The unique index cannot be built, or is corrupt.',
  origin:
    'The unique index was missing while duplicates were written. Or the index exists and is corrupt: a collation changed after it was built, or files were copied while the server ran.',
  audit: {
    confidences: { A: 'the rows were counted' },
    remedy:
      'A person who knows the data must decide which row of each group to keep. Then build the index, or REINDEX the corrupt one.',
    blind:
      'Existing indexes are checked only with --full-scan, which reads the whole table. For missing indexes, large tables are checked only with --full-scan.',
    find: ({ data }) =>
      data.duplicates
        .filter(({ groups }) => groups > 0)
        .map((duplicates) => {
          const { table, index, damaged, groups } = duplicates;
          return {
            confidence: 'A' as const,
            object: formatReference(table),
            message: `${formatCount(groups, 'group')} of rows in ${formatReference(table)} ${groups === 1 ? 'shares' : 'share'} a key of ${index}, ${damaged ? 'although the unique index exists' : 'which is unique in the source'}.`,
            evidence: [`counted: ${formatCount(groups, 'group')}`],
            repair: { what: 'duplicates' as const, duplicates },
          };
        }),
  },
};
