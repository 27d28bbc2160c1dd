/** CHECKs, foreign keys and exclusion constraints: added without a look at the rows, and validated without a lock on writers. */
import type { Column } from '../../../../lambda/audit/catalogue/columns';
import type { Constraint } from '../../../../lambda/audit/catalogue/constraints';
import { onlyIn } from '../../../../lambda/audit/inheritance';
import { tableIn } from '../../../../lambda/audit/table-in';
import type { Context } from '../context';
import { array, derived, literal, column as name, sqlTable, tableOf } from '../names';
import type { Part, Unwritten } from '../part';

const NOT_VALID = / NOT VALID$/;
const NAMED_BY_SERVER = /_fkey\d*$/;
const group = (constraint: Constraint): string =>
  `constraint ${tableOf(constraint)} ${name(constraint.name)}`;

export const groupOfConstraint = group;

export function constraintPart(
  context: Context,
  from: Constraint,
  to: Constraint | undefined,
): Part | Unwritten {
  const table = tableOf(from);
  const own = name(from.name);
  const foreign = from.type === 'foreign key';
  const bare = from.definition.replace(NOT_VALID, '');
  const away = to
    ? [`ALTER TABLE ${table} RENAME CONSTRAINT ${own} TO ${name(derived(from.name, '_found'))}`]
    : [];
  const isPartitioned = ({ schema, table: of }: Pick<Constraint, 'schema' | 'table'>): boolean =>
    tableIn(context.target, { schema, name: of })?.kind === 'partitioned';
  const scans = from.type === 'exclusion' || (foreign && isPartitioned(from));
  const comesLast = from.references && isPartitioned(from.references) && !NAMED_BY_SERVER.test(from.name);
  const open = from.notValid || from.notEnforced;
  const what = foreign ? 'Foreign key' : from.type === 'check' ? 'CHECK' : 'Exclusion constraint';
  return {
    phase: comesLast ? 'foreign key to partitions' : foreign ? 'foreign key' : 'constraint',
    group: group(from),
    title: `${foreign ? 'foreign key' : 'constraint'} ${from.table} ${from.name}`,
    about: [
      `${what} ${own} on ${table}, which the source has.${from.notValid ? ' It is NOT VALID there, too.' : ''}`,
    ],
    decide: [
      ...(to
        ? [
            `${own} on ${table} is another one here than in the source: it is kept under the name ${name(derived(from.name, '_found'))}, and both hold; which is right?`,
          ]
        : []),
      ...(scans ? [`${table} cannot be written to while all of it is read: when?`] : []),
    ],
    ...(scans ? { consents: { [foreign ? 'constraint-scan' : 'constraint-index']: 'decided above' } } : {}),
    preflight: open ? [] : violations(context, from),
    up: [
      ...away,
      `ALTER TABLE ${table} ADD CONSTRAINT ${own} ${bare}${scans || from.notEnforced ? '' : ' NOT VALID'}`,
      ...(scans || open ? [] : [`ALTER TABLE ${table} VALIDATE CONSTRAINT ${own}`]),
    ],
    verify: verification(from),
    ...(to ? {} : { down: [`ALTER TABLE ${table} DROP CONSTRAINT ${own}`] }),
  };
}

export function renamedConstraint(from: Constraint, to: Constraint): Part {
  const table = tableOf(from);
  return {
    phase: 'rename',
    group: `rename ${table} ${name(from.name)}`,
    title: `rename ${from.table} ${from.name}`,
    about: [`${name(to.name)} on ${table} is called ${name(from.name)} in the source.`],
    decide: [`does anything name ${name(to.name)}, as it is called here? It would find it no more`],
    up: [`ALTER TABLE ${table} RENAME CONSTRAINT ${name(to.name)} TO ${name(from.name)}`],
    verify: exists(from, false),
  };
}

/** One that is there, NOT VALID. */
export function validatePart(context: Context, constraint: Constraint): Part {
  const table = tableOf(constraint);
  return {
    phase: constraint.type === 'foreign key' ? 'foreign key' : 'constraint',
    group: group(constraint),
    title: `validate ${constraint.table} ${constraint.name}`,
    about: [`${name(constraint.name)} on ${table} holds for the rows that are there as well.`],
    preflight: violations(context, constraint),
    up: [`ALTER TABLE ${table} VALIDATE CONSTRAINT ${name(constraint.name)}`],
    verify: exists(constraint, true),
  };
}

