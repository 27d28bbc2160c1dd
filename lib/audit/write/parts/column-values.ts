/** What fills a column: a default, the sequences that it takes values from, an identity. */
import type { Column } from '../../../../lambda/audit/catalogue/columns';
import type { Sequence } from '../../../../lambda/audit/catalogue/sequences';
import { descendantsOf } from '../../../../lambda/audit/inheritance';
import { key } from '../../../../lambda/audit/names';
import type { Context } from '../context';
import { belonging } from '../lookup';
import { derived, literal, column as name, tableOf } from '../names';
import type { Part } from '../part';
import { common, named, pathOf } from './column-names';
import { callsOwn } from './new-table';
import { abovePart, countsAs, createSequence, ownSequence, positionOf, setPosition } from './sequences';
import { identityClause } from './tables';

const isUser =
  ({ schema, table, name: own }: Column) =>
  (each: { readonly schema: string; readonly table: string; readonly column: string }): boolean =>
    each.schema === schema && each.table === table && each.column === own;

/** The source's sequences that the column takes its values from. */
const sequencesOf = ({ source }: Context, column: Column): readonly Sequence[] =>
  source.sequences.filter(({ usedBy = [], identity: own }) => !own && usedBy.some(isUser(column)));

/** ALTER TABLE gives the children of a table its default, too: they may have another one. */
export function onlyForDefault(
  { source, target }: Pick<Context, 'source' | 'target'>,
  from: Column,
): 'ONLY ' | '' {
  const isOther = (column: Column): boolean => column.name === from.name && column.default !== from.default;
  const children = descendantsOf(target, { schema: from.schema, name: from.table });
  return children.some((child) => belonging(source.columns, child).some(isOther)) ? 'ONLY ' : '';
}

export function defaults(context: Context, from: Column, to: Column): Part {
  const table = `${onlyForDefault(context, from)}${tableOf(from)}`;
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
    // Another major may write the expression otherwise; and a function in SQL may call what is made later.
    verify: [
      /^nextval\(/.test(by) || sequences.length > 0 || callsOwn(context.source, by)
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
const positioned = (
  context: Context,
  sequence: Sequence,
  column: Column,
  from: Sequence | undefined = sequence,
): string[] => {
  const position = from ? positionOf(context, from) : null;
  return [
    ...(position === null ? [] : [setPosition(sequence, position)]),
    // A text that a number is part of is not above anything.
    ...(/^(smallint|integer|bigint|numeric)/.test(column.type)
      ? [abovePart(sequence, { ...column, column: column.name })]
      : []),
  ];
};

export function identity(context: Context, from: Column, to: Column): Part {
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
  // One that the column had before may still belong to it: the new one needs a name to be found by.
  const counter: Sequence = {
    ...countsAs(from.type),
    ...sequence,
    schema: from.schema,
    name: freeName(context, from, sequence),
  };
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
      `ALTER TABLE ${table} ALTER COLUMN ${own} ADD ${identityClause(from.identity!, counter)}`,
      ...positioned(context, counter, from, sequence),
    ],
  };
}

/** That of the source, or one that the server would give. */
function freeName(
  { target }: Context,
  { schema, table, name: own }: Column,
  from: Sequence | undefined,
): string {
  const taken = new Set(
    [...target.sequences, ...target.tables, ...target.views, ...target.indexes]
      .filter((each) => each.schema === schema)
      .map((each) => each.name),
  );
  const names = [...(from?.schema === schema ? [from.name] : []), derived(`${table}_${own}`, '_seq')];
  for (let i = 1; ; i++) {
    const free = names.find((each) => !taken.has(each));
    if (free !== undefined) return free;
    names.push(derived(`${table}_${own}`, `_seq${i}`));
  }
}
