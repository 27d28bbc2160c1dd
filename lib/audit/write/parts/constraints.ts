/** Repairs CHECKs, foreign keys and exclusion constraints. CHECKs and foreign keys are added NOT VALID and then validated. */
import type { Column } from '../../../../lambda/audit/catalog/columns';
import { type Constraint, isChecked } from '../../../../lambda/audit/catalog/constraints';
import { findTable } from '../../../../lambda/audit/find-table';
import { buildOnlyClause } from '../../../../lambda/audit/inheritance';
import { buildDerivedName, quoteName as name, quoteArray, quoteTable, quoteText } from '../names';
import type { RepairContext } from '../repair-context';
import type { RepairStep, Unrepairable } from '../repair-step';

const NOT_VALID = / NOT VALID$/;
const NOT_ENFORCED = / NOT ENFORCED$/;
const NAMED_BY_SERVER = /_fkey\d*$/;
const buildConstraintGroup = (constraint: Constraint): string =>
  `constraint ${quoteTable(constraint)} ${name(constraint.name)}`;

export const formatConstraintGroup = buildConstraintGroup;

export function buildConstraintStep(
  context: RepairContext,
  from: Constraint,
  to: Constraint | undefined,
): RepairStep | Unrepairable {
  const table = quoteTable(from);
  const own = name(from.name);
  const foreign = from.type === 'foreign key';
  const bare = from.definition.replace(NOT_VALID, '');
  const away = to
    ? [`ALTER TABLE ${table} RENAME CONSTRAINT ${own} TO ${name(buildDerivedName(from.name, '_found'))}`]
    : [];
  const isPartitioned = ({ schema, table: of }: Pick<Constraint, 'schema' | 'table'>): boolean =>
    findTable(context.target, { schema, name: of })?.kind === 'partitioned';
  const scans = from.type === 'exclusion' || (foreign && isPartitioned(from));
  const comesLast = from.references && isPartitioned(from.references) && !NAMED_BY_SERVER.test(from.name);
  const open = from.notValid || from.notEnforced;
  const what = foreign ? 'Foreign key' : from.type === 'check' ? 'CHECK' : 'Exclusion constraint';
  return {
    phase: comesLast ? 'foreign key to partitions' : foreign ? 'foreign key' : 'constraint',
    group: buildConstraintGroup(from),
    title: `${foreign ? 'foreign key' : 'constraint'} ${from.table} ${from.name}`,
    table: { schema: from.schema, name: from.table },
    about: [
      `${what} ${own} on ${table}, which the source has.${from.notValid ? ' It is also NOT VALID there.' : ''}`,
    ],
    decide: [
      ...(to
        ? [
            `${own} on ${table} differs from the source. The existing one is kept as ${name(buildDerivedName(from.name, '_found'))}, and both are enforced. Which one should stay?`,
          ]
        : []),
      ...(scans ? [`${table} cannot be written to while it is scanned. When?`] : []),
    ],
    ...(scans ? { consents: { [foreign ? 'constraint-scan' : 'constraint-index']: 'decided above' } } : {}),
    preflight: open ? [] : buildViolationChecks(context, from),
    up: [
      ...away,
      `ALTER TABLE ${table} ADD CONSTRAINT ${own} ${bare}${scans || from.notEnforced ? '' : ' NOT VALID'}`,
      ...(scans || open ? [] : [`ALTER TABLE ${table} VALIDATE CONSTRAINT ${own}`]),
    ],
    verify: buildVerification(from),
    ...(to ? {} : { down: [`ALTER TABLE ${table} DROP CONSTRAINT ${own}`] }),
  };
}

export function buildRenameConstraintStep(from: Constraint, to: Constraint): RepairStep {
  const table = quoteTable(from);
  return {
    phase: 'rename',
    group: `rename ${table} ${name(from.name)}`,
    title: `rename ${from.table} ${from.name}`,
    about: [`${name(to.name)} on ${table} is called ${name(from.name)} in the source.`],
    decide: [`does anything use the current name ${name(to.name)}? It would fail`],
    up: [`ALTER TABLE ${table} RENAME CONSTRAINT ${name(to.name)} TO ${name(from.name)}`],
    verify: buildExistsCheck(from, false),
  };
}

