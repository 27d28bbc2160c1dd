/** Columns: missing ones, their types, NOT NULL. */
import type { Column } from '../../../../lambda/audit/catalogue/columns';
import type { ComparedId } from '../../../../lambda/audit/compare/difference';
import { onlyIn } from '../../../../lambda/audit/inheritance';
import { key } from '../../../../lambda/audit/names';
import { isInSqlite } from '../../sources/sqlite/language';
import type { Context } from '../context';
import { derived, literal, column as name, relation, tableOf } from '../names';
import type { Part, Unwritten } from '../part';
import { common, named, pathOf } from './column-names';
import { defaults, identity } from './column-values';
import { asksForExpression, columnDefinition } from './tables';

export function columnPart(
  context: Context,
  id: ComparedId,
  from: Column,
  to: Column | undefined,
): Part | Unwritten {
  if (to === undefined) return missing(context, from);
  switch (id) {
    case 'column-type':
      return type(from, to);
    case 'not-null-lost':
      return notNull(from);
    default:
      if (from.default !== undefined && isInSqlite(from.default))
        return { unwritten: "it is written in SQLite's language; write it in PostgreSQL's" };
      return from.generated
        ? {
            unwritten:
              'PostgreSQL cannot make a plain column a generated one: it has to be dropped and added',
          }
        : from.identity
          ? identity(context, from, to)
          : defaults(context, from, to);
  }
}

/** A constant, which old rows get without being written. */
const isConstant = (by: string): boolean =>
  /^(?:'(?:[^']|'')*'|-?[\d.]+|\(-[\d.]+\)|true|false)(?:::[\w\s".,()[\]]+)?$/.test(by);

/** As ADD COLUMN brings it: the rest follows when there is nothing to wait for. */
export function asAdded({ target }: Context, { notNull: required, ...column }: Column): Column {
  const { default: by, identity: _, ...bare } = column;
  // Where children would have to be given the column as well, ADD COLUMN takes no identity.
  if (column.identity && onlyIn(target, { schema: column.schema, name: column.table })) return bare;
  if (column.identity || column.generated) return { ...column, ...(required ? { notNull: true } : {}) };
  // Without a value in the old rows it cannot be NOT NULL.
  return by !== undefined && required && isConstant(by) ? { ...column, notNull: true } : bare;
}

function missing(context: Context, from: Column): Part {
  const table = tableOf(from);
  const added = asAdded(context, from);
  const open = asksForExpression([from]);
  const rewrites = added.identity || (from.generated && open.length === 0 && !from.virtual);
  return {
    ...common(from, 'column'),
    phase: added.generated ? 'generated column' : 'column',
    about: [
      `Column ${pathOf(from)}, which the source has. ${
        rewrites
          ? 'It is computed for the rows that are there.'
          : added.default === undefined
            ? 'It is NULL in the rows that are there: their values have to be copied again.'
            : 'The rows that are there get its default: their values have to be copied again.'
      }`,
    ],
    ...(rewrites
      ? {
          decide: [`${table} is rewritten while nobody can use it: when?`],
          consents: { [added.identity ? 'numbered-column' : 'stored-column']: 'decided above' },
        }
      : { decide: open }),
    up: [`ALTER TABLE ${table} ADD COLUMN ${name(from.name)} ${columnDefinition(context, added)}`],
    verify: [`SELECT trueup.has_column(${named(from)})`],
    makes: [key(from.schema, from.table, from.name)],
  };
}

