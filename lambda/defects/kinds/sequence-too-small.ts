import type { Finding } from '../../audit/finding';
import { key, path } from '../../audit/names';
import type { Kind } from '../kind';
import { lost } from '../lost';

export const sequenceTooSmall: Kind = {
  id: 'sequence-too-small',
  title: 'A sequence ends before its column does',
  impact: 'When the sequence is used up, every INSERT fails, although the column has room.',
  origin: 'The column was changed to bigint, or the sequence was created anew AS integer.',
  audit: {
    grades: {
      B: 'in the source it goes further',
      C: 'it is an integer, and the column that uses it a bigint',
    },
    remedy: 'ALTER SEQUENCE … AS bigint. It takes a short lock.',
    find: (evidence) => {
      const found = lost('sequence-too-small', evidence);
      const known = new Set(found.map(({ object }) => object));
      const { sequences, columns } = evidence.target.catalogue;
      const big = new Set(
        columns
          .filter(({ type }) => type === 'bigint')
          .map((each) => key(each.schema, each.table, each.name)),
      );
      const odd = sequences.flatMap((sequence): Finding[] => {
        const { schema, name, type, increment, usedBy, ownedBy } = sequence;
        const object = path(schema, name);
        const user = [...(usedBy ?? []), ...(ownedBy ? [ownedBy] : [])].find((each) =>
          big.has(key(each.schema, each.table, each.column)),
        );
        if (type === 'bigint' || user === undefined || BigInt(increment) < 0n || known.has(object)) return [];
        return [
          {
            grade: 'C',
            object,
            message: `Sequence ${object} is ${type}, and ${path(user.schema, user.table, user.column)}, which uses it, is bigint.`,
            evidence: [],
            mend: { what: 'widen', sequence },
          },
        ];
      });
      return [...found, ...odd];
    },
  },
};
