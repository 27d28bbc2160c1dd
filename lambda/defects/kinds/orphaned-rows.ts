import { list, pathOf, plural } from '../../audit/names';
import type { Kind } from '../kind';

export const orphanedRows: Kind = {
  id: 'orphaned-rows',
  title: 'Rows refer to rows that do not exist',
  impact: 'Joins drop them silently, and the foreign key cannot be validated.',
  origin:
    'The foreign key was missing or NOT VALID while rows were copied, in whatever order, or while the application deleted what they refer to.',
  audit: {
    grades: { A: 'the rows were counted' },
    remedy:
      'Decide what becomes of them: delete them, set the reference to NULL, or bring back what they refer to. Then validate the foreign key.',
    blind: 'Asked of foreign keys that are lost or NOT VALID. Without --deep, large tables are left out.',
    find: ({ data }) =>
      data.orphans
        .filter(({ rows }) => rows > 0)
        .map((orphans) => {
          const { table, constraint, columns, rows } = orphans;
          return {
            grade: 'A' as const,
            object: columns.length === 1 ? `${pathOf(table)}.${list(columns)}` : pathOf(table),
            message: `${plural(rows, 'row')} of ${pathOf(table)} ${rows === 1 ? 'refers' : 'refer'} by (${list(columns)}) to rows that do not exist.`,
            evidence: [`foreign key: ${constraint}`],
            mend: { what: 'orphans' as const, orphans },
          };
        }),
  },
};