/**
 * Creates a constraint again that is not enforced: a foreign key whose triggers are disabled, or a foreign key or CHECK
 * that is NOT ENFORCED. Only a superuser may enable a constraint's triggers, but the owner may create it again, which
 * also checks the rows that were written meanwhile.
 */
export function buildEnforceStep(context: RepairContext, constraint: Constraint): RepairStep {
  const { definition, notEnforced, references } = constraint;
  const { notValid: _v, notEnforced: _e, disabled: _d, ...whole } = constraint;
  const table = quoteTable(constraint);
  const own = name(constraint.name);
  const made = buildConstraintStep(
    context,
    { ...whole, definition: definition.replace(NOT_VALID, '').replace(NOT_ENFORCED, '') },
    undefined,
  ) as RepairStep;
  const [add = '', ...rest] = made.up;
  const locked =
    references && [table, quoteTable(references)].filter((each, i, all) => all.indexOf(each) === i);
  const comments = context.target.comments.filter(
    ({ on, object }) => on === 'table constraint' && object === `${own} on ${table}`,
  );
  const { down: _, ...part } = made;
  return {
    ...part,
    title: `enforce ${constraint.table} ${constraint.name}`,
    about: [
      `${references ? 'Foreign key' : 'CHECK'} ${own} on ${table} is created again: ${notEnforced ? 'it is NOT ENFORCED' : 'its triggers are disabled'}, so nothing checks it.`,
    ],
    decide: [
      ...(made.decide ?? []),
      ...(notEnforced ? [`${own} on ${table} is NOT ENFORCED. Should every row satisfy it?`] : []),
    ],
    up: [
      // Dropping the foreign key also drops its triggers on the referenced table.
      ...(locked ? [`LOCK TABLE ${locked.join(', ')} IN ACCESS EXCLUSIVE MODE`] : []),
      add.replace(`ALTER TABLE ${table} `, `ALTER TABLE ${table} DROP CONSTRAINT ${own}, `),
      ...comments.map(({ comment }) => `COMMENT ON CONSTRAINT ${own} ON ${table} IS ${quoteText(comment)}`),
      ...rest,
    ],
    verify: [...made.verify, ...(references ? buildFiringCte(constraint) : [])],
  };
}

/** Finds disabled triggers of the constraint and of the partitions' constraints that belong to it. */
const buildFiringCte = (constraint: Constraint): string[] => [
  `WITH RECURSIVE k AS (
  SELECT oid FROM pg_catalog.pg_constraint WHERE conrelid = pg_catalog.to_regclass(${quoteText(quoteTable(constraint))}) AND conname = ${quoteText(constraint.name)}
  UNION ALL SELECT c.oid FROM pg_catalog.pg_constraint AS c JOIN k ON c.conparentid = k.oid)
SELECT ${quoteText(`Triggers of ${name(constraint.name)} on ${quoteTable(constraint)} are disabled`)}
WHERE EXISTS (SELECT FROM pg_catalog.pg_trigger AS g JOIN k ON k.oid = g.tgconstraint WHERE g.tgenabled IN ('D', 'R'))`,
];

/** Validates an existing NOT VALID constraint. */
export function buildValidateStep(context: RepairContext, constraint: Constraint): RepairStep {
  const table = quoteTable(constraint);
  return {
    phase: constraint.type === 'foreign key' ? 'foreign key' : 'constraint',
    group: buildConstraintGroup(constraint),
    title: `validate ${constraint.table} ${constraint.name}`,
    table: { schema: constraint.schema, name: constraint.table },
    about: [`${name(constraint.name)} on ${table} also holds for existing rows.`],
    preflight: buildViolationChecks(context, constraint),
    up: [`ALTER TABLE ${table} VALIDATE CONSTRAINT ${name(constraint.name)}`],
    verify: buildExistsCheck(constraint, true),
  };
}

