import type { Evidence } from '../../audit/evidence';
import type { Finding } from '../../audit/finding';
import { key, path, plural } from '../../audit/names';
import type { RowCount } from '../../audit/rows';
import type { Kind } from '../kind';

/** Estimates differ by what was written since ANALYZE: only a difference that this cannot explain is said. */
const MANY = 1_000;
const SHARE = 1 / 2;

export const rowsLost: Kind = {
  id: 'rows-lost',
  title: 'A table has fewer rows than in the source',
  impact: 'What is not there, nobody finds.',
  origin:
    'The copy of a table stopped at an error, a filter was on, or rows were refused by type or key and the mover went on.',
  audit: {
    grades: {
      B: 'both were counted and the source has more; or the table is empty here; or, where one is an estimate, they differ by more than half and by more than 1,000 rows',
    },
    remedy:
      'Read the log of the mover for the table, and copy it again. If rows were deleted here meanwhile, accept the finding.',
    blind:
      'Tables up to 8 MB are counted here, larger ones with `--deep`; the source with `trueup snapshot --count`, or with `--deep` where `--from` is a URL. Otherwise estimates are compared, which are of the last VACUUM or ANALYZE. Rows that differ in their values are not found.',
    unwritten: 'no SQL brings rows back: copy the table again',
    find: rowsMissing,
  },
};

function rowsMissing({ source, target, data }: Evidence): readonly Finding[] {
  if (source === null) return [];
  const here = new Map(target.rows.map((each) => [key(each.schema, each.name), each]));
  const empty = new Set(data.empty.map(({ schema, name }) => key(schema, name)));
  return source.rows.flatMap((before): Finding[] => {
    const { schema, name, rows } = before;
    const now = empty.has(key(schema, name))
      ? { schema, name, rows: 0, exact: true as const }
      : here.get(key(schema, name));
    if (now === undefined || !isLess(now, before, empty.has(key(schema, name)))) return [];
    const object = path(schema, name);
    return [
      {
        grade: 'B',
        object,
        message:
          now.rows === 0 && now.exact
            ? `${object} has no rows; the source has ${count(before)}.`
            : `${object} has ${some(now)}; the source has ${count(before)}.`,
        evidence: [
          `in the source: ${plural(rows, 'row')}${before.exact ? '' : ' (estimate)'}`,
          `here: ${plural(now.rows, 'row')}${now.exact ? '' : ' (estimate)'}`,
        ],
      },
    ];
  });
}

const isLess = (now: RowCount, before: RowCount, isEmpty: boolean): boolean => {
  if (isEmpty || (now.exact && now.rows === 0)) return before.rows > 0;
  if (now.exact && before.exact) return now.rows < before.rows;
  return now.rows < before.rows * SHARE && before.rows - now.rows >= MANY;
};

const count = ({ rows, exact }: RowCount): string => (exact ? String(rows) : `about ${rows}`);

const some = (of: RowCount): string => `${count(of)} ${of.rows === 1 ? 'row' : 'rows'}`;
