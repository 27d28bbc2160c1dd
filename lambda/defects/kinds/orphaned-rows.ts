import { formatCount, formatNames, formatReference } from '../../audit/names';
import type { FindingKind } from '../kind';

export const orphanedRows: FindingKind = {
  id: 'orphaned-rows',
  title: 'Rows refer to rows that do not exist',
  impact: 'Joins drop them silently, and the foreign key cannot be validated.',
  origin:
    'The foreign key was missing or NOT VALID while rows were copied or the application deleted referenced rows. Or its triggers were disabled, while the constraint stayed marked as valid.',
  audit: {
    confidences: { A: 'the rows were counted' },
    remedy:
      'Decide what to do with them: delete them, set the reference to NULL, or restore the referenced rows. Then validate the foreign key.',
    blind:
      'Without --full-scan, only small tables are checked, and only foreign keys that are missing, NOT VALID or not enforced. Foreign keys with operators of an extension, such as citext, or with periods are never checked.',
    find: ({ data }) =>
      data.orphans
        .filter(({ rows }) => rows > 0)
        .map((orphans) => {
          const { table, constraint, columns, rows } = orphans;
          return {
            confidence: 'A' as const,
            object:
              columns.length === 1
                ? `${formatReference(table)}.${formatNames(columns)}`
                : formatReference(table),
            message: `${formatCount(rows, 'row')} of ${formatReference(table)} ${rows === 1 ? 'refers' : 'refer'} by (${formatNames(columns)}) to rows that do not exist.`,
            evidence: [`foreign key: ${constraint}`],
            repair: { what: 'orphans' as const, orphans },
          };
        }),
  },
};
