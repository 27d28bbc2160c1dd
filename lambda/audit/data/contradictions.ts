/** Rows that contradict a CHECK or a NOT NULL that is NOT VALID: which tables are to be asked, and how. Pure. */
import { quoteIdentifier } from '../../sql/quote';
import type { Catalogue } from '../catalogue';
import type { Constraint } from '../catalogue/constraints';
import type { Contradictions } from '../evidence';
import { notNullsNotValid, onlyIn } from '../inheritance';
import { key } from '../names';
import { type Count, quoted } from './ask';

type ContradictionsOf = Omit<Contradictions, 'rows'>;

/** Foreign keys are asked for orphaned rows. */
export function contradictionsWanted(target: Catalogue): readonly Count<ContradictionsOf>[] {
  const types = new Map(target.columns.map((each) => [key(each.schema, each.table, each.name), each.type]));
  return [
    ...target.constraints.flatMap((constraint): Count<ContradictionsOf>[] => {
      const { schema, table: name, name: of, type, notValid, notEnforced, inherited } = constraint;
      if (type !== 'check' || !notValid || notEnforced || inherited) return [];
      const condition = harmlessCheck(constraint, (column) => types.get(key(schema, name, column)));
      const table = { schema, name };
      if (condition === null) return [];
      const own = / NO INHERIT\b/.test(constraint.definition) ? onlyIn(target, table) : '';
      return [{ about: { table, constraint: of }, table, sql: count(own, table, `NOT ${condition}`) }];
    }),
    ...notNullsNotValid(target).map(({ schema, table: name, name: column }): Count<ContradictionsOf> => {
      const table = { schema, name };
      return {
        about: { table, column },
        table,
        sql: count('', table, `${quoteIdentifier(column)} IS NULL`),
      };
    }),
  ];
}

/** What children inherit is about their rows as well. */
const count = (only: 'ONLY ' | '', table: ContradictionsOf['table'], where: string): string =>
  `SELECT count(*)::text AS count FROM ${only}${quoted(table)} WHERE ${where}`;

/** What does nothing but compute, beside words of SQL that a bracket follows. */
const HARMLESS = new Set(
  (
    'and or not in is any all array case when then else coalesce nullif greatest least between like ' +
    'varying character numeric bit timestamp time interval ' +
    'length char_length octet_length bit_length lower upper btrim ltrim rtrim left right strpos replace ' +
    'abs round floor ceil ceiling mod cardinality array_length array_position num_nulls num_nonnulls ' +
    'json_typeof jsonb_typeof jsonb_array_length date_part date_trunc isfinite'
  ).split(' '),
);

/**
 * Its condition, where it can run none but the server's own code: whoever owns the table wrote it, and it would be run
 * with the rights of whoever audits. The server writes the schema of what is not its own; it hides casts, so the
 * columns are of its own types too.
 *
 * @param typeOf a column, with its schema unless it is the server's
 */
export function harmlessCheck(
  { definition, columns = [] }: Pick<Constraint, 'definition' | 'columns'>,
  typeOf: (column: string) => string | undefined,
): string | null {
  const condition = /^CHECK (\(.*\))(?: NO INHERIT)?(?: NOT VALID)?$/s.exec(definition)?.[1];
  if (condition === undefined || condition.includes('\\')) return null;
  if (
    !columns.every((each) =>
      /^[a-z ]+(?:\([\d,]+\))?(?: with(?:out)? time zone)?(?:\[\])*$/.test(typeOf(each) ?? ''),
    )
  )
    return null;
  const bare = condition.replace(/'(?:[^']|'')*'/g, '0').replace(/"(?:[^"]|"")*"/g, 'quoted_');
  if (/[a-z_]\w*\s*\./i.test(bare)) return null;
  const called = [...bare.matchAll(/([a-z_]\w*)\s*\(/gi)].map(([, name]) => name!.toLowerCase());
  return called.every((name) => HARMLESS.has(name)) ? condition : null;
}
