import { pathOf, plural } from '../../audit/names';
import type { Kind } from '../kind';

export const uniquenessContradicted: Kind = {
  id: 'uniqueness-contradicted',
  title: 'Rows share a key that should be unique',
  impact:
    'The application reads one of them, and updates another; the unique index cannot be built, or is damaged.',
  origin:
    'The unique index was lost, and duplicates were written since. Or the index is there and damaged: a collation changed under it, or files were copied while the server ran.',
  audit: {
    grades: { A: 'the rows were counted' },
    remedy:
      'Decide which row of each group stays; that is for a person who knows the data. Then build the index, or REINDEX the damaged one.',
    blind:
      'Of indexes that are there, only --deep asks, since it reads the whole table. Of lost ones, large tables are left out without --deep.',
    find: ({ data }) =>
      data.duplicates
        .filter(({ groups }) => groups > 0)
        .map((duplicates) => {
          const { table, index, damaged, groups } = duplicates;
          return {
            grade: 'A' as const,
            object: pathOf(table),
            message: `${plural(groups, 'group')} of rows in ${pathOf(table)} ${groups === 1 ? 'shares' : 'share'} a key of ${index}, ${damaged ? 'although the unique index is there' : 'which is unique in the source'}.`,
            evidence: [`counted: ${plural(groups, 'group')}`],
            mend: { what: 'duplicates' as const, duplicates },
          };
        }),
  },
};
