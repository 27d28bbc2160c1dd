import type { Constraint } from '../catalog/constraints';
import { formatNames, formatPath, joinKey } from '../names';
import { type Comparison, type Difference, makeComparison } from './difference';
import { matchObjects } from './match-objects';
import { type CatalogPair, groupBy } from './pair';
import { isSameText } from './text';

/** Compares CHECK, foreign key and EXCLUDE constraints. Primary keys and UNIQUE constraints are compared as indexes. */
export function compareConstraints(pair: CatalogPair): Comparison {
  const ofTable = ({ schema, table }: Constraint) => joinKey(schema, table);
  const here = groupBy(pair.target.constraints, ofTable);
  return makeComparison(
    [...groupBy(pair.source.constraints, ofTable)].flatMap(([table, constraints]) =>
      compareTableConstraints(pair, constraints, here.get(table) ?? []),
    ),
  );
}

const isComparable = ({ type, inherited }: Constraint): boolean =>
  type !== 'primary key' && type !== 'unique' && !inherited;

function compareTableConstraints(
  pair: CatalogPair,
  constraints: readonly Constraint[],
  here: readonly Constraint[],
): readonly Difference[] {
  const inherited = new Set(constraints.filter((each) => each.inherited).map(({ name }) => name));
  const isInherited = (each: Constraint): boolean => each.inherited === true || inherited.has(each.name);
  const compared = constraints.filter(isComparable);
  const twins = matchObjects(compared, here, [hasSameShape], isInherited);
  return compared.flatMap((constraint): readonly Difference[] => {
    const { schema, table, name, type, columns = [], references } = constraint;
    if (pair.isDetached(schema, table)) return [];
    if (!pair.tables.has(joinKey(schema, table)) || !pair.hasColumns(schema, table, columns)) return [];
    if (references && !pair.tables.has(joinKey(references.schema, references.table))) return [];
    const found = twins.get(constraint);
    const another = here.find((each) => each.name === name && each.type === type);
    if (found === undefined || (found.isTaken && another)) return [makeLostConstraint(constraint, another)];
    if (found.isTaken) return [makeRedundantConstraint(constraint, found.twin)];
    if ((found.twin.notValid && !constraint.notValid) || found.twin.notEnforced !== constraint.notEnforced)
      return [];
    return found.twin.name === name ? [] : [makeRenamedConstraint(constraint, found.twin)];
  });
}

/** Ignores whether the constraint is validated or enforced: checks of the target's catalog report that separately. */
const hasSameShape = (here: Constraint, from: Constraint): boolean =>
  here.type === from.type &&
  (here.notEnforced === from.notEnforced || here.notEnforced === true) &&
  isSameText(stripState(here), stripState(from));

const stripState = ({ definition }: Constraint): string => definition.replace(/ NOT (VALID|ENFORCED)$/, '');

const makeConstraintDifference = (
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

function makeLostConstraint(constraint: Constraint, same: Constraint | undefined): Difference {
  const { schema, table, name, type, columns = [] } = constraint;
  const object = formatPath(schema, table);
  const foreign = type === 'foreign key';
  const what = foreign ? 'Foreign key' : type === 'check' ? 'CHECK constraint' : 'EXCLUDE constraint';
  return makeConstraintDifference(
    foreign ? 'missing-foreign-key' : 'missing-constraint',
    [constraint, same],
    foreign && columns.length === 1 ? formatPath(schema, table, columns[0]!) : object,
    `${what} ${formatPath(name)} on ${object}${foreign ? ` (${formatNames(columns)})` : ''} ${same ? 'differs from the source' : 'is missing'}.`,
  );
}

const makeRenamedConstraint = (from: Constraint, to: Constraint): Difference =>
  makeConstraintDifference(
    'constraint-renamed',
    [from, to],
    formatPath(from.schema, from.table),
    `${formatPath(from.name)} on ${formatPath(from.schema, from.table)} is called ${formatPath(to.name)} here.`,
  );

/** Reports a missing constraint of which the target still has an equivalent under another name. */
const makeRedundantConstraint = (from: Constraint, { name, definition }: Constraint): Difference => ({
  ...makeConstraintDifference(
    'constraint-renamed',
    [from],
    formatPath(from.schema, from.table),
    `${formatPath(from.name)} on ${formatPath(from.schema, from.table)} is missing, but the equivalent ${formatPath(name)} exists.`,
  ),
  target: definition,
});
