import type { Evidence } from '../../audit/evidence';
import type { Finding } from '../../audit/finding';
import { formatCount, formatPath, joinKey } from '../../audit/names';
import type { RowCount } from '../../audit/rows';
import type { FindingKind } from '../kind';

/**
 * Estimates ignore what was written since the last ANALYZE, so a difference must exceed this number and share of rows.
 */
const MIN_LOST_ROWS = 1_000;
const MIN_LOST_SHARE = 1 / 2;

export const missingRows: FindingKind = {
  id: 'missing-rows',
  title: 'A table has fewer rows than in the source',
  impact: 'Queries do not find the missing rows.',
  origin:
    'Copying the table stopped at an error, a filter was active, or the migration tool continued after rows were rejected because of a type or key.',
  audit: {
    confidences: {
      B: 'both were counted and the source has more; or the table is empty here; or, where one is an estimate, they differ by more than half and by more than 1,000 rows',
    },
    remedy:
      'Read the log of the migration tool for the table, and copy the table again. If rows were deleted here on purpose, suppress the finding.',
    blind:
      'Tables up to 8 MB are counted here, larger ones with `--full-scan`; the source with `trueup snapshot --exact-counts`, or with `--full-scan` where `--from` is a URL. Otherwise, estimates of the last VACUUM or ANALYZE are compared. Rows with different values are not found.',
    unwritten: 'SQL cannot restore the rows: copy the table again',
    find: findMissingRows,
  },
};

function findMissingRows({ source, target, data }: Evidence): readonly Finding[] {
  if (source === null) return [];
  const here = new Map(target.rows.map((each) => [joinKey(each.schema, each.name), each]));
  const empty = new Set(data.empty.map(({ schema, name }) => joinKey(schema, name)));
  return source.rows.flatMap((before): Finding[] => {
    const { schema, name, rows } = before;
    const now = empty.has(joinKey(schema, name))
      ? { schema, name, rows: 0, exact: true as const }
      : here.get(joinKey(schema, name));
    if (now === undefined || !isLess(now, before, empty.has(joinKey(schema, name)))) return [];
    const object = formatPath(schema, name);
    return [
      {
        confidence: 'B',
        object,
        message:
          now.rows === 0 && now.exact
            ? `${object} has no rows; the source has ${formatRowCount(before)}.`
            : `${object} has ${formatRows(now)}; the source has ${formatRowCount(before)}.`,
        evidence: [
          `in the source: ${formatCount(rows, 'row')}${before.exact ? '' : ' (estimate)'}`,
          `here: ${formatCount(now.rows, 'row')}${now.exact ? '' : ' (estimate)'}`,
        ],
      },
    ];
  });
}

const isLess = (now: RowCount, before: RowCount, isEmpty: boolean): boolean => {
  if (isEmpty || (now.exact && now.rows === 0)) return before.rows > 0;
  if (now.exact && before.exact) return now.rows < before.rows;
  return now.rows < before.rows * MIN_LOST_SHARE && before.rows - now.rows >= MIN_LOST_ROWS;
};

const formatRowCount = ({ rows, exact }: RowCount): string => (exact ? String(rows) : `about ${rows}`);

const formatRows = (of: RowCount): string => `${formatRowCount(of)} ${of.rows === 1 ? 'row' : 'rows'}`;
