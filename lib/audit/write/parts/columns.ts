/** Columns: missing ones, their types, NOT NULL, and what fills them. */
import type { Column } from '../../../../lambda/audit/catalogue/columns';
import type { Sequence } from '../../../../lambda/audit/catalogue/sequences';
import type { ComparedId } from '../../../../lambda/audit/compare/difference';
import { key } from '../../../../lambda/audit/names';
import type { Context } from '../context';
import { derived, literal, column as name, relation, tableOf } from '../names';
import type { Part, Unwritten } from '../part';
import { abovePart, createSequence, ownSequence, positionOf, setPosition } from './sequences';
import { columnDefinition, identityClause } from './tables';

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

const common = (column: Column, what: string) => ({
  group: `${what} of ${tableOf(column)}.${name(column.name)}`,
  title: `${what} of ${column.table} ${column.name}`,
});

/** `table', 'column` of a verification function. */
const named = (column: Column): string => `${literal(tableOf(column))}, ${literal(name(column.name))}`;
const pathOf = (column: Column): string => `${tableOf(column)}.${name(column.name)}`;

/** A constant, which old rows get without being written. */
const isConstant = (by: string): boolean =>
  /^(?:'(?:[^']|'')*'|-?[\d.]+|\(-[\d.]+\)|true|false)(?:::[\w\s".,()[\]]+)?$/.test(by);

/** As ADD COLUMN brings it: the rest follows when there is nothing to wait for. */
export function asAdded({ notNull: required, ...column }: Column): Column {
  const { default: by, ...bare } = column;
  if (column.identity || column.generated) return { ...column, ...(required ? { notNull: true } : {}) };
  // Without a value in the old rows it cannot be NOT NULL.
  return by !== undefined && required && isConstant(by) ? { ...column, notNull: true } : bare;
}

function missing(context: Context, from: Column): Part {
  const table = tableOf(from);
  const added = asAdded(from);
  const rewrites = from.identity || (from.generated && !from.virtual);
  return {
    ...common(from, 'column'),
    phase: 'column',
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
          consents: { [from.identity ? 'numbered-column' : 'stored-column']: 'decided above' },
        }
      : {}),
    up: [`ALTER TABLE ${table} ADD COLUMN ${name(from.name)} ${columnDefinition(context, added)}`],
    verify: [`SELECT trueup.has_column(${named(from)})`],
    makes: [key(from.schema, from.table, from.name)],
  };
}

