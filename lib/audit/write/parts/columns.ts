/** Repairs missing columns, column types and NOT NULL. */
import type { Column } from '../../../../lambda/audit/catalog/columns';
import type { ComparedId } from '../../../../lambda/audit/compare/difference';
import { buildOnlyClause } from '../../../../lambda/audit/inheritance';
import { joinKey } from '../../../../lambda/audit/names';
import { isSqliteText } from '../../sources/sqlite/language';
import { findByTable, listTableSequences } from '../lookup';
import { buildDerivedName, quoteName as name, quoteRelation, quoteTable, quoteText } from '../names';
import type { RepairContext } from '../repair-context';
import type { RepairStep, Unrepairable } from '../repair-step';
import { buildCommonFields, formatCheckArguments, formatColumnPath } from './column-names';
import { buildDefaultStep, buildIdentityStep } from './column-values';
import { toCreatedObject } from './sequences';
import { buildExpressionQuestions, formatColumnDefinition } from './tables';

export function buildColumnStep(
  context: RepairContext,
  id: ComparedId,
  from: Column,
  to: Column | undefined,
): RepairStep | Unrepairable {
  if (to === undefined) return buildAddColumnStep(context, from);
  switch (id) {
    case 'column-type-changed':
      return buildColumnTypeStep(from, to);
    case 'missing-not-null':
      return buildNotNullStep(from);
    default:
      if (from.default !== undefined && isSqliteText(from.default))
        return { unwritten: "it is in SQLite's SQL dialect; rewrite it for PostgreSQL" };
      return from.generated
        ? buildGeneratedStep(context, from, to)
        : from.identity
          ? buildIdentityStep(context, from, to)
          : buildDefaultStep(context, from, to);
  }
}

/** Whether the default is a constant. Existing rows get a constant without a table rewrite. */
const isConstant = (by: string): boolean =>
  /^(?:'(?:[^']|'')*'|-?[\d.]+|\(-[\d.]+\)|true|false)(?:::[\w\s".,()[\]]+)?$/.test(by);

/** Adds the generated column. The plain column is renamed and kept, so that the values can be compared. */
function buildGeneratedStep(context: RepairContext, from: Column, to: Column): RepairStep | Unrepairable {
  const table = quoteTable(from);
  const own = name(from.name);
  const kept = name(buildDerivedName(from.name, '_found'));
  if (isSqliteText(from.generated!))
    return { unwritten: "its expression is in SQLite's SQL dialect; rewrite it for PostgreSQL" };
  const user = to.generated ? 'another expression' : findColumnUser(context, to);
  if (user !== undefined)
    return {
      unwritten: `PostgreSQL cannot turn a plain column into a generated one, and ${to.generated ? 'this one has' : 'this one is used by'} ${user}: drop the column with its dependents, ADD COLUMN ${own} ${formatColumnDefinition(context, from)}, and create the dependents again`,
    };
  return {
    ...buildCommonFields(from, 'generated column'),
    phase: 'generated column',
    about: [
      `${formatColumnPath(from)} is computed, as in the source, and is now the last column of ${table}. ${kept} has the previous values: compare the two columns, then drop ${kept}.`,
    ],
    decide: [
      `${formatColumnPath(from)} is a plain column here and computed in the source. Does anything write it, and when can ${table} be locked for a rewrite?`,
    ],
    consents: from.virtual ? {} : { 'stored-column': 'decided above' },
    up: [
      `ALTER TABLE ${table} RENAME COLUMN ${own} TO ${kept}`,
      ...(to.notNull ? [`ALTER TABLE ${table} ALTER COLUMN ${kept} DROP NOT NULL`] : []),
      ...(to.default === undefined ? [] : [`ALTER TABLE ${table} ALTER COLUMN ${kept} DROP DEFAULT`]),
      `ALTER TABLE ${table} ADD COLUMN ${own} ${formatColumnDefinition(context, from)}`,
    ],
    verify: [
      `SELECT ${quoteText(`${formatColumnPath(from)} is not computed`)} WHERE NOT EXISTS (
  SELECT FROM pg_catalog.pg_attribute WHERE attrelid = pg_catalog.to_regclass(${quoteText(table)})
    AND attname = ${quoteText(from.name)} AND attgenerated = '${from.virtual ? 'v' : 's'}')`,
    ],
    makes: [joinKey(from.schema, from.table, from.name)],
  };
}

