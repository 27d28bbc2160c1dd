/**
 * Finds rows that violate a CHECK or NOT NULL constraint that is NOT VALID: selects the tables and builds the queries.
 * Pure.
 */
import { quoteIdentifier } from '../../sql/quote';
import type { Catalog } from '../catalog';
import type { Constraint } from '../catalog/constraints';
import type { ContradictingRows } from '../evidence';
import { buildOnlyClause, listNotValidNotNulls } from '../inheritance';
import { joinKey } from '../names';
import { type CountQuery, quoteReference } from './count-queries';

type ContradictionSubject = Omit<ContradictingRows, 'rows'>;

/** Lists the queries to run. Foreign keys are left out, since they are checked for orphaned rows. */
export function planContradictionCounts(target: Catalog): readonly CountQuery<ContradictionSubject>[] {
  const types = new Map(
    target.columns.map((each) => [joinKey(each.schema, each.table, each.name), each.type]),
  );
  return [
    ...target.constraints.flatMap((constraint): CountQuery<ContradictionSubject>[] => {
      const { schema, table: name, name: of, type, notValid, notEnforced, inherited } = constraint;
      if (type !== 'check' || !notValid || notEnforced || inherited) return [];
      const condition = extractHarmlessCheck(constraint, (column) =>
        types.get(joinKey(schema, name, column)),
      );
      const table = { schema, name };
      if (condition === null) return [];
      const own = / NO INHERIT\b/.test(constraint.definition) ? buildOnlyClause(target, table) : '';
      return [
        {
          about: { table, constraint: of },
          table,
          sql: buildContradictionCountSql(own, table, `NOT ${condition}`),
        },
      ];
    }),
    ...listNotValidNotNulls(target).map(
      ({ schema, table: name, name: column }): CountQuery<ContradictionSubject> => {
        const table = { schema, name };
        return {
          about: { table, column },
          table,
          sql: buildContradictionCountSql('', table, `${quoteIdentifier(column)} IS NULL`),
        };
      },
    ),
  ];
}

/** Counts rows of child tables too, since they inherit the constraint. */
const buildContradictionCountSql = (
  only: 'ONLY ' | '',
  table: ContradictionSubject['table'],
  where: string,
): string => `SELECT count(*)::text AS count FROM ${only}${quoteReference(table)} WHERE ${where}`;

/** Functions without side effects, and SQL keywords that a parenthesis may follow. */
const HARMLESS_FUNCTIONS = new Set(
  (
    'and or not in is any all array case when then else coalesce nullif greatest least between like ' +
    'varying character numeric bit timestamp time interval ' +
    'length char_length octet_length bit_length lower upper btrim ltrim rtrim left right strpos replace ' +
    'abs round floor ceil ceiling mod cardinality array_length array_position num_nulls num_nonnulls ' +
    'json_typeof jsonb_typeof jsonb_array_length date_part date_trunc isfinite'
  ).split(' '),
);

/**
 * Returns the condition of a CHECK if it can only run the server's own code, or null. The table's owner wrote the
 * condition, and it would run with the privileges of the auditing role. The server qualifies functions that are not its
 * own with their schema. It hides casts, however, so all columns must have built-in types too.
 *
 * @param getType returns the type of a column, with its schema unless the type is built-in
 */
export function extractHarmlessCheck(
  { definition, columns = [] }: Pick<Constraint, 'definition' | 'columns'>,
  getType: (column: string) => string | undefined,
): string | null {
  const condition = /^CHECK (\(.*\))(?: NO INHERIT)?(?: NOT VALID)?$/s.exec(definition)?.[1];
  if (condition === undefined || condition.includes('\\')) return null;
  if (
    !columns.every((each) =>
      /^[a-z ]+(?:\([\d,]+\))?(?: with(?:out)? time zone)?(?:\[\])*$/.test(getType(each) ?? ''),
    )
  )
    return null;
  const bare = condition.replace(/'(?:[^']|'')*'/g, '0').replace(/"(?:[^"]|"")*"/g, 'quoted_');
  if (/[a-z_]\w*\s*\./i.test(bare)) return null;
  const called = [...bare.matchAll(/([a-z_]\w*)\s*\(/gi)].map(([, name]) => name!.toLowerCase());
  return called.every((name) => HARMLESS_FUNCTIONS.has(name)) ? condition : null;
}