function type(from: Column, to: Column): Part {
  const table = tableOf(from);
  const own = name(from.name);
  const collate = from.collation ? ` COLLATE ${relation(from.collation)}` : '';
  const is = (column: Column): string =>
    column.collation ? `${column.type} COLLATE ${relation(column.collation)}` : column.type;
  const hasDefault = to.default !== undefined && !to.generated;
  const clauses = [
    // The default of one type may not be one of the other.
    ...(hasDefault ? [`ALTER COLUMN ${own} DROP DEFAULT`] : []),
    `ALTER COLUMN ${own} TYPE ${from.type}${collate} USING ${own}::${from.type}`,
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

const isUser =
  ({ schema, table, name: own }: Column) =>
  (each: { readonly schema: string; readonly table: string; readonly column: string }): boolean =>
    each.schema === schema && each.table === table && each.column === own;

/** The source's sequences that the column takes its values from. */
const sequencesOf = ({ source }: Context, column: Column): readonly Sequence[] =>
  source.sequences.filter(({ usedBy = [], identity: own }) => !own && usedBy.some(isUser(column)));

function defaults(context: Context, from: Column, to: Column): Part {
  const table = tableOf(from);
  const own = name(from.name);
  const by = from.default!;
  const has = new Set(context.target.sequences.map((each) => key(each.schema, each.name)));
  const sequences = sequencesOf(context, from);
  const created = sequences.filter((each) => !has.has(key(each.schema, each.name)));
  const up = [
    ...created.map(createSequence),
    `ALTER TABLE ${table} ALTER COLUMN ${own} SET DEFAULT ${by}`,
    ...sequences.flatMap((each) =>
      each.ownedBy && isUser(from)(each.ownedBy) && !owned(context, each)
        ? [ownSequence(each, each.ownedBy)]
        : [],
    ),
    ...sequences.flatMap((each) => positioned(context, each, from)),
  ];
  return {
    ...common(from, 'default'),
    phase: 'default',
    about: [
      `${pathOf(from)} gets its default again, as in the source.${sequences.length > 0 ? ' The sequence begins above the rows that are there.' : ''}`,
    ],
    ...(to.default === undefined
      ? {}
      : {
          decide: [
            `${pathOf(from)} has the default ${oneLineOf(to.default)} here, and ${oneLineOf(by)} in the source: which is right?`,
          ],
        }),
    up,
    // Another major may write the expression otherwise.
    verify: [
      /^nextval\(/.test(by) || sequences.length > 0
        ? `SELECT trueup.col_has_default(${named(from)})`
        : `SELECT trueup.col_default_is(${named(from)}, ${literal(by)})`,
    ],
    down: [
      to.default === undefined
        ? `ALTER TABLE ${table} ALTER COLUMN ${own} DROP DEFAULT`
        : `ALTER TABLE ${table} ALTER COLUMN ${own} SET DEFAULT ${to.default}`,
    ],
    makes: created.map((each) => key(each.schema, each.name)),
  };
}

const oneLineOf = (text: string): string => text.replace(/\s+/g, ' ');

const owned = ({ target }: Context, sequence: Sequence): boolean =>
  target.sequences.some(
    (each) => each.schema === sequence.schema && each.name === sequence.name && each.ownedBy !== undefined,
  );

/** Above the data and above where the source stood: neither alone is enough. */
const positioned = (context: Context, sequence: Sequence, column: Column): string[] => {
  const position = positionOf(context, sequence);
  return [
    ...(position === null ? [] : [setPosition(sequence, position)]),
    abovePart(sequence, { ...column, column: column.name }),
  ];
};

function identity(context: Context, from: Column, to: Column): Part {
  const table = tableOf(from);
  const own = name(from.name);
  const words = from.identity!.toUpperCase();
  const verify = [
    `SELECT ${literal(`${pathOf(from)} is not GENERATED ${words} AS IDENTITY`)} WHERE NOT EXISTS (
  SELECT FROM pg_catalog.pg_attribute WHERE attrelid = pg_catalog.to_regclass(${literal(table)})
    AND attname = ${literal(from.name)} AND attidentity = '${from.identity === 'always' ? 'a' : 'd'}')`,
  ];
  const basis = { ...common(from, 'identity'), phase: 'default' as const, verify };
  if (to.identity)
    return {
      ...basis,
      about: [`${pathOf(from)} is GENERATED ${words} in the source.`],
      decide: [`may a statement give ${pathOf(from)} a value? In the source it is GENERATED ${words}`],
      up: [`ALTER TABLE ${table} ALTER COLUMN ${own} SET GENERATED ${words}`],
    };
  const sequence = context.source.sequences.find(
    ({ identity: is, ownedBy }) => is && ownedBy !== undefined && isUser(from)(ownedBy),
  );
  const taken = sequence && context.target.sequences.some((each) => relation(each) === relation(sequence));
  return {
    ...basis,
    about: [
      `${pathOf(from)} is an identity column again, as in the source. It begins above the rows that are there.`,
    ],
    ...(to.default === undefined
      ? {}
      : {
          decide: [
            `${pathOf(from)} has the default ${oneLineOf(to.default)} here: it has to go before the column can be an identity`,
          ],
        }),
    up: [
      `ALTER TABLE ${table} ALTER COLUMN ${own} ADD ${identityClause(from.identity!, taken ? undefined : sequence)}`,
      ...(sequence && !taken
        ? positioned(context, sequence, from)
        : [
            `SELECT pg_catalog.setval(pg_catalog.pg_get_serial_sequence(${literal(table)}, ${literal(from.name)}), max(${own})) FROM ${table} HAVING max(${own}) IS NOT NULL`,
          ]),
    ],
  };
}