/** Finds an object that would keep using the old column under its new name. */
function findColumnUser(
  { target }: RepairContext,
  { schema, table, name: own, inherited }: Column,
): string | undefined {
  const of = { schema, name: table };
  const names = new RegExp(`(?<![\\w$])${own.replace(/[$^.*+?()[\]{}|\\]/g, '\\$&')}(?![\\w$])`);
  const onTable = <T extends { readonly name: string }>(
    what: string,
    all: readonly T[],
    getText: (each: T) => string,
  ) => all.filter((each) => names.test(getText(each))).map((each) => `${what} ${each.name}`);
  const [first] = [
    ...(inherited ? ['a parent of its table'] : []),
    ...onTable('index', findByTable(target.indexes, of), (each) => each.definition),
    ...onTable('constraint', findByTable(target.constraints, of), (each) => each.definition),
    ...onTable('trigger', findByTable(target.triggers, of), (each) => each.definition),
    ...onTable(
      'policy',
      findByTable(target.policies, of),
      ({ using = '', check = '' }) => `${using} ${check}`,
    ),
    ...onTable('rule', findByTable(target.rules, of), (each) => each.definition),
    ...onTable('column', findByTable(target.columns, of), (each) => each.generated ?? ''),
    ...onTable('view', target.views, (each) => (each.definition.includes(table) ? each.definition : '')),
    ...target.constraints
      .filter(
        ({ references }) =>
          references?.schema === schema && references.table === table && references.columns.includes(own),
      )
      .map((each) => `constraint ${each.name}`),
    ...target.publications
      .filter(({ tables = [] }) => JSON.stringify(tables).includes(JSON.stringify(own)))
      .map((each) => `publication ${each.name}`),
    ...target.grants
      .filter(
        (each) =>
          each.on === 'column' && each.schema === schema && each.name === table && each.column === own,
      )
      .map(() => 'a grant on it'),
  ];
  return first;
}

/** Returns the column as ADD COLUMN creates it. Its other properties are added by later steps. */
export function toAddedColumn({ target }: RepairContext, { notNull: required, ...column }: Column): Column {
  const { default: by, identity: _, ...bare } = column;
  // ADD COLUMN … GENERATED AS IDENTITY fails if the table has children.
  if (column.identity && buildOnlyClause(target, { schema: column.schema, name: column.table })) return bare;
  if (column.identity || column.generated) return { ...column, ...(required ? { notNull: true } : {}) };
  // The column can be NOT NULL only if existing rows get a value.
  return by !== undefined && required && isConstant(by) ? { ...column, notNull: true } : bare;
}

function buildAddColumnStep(context: RepairContext, from: Column): RepairStep {
  const table = quoteTable(from);
  const added = toAddedColumn(context, from);
  const open = buildExpressionQuestions([from]);
  const rewrites = added.identity || (from.generated && open.length === 0 && !from.virtual);
  return {
    ...buildCommonFields(from, 'column'),
    phase: added.generated ? 'generated column' : 'column',
    about: [
      `Column ${formatColumnPath(from)}, which the source has. ${
        rewrites
          ? 'It is computed for existing rows.'
          : added.default === undefined
            ? 'It is NULL in existing rows: copy their values again.'
            : 'Existing rows get its default: copy their values again.'
      }`,
    ],
    ...(rewrites
      ? {
          decide: [`${table} is locked while it is rewritten. When?`],
          consents: { [added.identity ? 'serial-column' : 'stored-column']: 'decided above' },
        }
      : { decide: open }),
    up: [`ALTER TABLE ${table} ADD COLUMN ${name(from.name)} ${formatColumnDefinition(context, added)}`],
    verify: [`SELECT trueup.has_column(${formatCheckArguments(from)})`],
    creates: listTableSequences(context.source, { schema: from.schema, name: from.table })
      .filter(
        ({ identity: is, ownedBy }) =>
          added.identity !== undefined && is && ownedBy?.table === from.table && ownedBy.column === from.name,
      )
      .map(toCreatedObject),
    makes: [joinKey(from.schema, from.table, from.name)],
  };
}