/** Validates a NOT NULL … NOT VALID constraint of PostgreSQL 18, by SET NOT NULL. */
export function buildValidateNotNullStep(column: Column): RepairStep {
  const table = quoteTable(column);
  const own = name(column.name);
  return {
    phase: 'not null',
    group: `not null of ${table}.${own}`,
    title: `not null of ${column.table} ${column.name}`,
    about: [`NOT NULL of ${table}.${own} also holds for existing rows.`],
    decide: [`${table} is locked while it is scanned. When?`],
    consents: { 'set-not-null': 'decided above' },
    preflight: [
      `SELECT pg_catalog.format('%s rows of %s have no %s: set it first', count(*), ${quoteText(table)}, ${quoteText(own)})
FROM ${table} WHERE ${own} IS NULL HAVING count(*) > 0`,
    ],
    up: [`ALTER TABLE ${table} ALTER COLUMN ${own} SET NOT NULL`],
    verify: [`SELECT trueup.col_not_null(${quoteText(table)}, ${quoteText(own)})`],
  };
}

/** Builds queries that count the rows that violate the constraint. */
function buildViolationChecks({ target }: RepairContext, constraint: Constraint): string[] {
  const table = quoteTable(constraint);
  const only = buildOnlyClause(target, { schema: constraint.schema, name: constraint.table });
  if (constraint.type === 'check') {
    const expression = extractExpression(constraint);
    return [
      `SELECT pg_catalog.format('%s rows of %s violate %s', count(*), ${quoteText(table)}, ${quoteText(name(constraint.name))})
FROM ${/ NO INHERIT\b/.test(constraint.definition) ? only : ''}${table} WHERE NOT ${expression} HAVING count(*) > 0`,
    ];
  }
  const { columns = [], references } = constraint;
  if (constraint.type !== 'foreign key' || references === undefined) return [];
  const own = columns.map((each) => `t.${name(each)}`);
  const pairs = own.map((each, i) => `r.${name(references.columns[i]!)} = ${each}`);
  return [
    `SELECT pg_catalog.format('%s rows of %s refer by (%s) to rows of %s that do not exist', count(*), ${quoteText(table)},
  ${quoteText(columns.map(name).join(', '))}, ${quoteText(quoteTable(references))})
FROM ${only}${table} AS t WHERE ${isChecked(constraint, own)}
  AND NOT EXISTS (SELECT FROM ${buildOnlyClause(target, { schema: references.schema, name: references.table })}${quoteTable(references)} AS r WHERE ${pairs.join(' AND ')}) HAVING count(*) > 0`,
  ];
}

/** Returns the expression: `CHECK ((a > 0)) NO INHERIT` → `((a > 0))`. */
const extractExpression = ({ definition }: Constraint): string =>
  definition
    .replace(NOT_VALID, '')
    .replace(NOT_ENFORCED, '')
    .replace(/ NO INHERIT$/, '')
    .replace(/^CHECK /, '');

function buildVerification(constraint: Constraint): string[] {
  const { type, columns = [], references, notValid, notEnforced } = constraint;
  const table = quoteText(quoteTable(constraint));
  if (notEnforced || type === 'exclusion') return buildExistsCheck(constraint, !notValid && !notEnforced);
  const validated = notValid ? ', validated => false' : '';
  if (type === 'check')
    return [`SELECT trueup.has_check(${table}, ${quoteText(extractExpression(constraint))}${validated})`];
  const action = / ON DELETE (CASCADE|SET NULL|SET DEFAULT|RESTRICT)/.exec(constraint.definition)?.[1];
  const update = / ON UPDATE (CASCADE|SET NULL|SET DEFAULT|RESTRICT)/.exec(constraint.definition)?.[1];
  return [
    `SELECT trueup.fk_ok(${table}, ${quoteArray(columns.map(name))}, ${quoteText(quoteTable(references!))}, ${quoteArray(references!.columns.map(name))},
  on_delete => ${quoteText(action ?? 'NO ACTION')}, on_update => ${quoteText(update ?? 'NO ACTION')}${validated})`,
  ];
}

const buildExistsCheck = (constraint: Constraint, validated: boolean): string[] => [
  `SELECT ${quoteText(`${quoteTable(constraint)} has no ${validated ? 'validated ' : ''}constraint ${name(constraint.name)}`)} WHERE NOT EXISTS (
  SELECT FROM pg_catalog.pg_constraint WHERE conrelid = pg_catalog.to_regclass(${quoteText(quoteTable(constraint))})
    AND conname = ${quoteText(constraint.name)}${validated ? ' AND convalidated' : ''})`,
];
