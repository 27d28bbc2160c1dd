import { formatPath, joinKey } from '../../audit/names';
import { isInconsistent } from '../keys';
import type { FindingKind } from '../kind';
import { findLost } from '../lost-kind';

export const sequenceUnowned: FindingKind = {
  id: 'sequence-unowned',
  title: 'No column owns a sequence',
  impact:
    'The sequence remains when its table is dropped, and tools that look up the sequence of a column do not find it.',
  origin: 'The sequence and the default were created by hand after a move, without OWNED BY.',
  audit: {
    confidences: {
      B: 'in the source a column owns it',
      C: 'at least three quarters of the other sequences are owned by the columns that use them',
    },
    remedy: 'ALTER SEQUENCE … OWNED BY table.column. It takes a short lock.',
    find: (evidence) => {
      const found = findLost('sequence-unowned', evidence);
      const known = new Set(found.map(({ object }) => object));
      const { sequences, columns } = evidence.target.catalog;
      // A text column whose default contains a sequence number, such as a lot or invoice number, is not counted.
      const numbers = new Set(
        columns
          .filter(({ type }) => isNumericType(type))
          .map(({ schema, table, name }) => joinKey(schema, table, name)),
      );
      // PostgreSQL requires that a sequence is in the same schema as the table of its owning column.
      const used = sequences.filter(
        ({ schema, usedBy: [by, ...more] = [], identity }) =>
          by?.schema === schema &&
          more.length === 0 &&
          !identity &&
          numbers.has(joinKey(by.schema, by.table, by.column)),
      );
      const owned = used.filter(({ ownedBy }) => ownedBy);
      if (!isInconsistent(owned.length, used.length)) return found;
      // A sequence without an owner in the source lost nothing.
      const before = new Set(
        (evidence.source?.catalog.sequences ?? [])
          .filter(({ ownedBy }) => !ownedBy)
          .map(({ schema, name }) => joinKey(schema, name)),
      );
      const odd = used.filter(
        ({ ownedBy, schema, name }) =>
          !ownedBy && !known.has(formatPath(schema, name)) && !before.has(joinKey(schema, name)),
      );
      return [
        ...found,
        ...odd.map((sequence) => {
          const { schema, name, usedBy } = sequence;
          const [by] = usedBy!;
          const column = formatPath(by!.schema, by!.table, by!.column);
          return {
            confidence: 'C' as const,
            object: formatPath(schema, name),
            message: `Sequence ${formatPath(schema, name)} is not owned by a column, although ${column} uses it; ${owned.length} of ${used.length} sequences are owned by their columns.`,
            evidence: [],
            repair: { what: 'own' as const, sequence, column: by! },
          };
        }),
      ];
    },
  },
};

const isNumericType = (type: string): boolean => /^(smallint|integer|bigint|numeric)/.test(type);
