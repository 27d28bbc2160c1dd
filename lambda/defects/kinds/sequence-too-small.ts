import type { Finding } from '../../audit/finding';
import { formatPath, joinKey } from '../../audit/names';
import type { FindingKind } from '../kind';
import { findLost } from '../lost-kind';

export const sequenceTooSmall: FindingKind = {
  id: 'sequence-too-small',
  title: 'The maximum of a sequence is below that of its column',
  impact: 'When the sequence is used up, every INSERT fails, although the column has room.',
  origin: 'The column was changed to bigint, or the sequence was recreated AS integer.',
  audit: {
    confidences: {
      B: 'in the source its maximum is higher',
      C: 'it is an integer sequence, and the column that uses it is bigint',
    },
    remedy: 'ALTER SEQUENCE … AS bigint. It takes a short lock.',
    find: (evidence) => {
      const found = findLost('sequence-too-small', evidence);
      const known = new Set(found.map(({ object }) => object));
      const { sequences, columns } = evidence.target.catalog;
      const big = new Set(
        columns
          .filter(({ type }) => type === 'bigint')
          .map((each) => joinKey(each.schema, each.table, each.name)),
      );
      const odd = sequences.flatMap((sequence): Finding[] => {
        const { schema, name, type, increment, usedBy, ownedBy } = sequence;
        const object = formatPath(schema, name);
        const user = [...(usedBy ?? []), ...(ownedBy ? [ownedBy] : [])].find((each) =>
          big.has(joinKey(each.schema, each.table, each.column)),
        );
        if (type === 'bigint' || user === undefined || BigInt(increment) < 0n || known.has(object)) return [];
        return [
          {
            confidence: 'C',
            object,
            message: `Sequence ${object} is ${type}, and ${formatPath(user.schema, user.table, user.column)}, which uses it, is bigint.`,
            evidence: [],
            repair: { what: 'widen', sequence },
          },
        ];
      });
      return [...found, ...odd];
    },
  },
};