function type(from: Column, to: Column): Part | Unwritten {
  if (to.generated && !isText(from.type) && !castsDirectly(to.type, from.type))
    return {
      unwritten:
        'PostgreSQL does not compute a generated column anew when its type changes: it has to be dropped and added',
    };
  const table = tableOf(from);
  const own = name(from.name);
  const collate = from.collation ? ` COLLATE ${relation(from.collation)}` : '';
  const is = (column: Column): string =>
    column.collation ? `${column.type} COLLATE ${relation(column.collation)}` : column.type;
  const hasDefault = to.default !== undefined && !to.generated;
  const clauses = [
    // The default of one type may not be one of the other.
    ...(hasDefault ? [`ALTER COLUMN ${own} DROP DEFAULT`] : []),
    `ALTER COLUMN ${own} TYPE ${from.type}${collate}${to.generated ? '' : ` USING ${own}${castOf(to.type, from.type)}`}`,
    ...(hasDefault && from.default !== undefined ? [`ALTER COLUMN ${own} SET DEFAULT ${from.default}`] : []),
  ];
  return {
    ...common(from, 'type'),
    phase: 'column type',
    about: [`${pathOf(from)} is ${is(to)}; in the source it is ${is(from)}.`],
    decide: [
      `does every value of ${pathOf(from)} become ${is(from)}, and when may ${table} be rewritten while nobody can use it?`,
    ],
    consents: { 'column-type': 'decided above', 'using-values': 'decided above' },
    preflight: [
      `SELECT pg_catalog.format('%s uses ' || ${literal(pathOf(from))} || ': drop it before, and make it again afterwards', r.ev_class::pg_catalog.regclass)
FROM pg_catalog.pg_depend d JOIN pg_catalog.pg_rewrite r ON r.oid = d.objid
JOIN pg_catalog.pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
WHERE d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass AND d.refobjid = pg_catalog.to_regclass(${literal(table)})
  AND a.attname = ${literal(from.name)} GROUP BY r.ev_class`,
    ],
    up: [`ALTER TABLE ${table} ${clauses.join(',\n  ')}`],
    verify: [`SELECT trueup.col_type_is(${named(from)}, ${literal(from.type)})`],
  };
}

const FAMILIES = [
  /^(?:smallint|integer|bigint|numeric|real|double precision)\b/,
  /^(?:date|timestamp)\b/,
  /^jsonb?$/,
  /^bit\b/,
];
const isText = (type: string): boolean => /^(?:text|character|"char"|name)\b[^[]*$/.test(type);

/** A cast that the server has, of each element where both are arrays. */
function castsDirectly(from: string, to: string): boolean {
  const [, one, oneIs] = /^(.*?)((?:\[\])*)$/.exec(from)!;
  const [, other, otherIs] = /^(.*?)((?:\[\])*)$/.exec(to)!;
  const bare = (type: string): string => type.replace(/\([\d,]+\)/, '');
  return (
    oneIs === otherIs &&
    (bare(one!) === bare(other!) || FAMILIES.some((family) => family.test(one!) && family.test(other!)))
  );
}

/** Between any two types there is a way by text. */
const castOf = (from: string, to: string): string =>
  `${castsDirectly(from, to) || isText(from) || isText(to) ? '' : '::text'}::${to}`;

/** The server skips its scan where a validated CHECK says the same. */
function notNull(from: Column): Part {
  const table = tableOf(from);
  const own = name(from.name);
  const check = name(derived(`${from.table}_${from.name}`, '_has_value'));
  return {
    ...common(from, 'not null'),
    phase: 'not null',
    about: [`${pathOf(from)} is NOT NULL, as in the source. No lock is held while the rows are read.`],
    preflight: [
      `SELECT pg_catalog.format(${literal('%s rows of %s have no %s: give them one first')}, count(*), ${literal(table)}, ${literal(own)})
FROM ${table} WHERE ${own} IS NULL HAVING count(*) > 0`,
    ],
    up: [
      `ALTER TABLE ${table} ADD CONSTRAINT ${check} CHECK (${own} IS NOT NULL) NOT VALID`,
      `ALTER TABLE ${table} VALIDATE CONSTRAINT ${check}`,
      `ALTER TABLE ${table} ALTER COLUMN ${own} SET NOT NULL`,
      `ALTER TABLE ${table} DROP CONSTRAINT ${check}`,
    ],
    verify: [`SELECT trueup.col_not_null(${named(from)})`],
    down: [`ALTER TABLE ${table} ALTER COLUMN ${own} DROP NOT NULL`],
  };
}
