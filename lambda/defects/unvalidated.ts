/** Constraints and NOT NULLs that no row was checked against when they came. Pure. */
import type { Evidence } from '../audit/evidence';
import type { Finding, Grade } from '../audit/finding';
import { notNullsNotValid } from '../audit/inheritance';
import { path, pathOf, plural } from '../audit/names';

export function unvalidated({ target, source, data }: Evidence): readonly Finding[] {
  const { constraints } = target.catalogue;
  return [
    ...constraints
      .filter(({ notValid, notEnforced, inherited }) => notValid && !notEnforced && !inherited)
      .map((constraint): Finding => {
        const { schema, table, name, type, definition } = constraint;
        const of = { schema, name: table };
        const rows =
          type === 'foreign key'
            ? data.orphans.find((each) => isOf(each, of) && each.constraint === path(name))?.rows
            : data.contradictions.find((each) => isOf(each, of) && each.constraint === name)?.rows;
        const validated = source?.catalogue.constraints.some(
          (each) =>
            isOf({ table: { schema: each.schema, name: each.table } }, of) &&
            each.name === name &&
            !each.notValid,
        );
        return {
          object: pathOf(of),
          ...judged(`Constraint ${path(name)} on ${pathOf(of)}`, rows, validated ?? false, [definition]),
          mend: { what: 'validate', constraint },
        };
      }),
    ...notNullsNotValid(target.catalogue).map((column): Finding => {
      const { schema, table, name } = column;
      const of = { schema, name: table };
      const rows = data.contradictions.find((each) => isOf(each, of) && each.column === name)?.rows;
      const validated = source?.catalogue.columns.some(
        (each) =>
          each.schema === schema &&
          each.table === table &&
          each.name === name &&
          each.notNull &&
          !each.notNullNotValid,
      );
      return {
        object: path(schema, table, name),
        ...judged(`NOT NULL of ${path(schema, table, name)}`, rows, validated ?? false, []),
        mend: { what: 'validate not null', column },
      };
    }),
  ];
}

type Of = { readonly schema: string; readonly name: string };
const isOf = ({ table }: { readonly table: Of }, { schema, name }: Of): boolean =>
  table.schema === schema && table.name === name;

/** @param rows that contradict it; undefined where it was not looked at */
function judged(
  what: string,
  rows: number | undefined,
  validated: boolean,
  definition: readonly string[],
): { grade: Grade; message: string; evidence: readonly string[] } {
  if (rows !== undefined && rows > 0)
    return {
      grade: 'A',
      message: `${what} is NOT VALID, and ${plural(rows, 'row')} ${rows === 1 ? 'contradicts' : 'contradict'} it.`,
      evidence: definition,
    };
  return {
    grade: validated ? 'B' : rows === undefined ? 'C' : 'D',
    message: `${what} is NOT VALID${validated ? '; in the source it is validated' : ''}.`,
    evidence: [
      ...definition,
      rows === undefined
        ? 'whether rows contradict it was not looked at'
        : 'no row contradicts it: it can be validated',
    ],
  };
}
