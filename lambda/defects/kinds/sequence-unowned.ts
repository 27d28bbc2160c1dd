import { key, path } from '../../audit/names';
import { isOdd } from '../keys';
import type { Kind } from '../kind';
import { lost } from '../lost';

export const sequenceUnowned: Kind = {
  id: 'sequence-unowned',
  title: 'A sequence belongs to no column',
  impact:
    'It stays when its table is dropped, and tools that look for the sequence of a column do not find it.',
  origin: 'The sequence and the default were created by hand after a move, without OWNED BY.',
  audit: {
    grades: {
      B: 'in the source it belongs to a column',
      C: 'at least three quarters of the others belong to the column that uses them',
    },
    remedy: 'ALTER SEQUENCE … OWNED BY table.column. It takes a short lock.',
    find: (evidence) => {
      const found = lost('sequence-unowned', evidence);
      const known = new Set(found.map(({ object }) => object));
      const { sequences, columns } = evidence.target.catalogue;
      // A text that is made with a number of a sequence, a lot's or an invoice's, is no key that is counted.
      const numbers = new Set(
        columns
          .filter(({ type }) => isNumber(type))
          .map(({ schema, table, name }) => key(schema, table, name)),
      );
      // A sequence can only belong to a column of its own schema.
      const used = sequences.filter(
        ({ schema, usedBy: [by, ...more] = [], identity }) =>
          by?.schema === schema &&
          more.length === 0 &&
          !identity &&
          numbers.has(key(by.schema, by.table, by.column)),
      );
      const owned = used.filter(({ ownedBy }) => ownedBy);
      if (!isOdd(owned.length, used.length)) return found;
      const odd = used.filter(({ ownedBy, schema, name }) => !ownedBy && !known.has(path(schema, name)));
      return [
        ...found,
        ...odd.map((sequence) => {
          const { schema, name, usedBy } = sequence;
          const [by] = usedBy!;
          const column = path(by!.schema, by!.table, by!.column);
          return {
            grade: 'C' as const,
            object: path(schema, name),
            message: `Sequence ${path(schema, name)} belongs to no column, and ${column} takes its values from it; ${owned.length} of ${used.length} sequences belong to theirs.`,
            evidence: [],
            mend: { what: 'own' as const, sequence, column: by! },
          };
        }),
      ];
    },
  },
};

const isNumber = (type: string): boolean => /^(smallint|integer|bigint|numeric)/.test(type);
