import type { Constraint } from '../catalogue/constraints';
import { key, list, path } from '../names';
import { type Comparison, type Difference, only } from './difference';
import { grouped, type Pair } from './pair';
import { sameText } from './text';

/** CHECK, foreign keys, EXCLUDE; what is unique is compared as an index. */
export function compareConstraints(pair: Pair): Comparison {
  const byTable = grouped(pair.target.constraints, ({ schema, table }) => key(schema, table));
  return only(
    pair.source.constraints.flatMap((constraint): readonly Difference[] => {
      const { schema, table, name, type, columns = [], references, inherited } = constraint;
      if (type === 'primary key' || type === 'unique' || inherited || pair.isPartition(schema, table))
        return [];
      if (!pair.tables.has(key(schema, table)) || !pair.hasColumns(schema, table, columns)) return [];
      if (references && !pair.tables.has(key(references.schema, references.table))) return [];
      const here = (byTable.get(key(schema, table)) ?? []).filter((each) => each.type === type);
      const alike = here.filter((each) => sameShape(each, constraint));
      const twin = alike.find((each) => each.name === name) ?? alike[0];
      if (twin === undefined)
        return [
          lost(
            constraint,
            here.find((each) => each.name === name),
          ),
        ];
      if (twin.notValid && !constraint.notValid) return [];
      return twin.name === name ? [] : [renamed(constraint, twin)];
    }),
  );
}

/** Whether it was validated is a finding of its own, by the catalogue alone. */
const sameShape = (one: Constraint, other: Constraint): boolean =>
  one.notEnforced === other.notEnforced && sameText(formOf(one), formOf(other));

const formOf = ({ definition }: Constraint): string => definition.replace(/ NOT VALID$/, '');

const differs = (
  id: Difference['id'],
  [from, to]: readonly [from: Constraint, to?: Constraint],
  object: string,
  message: string,
): Difference => ({
  id,
  object,
  message,
  source: from.definition,
  target: to?.definition ?? null,
  lost: [to ? { kind: 'constraints', from, to } : { kind: 'constraints', from }],
  names: [from.name],
  table: [from.schema, from.table],
  columns: from.columns,
});

function lost(constraint: Constraint, same: Constraint | undefined): Difference {
  const { schema, table, name, type, columns = [] } = constraint;
  const object = path(schema, table);
  const foreign = type === 'foreign key';
  const what = foreign ? 'Foreign key' : type === 'check' ? 'CHECK constraint' : 'EXCLUDE constraint';
  return differs(
    foreign ? 'missing-foreign-key' : 'constraint-lost',
    [constraint, same],
    foreign && columns.length === 1 ? path(schema, table, columns[0]!) : object,
    `${what} ${path(name)} on ${object}${foreign ? ` (${list(columns)})` : ''} is ${same ? 'another one here' : 'missing'}.`,
  );
}

const renamed = (from: Constraint, to: Constraint): Difference =>
  differs(
    'renamed',
    [from, to],
    path(from.schema, from.table),
    `${path(from.name)} on ${path(from.schema, from.table)} is called ${path(to.name)} here.`,
  );
