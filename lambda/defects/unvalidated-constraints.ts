/** Reports constraints and NOT NULLs that are NOT VALID: existing rows were not checked when they were added. Pure. */
import type { Evidence } from '../audit/evidence';
import type { Confidence, Finding } from '../audit/finding';
import { listNotValidNotNulls } from '../audit/inheritance';
import { formatCount, formatPath, formatReference } from '../audit/names';

export function findUnvalidated({ target, source, data }: Evidence): readonly Finding[] {
  const { constraints } = target.catalog;
  return [
    ...constraints
      .filter(
        // A constraint that does not apply to new rows either is reported by another check.
        ({ notValid, notEnforced, disabled, inherited }) =>
          notValid && !notEnforced && !disabled && !inherited,
      )
      .map((constraint): Finding => {
        const { schema, table, name, type, definition } = constraint;
        const of = { schema, name: table };
        const rows =
          type === 'foreign key'
            ? data.orphans.find((each) => isOnTable(each, of) && each.constraint === formatPath(name))?.rows
            : data.contradictions.find((each) => isOnTable(each, of) && each.constraint === name)?.rows;
        const validated = source?.catalog.constraints.some(
          (each) =>
            isOnTable({ table: { schema: each.schema, name: each.table } }, of) &&
            each.name === name &&
            !each.notValid,
        );
        return {
          object: formatReference(of),
          ...assessConstraint(
            `Constraint ${formatPath(name)} on ${formatReference(of)}`,
            rows,
            validated ?? false,
            [definition],
          ),
          repair: { what: 'validate', constraint },
        };
      }),
    ...listNotValidNotNulls(target.catalog).map((column): Finding => {
      const { schema, table, name } = column;
      const of = { schema, name: table };
      const rows = data.contradictions.find((each) => isOnTable(each, of) && each.column === name)?.rows;
      const validated = source?.catalog.columns.some(
        (each) =>
          each.schema === schema &&
          each.table === table &&
          each.name === name &&
          each.notNull &&
          !each.notNullNotValid,
      );
      return {
        object: formatPath(schema, table, name),
        ...assessConstraint(`NOT NULL of ${formatPath(schema, table, name)}`, rows, validated ?? false, []),
        repair: { what: 'validate not null', column },
      };
    }),
  ];
}

type TableRef = { readonly schema: string; readonly name: string };
const isOnTable = ({ table }: { readonly table: TableRef }, { schema, name }: TableRef): boolean =>
  table.schema === schema && table.name === name;

/**
 * Determines the confidence of the finding about a constraint.
 * @param rows number of rows that violate it; undefined if they were not counted
 */
function assessConstraint(
  what: string,
  rows: number | undefined,
  validated: boolean,
  definition: readonly string[],
): { confidence: Confidence; message: string; evidence: readonly string[] } {
  if (rows !== undefined && rows > 0)
    return {
      confidence: 'A',
      message: `${what} is NOT VALID, and ${formatCount(rows, 'row')} ${rows === 1 ? 'violates' : 'violate'} it.`,
      evidence: definition,
    };
  return {
    confidence: validated ? 'B' : rows === undefined ? 'C' : 'D',
    message: `${what} is NOT VALID${validated ? '; in the source it is validated' : ''}.`,
    evidence: [
      ...definition,
      rows === undefined ? 'existing rows were not checked' : 'no row violates it: it can be validated',
    ],
  };
}
