import type { Constraint } from '../catalogue/constraints';
import { key, list, path } from '../names';
import { type Comparison, type Difference, only } from './difference';
import { grouped, type Pair } from './pair';
import { sameText } from './text';
import { twinsOf } from './twins';

/** CHECK, foreign keys, EXCLUDE; what is unique is compared as an index. */
export function compareConstraints(pair: Pair): Comparison {
  const ofTable = ({ schema, table }: Constraint) => key(schema, table);
  const here = grouped(pair.target.constraints, ofTable);
  return only(
    [...grouped(pair.source.constraints, ofTable)].flatMap(([table, constraints]) =>
      compareTable(pair, constraints, here.get(table) ?? []),
    ),
  );
}

const isCompared = ({ type, inherited }: Constraint): boolean =>
  type !== 'primary key' && type !== 'unique' && !inherited;

function compareTable(
  pair: Pair,
  constraints: readonly Constraint[],
  here: readonly Constraint[],
): readonly Difference[] {
  const inherited = new Set(constraints.filter((each) => each.inherited).map(({ name }) => name));
  const isInherited = (each: Constraint): boolean => each.inherited === true || inherited.has(each.name);
  const compared = constraints.filter(isCompared);
  const twins = twinsOf(compared, here, [sameShape], isInherited);
  return compared.flatMap((constraint): readonly Difference[] => {
    const { schema, table, name, type, columns = [], references } = constraint;
    if (pair.isDetached(schema, table)) return [];
    if (!pair.tables.has(key(schema, table)) || !pair.hasColumns(schema, table, columns)) return [];
    if (references && !pair.tables.has(key(references.schema, references.table))) return [];
    const found = twins.get(constraint);
    const another = here.find((each) => each.name === name && each.type === type);
    if (found === undefined || (found.isTaken && another)) return [lost(constraint, another)];
    if (found.isTaken) return [redundant(constraint, found.twin)];
    if (found.twin.notValid && !constraint.notValid) return [];
    return found.twin.name === name ? [] : [renamed(constraint, found.twin)];
  });
}

/** Whether it was validated is a finding of its own, by the catalogue alone. */
const sameShape = (one: Constraint, other: Constraint): boolean =>
  one.type === other.type && one.notEnforced === other.notEnforced && sameText(formOf(one), formOf(other));

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

/** One of several that do the same is missing. */
const redundant = (from: Constraint, { name, definition }: Constraint): Difference => ({
  ...differs(
    'renamed',
    [from],
    path(from.schema, from.table),
    `${path(from.name)} on ${path(from.schema, from.table)} is missing; ${path(name)}, which does the same, is there.`,
  ),
  target: definition,
});