/** NOT NULL … NOT VALID, PostgreSQL 18: SET NOT NULL validates it. */
export function validateNotNull(column: Column): Part {
  const table = tableOf(column);
  const own = name(column.name);
  return {
    phase: 'not null',
    group: `not null of ${table}.${own}`,
    title: `not null of ${column.table} ${column.name}`,
    about: [`NOT NULL of ${table}.${own} holds for the rows that are there as well.`],
    decide: [`all of ${table} is read while nobody can use it: when?`],
    consents: { 'set-not-null': 'decided above' },
    preflight: [
      `SELECT pg_catalog.format('%s rows of %s have no %s: give them one first', count(*), ${literal(table)}, ${literal(own)})
FROM ${table} WHERE ${own} IS NULL HAVING count(*) > 0`,
    ],
    up: [`ALTER TABLE ${table} ALTER COLUMN ${own} SET NOT NULL`],
    verify: [`SELECT trueup.col_not_null(${literal(table)}, ${literal(own)})`],
  };
}

/** How many rows stand in the way. */
function violations({ target }: Context, constraint: Constraint): string[] {
  const table = tableOf(constraint);
  const only = onlyIn(target, { schema: constraint.schema, name: constraint.table });
  if (constraint.type === 'check') {
    const expression = expressionOf(constraint);
    return [
      `SELECT pg_catalog.format('%s rows of %s violate %s', count(*), ${literal(table)}, ${literal(name(constraint.name))})
FROM ${/ NO INHERIT\b/.test(constraint.definition) ? only : ''}${table} WHERE NOT ${expression} HAVING count(*) > 0`,
    ];
  }
  const { columns = [], references } = constraint;
  if (constraint.type !== 'foreign key' || references === undefined) return [];
  const own = columns.map((each) => `t.${name(each)}`);
  const pairs = own.map((each, i) => `r.${name(references.columns[i]!)} = ${each}`);
  return [
    `SELECT pg_catalog.format('%s rows of %s refer by (%s) to rows of %s that do not exist', count(*), ${literal(table)},
  ${literal(columns.map(name).join(', '))}, ${literal(sqlTable(references))})
FROM ${only}${table} AS t WHERE ${own.map((each) => `${each} IS NOT NULL`).join(' AND ')}
  AND NOT EXISTS (SELECT FROM ${onlyIn(target, { schema: references.schema, name: references.table })}${sqlTable(references)} AS r WHERE ${pairs.join(' AND ')}) HAVING count(*) > 0`,
  ];
}

/** `CHECK ((a > 0)) NO INHERIT` → `((a > 0))` */
const expressionOf = ({ definition }: Constraint): string =>
  definition
    .replace(NOT_VALID, '')
    .replace(/ NOT ENFORCED$/, '')
    .replace(/ NO INHERIT$/, '')
    .replace(/^CHECK /, '');

function verification(constraint: Constraint): string[] {
  const { type, columns = [], references, notValid, notEnforced } = constraint;
  const table = literal(tableOf(constraint));
  if (notEnforced || type === 'exclusion') return exists(constraint, !notValid && !notEnforced);
  const validated = notValid ? ', validated => false' : '';
  if (type === 'check')
    return [`SELECT trueup.has_check(${table}, ${literal(expressionOf(constraint))}${validated})`];
  const action = / ON DELETE (CASCADE|SET NULL|SET DEFAULT|RESTRICT)/.exec(constraint.definition)?.[1];
  const update = / ON UPDATE (CASCADE|SET NULL|SET DEFAULT|RESTRICT)/.exec(constraint.definition)?.[1];
  return [
    `SELECT trueup.fk_ok(${table}, ${array(columns.map(name))}, ${literal(sqlTable(references!))}, ${array(references!.columns.map(name))},
  on_delete => ${literal(action ?? 'NO ACTION')}, on_update => ${literal(update ?? 'NO ACTION')}${validated})`,
  ];
}

const exists = (constraint: Constraint, validated: boolean): string[] => [
  `SELECT ${literal(`${tableOf(constraint)} has no ${validated ? 'validated ' : ''}constraint ${name(constraint.name)}`)} WHERE NOT EXISTS (
  SELECT FROM pg_catalog.pg_constraint WHERE conrelid = pg_catalog.to_regclass(${literal(tableOf(constraint))})
    AND conname = ${literal(constraint.name)}${validated ? ' AND convalidated' : ''})`,
];