function buildColumnTypeStep(from: Column, to: Column): RepairStep | Unrepairable {
  if (to.generated && !isText(from.type) && !castsDirectly(to.type, from.type))
    return {
      unwritten:
        'PostgreSQL does not recompute a generated column when its type changes: drop the column and add it again',
    };
  const table = quoteTable(from);
  const own = name(from.name);
  const collate = from.collation ? ` COLLATE ${quoteRelation(from.collation)}` : '';
  const is = (column: Column): string =>
    column.collation ? `${column.type} COLLATE ${quoteRelation(column.collation)}` : column.type;
  const hasDefault = to.default !== undefined && !to.generated;
  const clauses = [
    // The default may not be valid for the new type.
    ...(hasDefault ? [`ALTER COLUMN ${own} DROP DEFAULT`] : []),
    `ALTER COLUMN ${own} TYPE ${from.type}${collate}${to.generated ? '' : ` USING ${own}${buildCast(to.type, from.type)}`}`,
    ...(hasDefault && from.default !== undefined ? [`ALTER COLUMN ${own} SET DEFAULT ${from.default}`] : []),
  ];
  return {
    ...buildCommonFields(from, 'type'),
    phase: 'column type',
    about: [`${formatColumnPath(from)} is ${is(to)}; in the source it is ${is(from)}.`],
    decide: [
      `can every value of ${formatColumnPath(from)} be converted to ${is(from)}, and when can ${table} be locked for a rewrite?`,
    ],
    consents: { 'column-type': 'decided above', 'using-expression': 'decided above' },
    preflight: [
      `SELECT pg_catalog.format('%s uses ' || ${quoteText(formatColumnPath(from))} || ': drop it before and create it again afterwards', r.ev_class::pg_catalog.regclass)
FROM pg_catalog.pg_depend d JOIN pg_catalog.pg_rewrite r ON r.oid = d.objid
JOIN pg_catalog.pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
WHERE d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass AND d.refobjid = pg_catalog.to_regclass(${quoteText(table)})
  AND a.attname = ${quoteText(from.name)} GROUP BY r.ev_class`,
    ],
    up: [`ALTER TABLE ${table} ${clauses.join(',\n  ')}`],
    verify: [`SELECT trueup.col_type_is(${formatCheckArguments(from)}, ${quoteText(from.type)})`],
  };
}

const TYPE_FAMILIES = [
  /^(?:smallint|integer|bigint|numeric|real|double precision)\b/,
  /^(?:date|timestamp)\b/,
  /^jsonb?$/,
  /^bit\b/,
];
const isText = (type: string): boolean => /^(?:text|character|"char"|name)\b[^[]*$/.test(type);

/** Whether the server has a direct cast between the types; for two arrays, between their elements. */
function castsDirectly(from: string, to: string): boolean {
  const [, one, oneIs] = /^(.*?)((?:\[\])*)$/.exec(from)!;
  const [, other, otherIs] = /^(.*?)((?:\[\])*)$/.exec(to)!;
  const bare = (type: string): string => type.replace(/\([\d,]+\)/, '');
  return (
    oneIs === otherIs &&
    (bare(one!) === bare(other!) || TYPE_FAMILIES.some((family) => family.test(one!) && family.test(other!)))
  );
}

/** Builds the cast, through text if there is no direct one. */
const buildCast = (from: string, to: string): string =>
  `${castsDirectly(from, to) || isText(from) || isText(to) ? '' : '::text'}::${to}`;

/** SET NOT NULL skips its table scan if a validated CHECK proves that there are no NULLs. */
function buildNotNullStep(from: Column): RepairStep {
  const table = quoteTable(from);
  const own = name(from.name);
  const check = name(buildDerivedName(`${from.table}_${from.name}`, '_has_value'));
  return {
    ...buildCommonFields(from, 'not null'),
    phase: 'not null',
    about: [
      `${formatColumnPath(from)} is NOT NULL, as in the source. Writers are not blocked while the rows are read.`,
    ],
    preflight: [
      `SELECT pg_catalog.format(${quoteText('%s rows of %s have no %s: set it first')}, count(*), ${quoteText(table)}, ${quoteText(own)})
FROM ${table} WHERE ${own} IS NULL HAVING count(*) > 0`,
    ],
    up: [
      `ALTER TABLE ${table} ADD CONSTRAINT ${check} CHECK (${own} IS NOT NULL) NOT VALID`,
      `ALTER TABLE ${table} VALIDATE CONSTRAINT ${check}`,
      `ALTER TABLE ${table} ALTER COLUMN ${own} SET NOT NULL`,
      `ALTER TABLE ${table} DROP CONSTRAINT ${check}`,
    ],
    verify: [`SELECT trueup.col_not_null(${formatCheckArguments(from)})`],
    down: [`ALTER TABLE ${table} ALTER COLUMN ${own} DROP NOT NULL`],
  };
}
