/** Repairs generated values of columns: defaults, their sequences, and identity columns. */
import type { Column } from '../../../../lambda/audit/catalog/columns';
import type { Sequence } from '../../../../lambda/audit/catalog/sequences';
import { listDescendants } from '../../../../lambda/audit/inheritance';
import { joinKey } from '../../../../lambda/audit/names';
import { findByTable } from '../lookup';
import { buildDerivedName, quoteName as name, quoteTable, quoteText } from '../names';
import type { RepairContext } from '../repair-context';
import type { RepairStep } from '../repair-step';
import { buildCommonFields, formatCheckArguments, formatColumnPath } from './column-names';
import { callsUserFunction } from './new-table';
import {
  buildAboveDataSql,
  buildCreateSequenceSql,
  buildOwnedBySql,
  buildSetPositionSql,
  findPosition,
  getSequenceDefaults,
  toCreatedObject,
} from './sequences';
import { formatIdentityClause } from './tables';

const createUserFilter =
  ({ schema, table, name: own }: Column) =>
  (each: { readonly schema: string; readonly table: string; readonly column: string }): boolean =>
    each.schema === schema && each.table === table && each.column === own;

/** Lists the source's sequences that the column takes its values from. */
const listColumnSequences = ({ source }: RepairContext, column: Column): readonly Sequence[] =>
  source.sequences.filter(({ usedBy = [], identity: own }) => !own && usedBy.some(createUserFilter(column)));

/** Returns `ONLY` if children have another default, since ALTER TABLE would set theirs too. */
export function buildOnlyForDefault(
  { source, target }: Pick<RepairContext, 'source' | 'target'>,
  from: Column,
): 'ONLY ' | '' {
  const isOther = (column: Column): boolean => column.name === from.name && column.default !== from.default;
  const children = listDescendants(target, { schema: from.schema, name: from.table });
  return children.some((child) => findByTable(source.columns, child).some(isOther)) ? 'ONLY ' : '';
}

export function buildDefaultStep(context: RepairContext, from: Column, to: Column): RepairStep {
  const table = `${buildOnlyForDefault(context, from)}${quoteTable(from)}`;
  const own = name(from.name);
  const by = from.default!;
  const has = new Set(context.target.sequences.map((each) => joinKey(each.schema, each.name)));
  const sequences = listColumnSequences(context, from);
  const created = sequences.filter((each) => !has.has(joinKey(each.schema, each.name)));
  const up = [
    ...created.map(buildCreateSequenceSql),
    `ALTER TABLE ${table} ALTER COLUMN ${own} SET DEFAULT ${by}`,
    ...sequences.flatMap((each) =>
      each.ownedBy && createUserFilter(from)(each.ownedBy) && !isOwned(context, each)
        ? [buildOwnedBySql(each, each.ownedBy)]
        : [],
    ),
    ...sequences.flatMap((each) => buildPositionSql(context, each, from)),
  ];
  return {
    ...buildCommonFields(from, 'default'),
    phase: 'default',
    creates: created.map(toCreatedObject),
    about: [
      `${formatColumnPath(from)} gets the default of the source.${sequences.length > 0 ? ' The sequence starts above the existing values.' : ''}`,
    ],
    ...(to.default === undefined
      ? {}
      : {
          decide: [
            `${formatColumnPath(from)} has the default ${toOneLine(to.default)} here and ${toOneLine(by)} in the source. Which one should it have?`,
          ],
        }),
    up,
    // Another major version may print the expression differently, and an SQL function may call objects that are created later.
    verify: [
      /^nextval\(/.test(by) || sequences.length > 0 || callsUserFunction(context.source, by)
        ? `SELECT trueup.col_has_default(${formatCheckArguments(from)})`
        : `SELECT trueup.col_default_is(${formatCheckArguments(from)}, ${quoteText(by)})`,
    ],
    down: [
      to.default === undefined
        ? `ALTER TABLE ${table} ALTER COLUMN ${own} DROP DEFAULT`
        : `ALTER TABLE ${table} ALTER COLUMN ${own} SET DEFAULT ${to.default}`,
    ],
    makes: created.map((each) => joinKey(each.schema, each.name)),
  };
}

const toOneLine = (text: string): string => text.replace(/\s+/g, ' ');

const isOwned = ({ target }: RepairContext, sequence: Sequence): boolean =>
  target.sequences.some(
    (each) => each.schema === sequence.schema && each.name === sequence.name && each.ownedBy !== undefined,
  );

/** Sets the sequence above both the existing values and the source's position; either may be the higher one. */
const buildPositionSql = (
  context: RepairContext,
  sequence: Sequence,
  column: Column,
  from: Sequence | undefined = sequence,
): string[] => {
  const position = from ? findPosition(context, from) : null;
  return [
    ...(position === null ? [] : [buildSetPositionSql(sequence, position)]),
    // Texts that contain a number cannot be compared with the sequence.
    ...(/^(smallint|integer|bigint|numeric)/.test(column.type)
      ? [buildAboveDataSql(sequence, { ...column, column: column.name })]
      : []),
  ];
};

export function buildIdentityStep(context: RepairContext, from: Column, to: Column): RepairStep {
  const table = quoteTable(from);
  const own = name(from.name);
  const words = from.identity!.toUpperCase();
  const verify = [
    `SELECT ${quoteText(`${formatColumnPath(from)} is not GENERATED ${words} AS IDENTITY`)} WHERE NOT EXISTS (
  SELECT FROM pg_catalog.pg_attribute WHERE attrelid = pg_catalog.to_regclass(${quoteText(table)})
    AND attname = ${quoteText(from.name)} AND attidentity = '${from.identity === 'always' ? 'a' : 'd'}')`,
  ];
  const basis = { ...buildCommonFields(from, 'identity'), phase: 'default' as const, verify };
  if (to.identity)
    return {
      ...basis,
      about: [`${formatColumnPath(from)} is GENERATED ${words} in the source.`],
      decide: [`may statements set ${formatColumnPath(from)}? In the source it is GENERATED ${words}`],
      up: [`ALTER TABLE ${table} ALTER COLUMN ${own} SET GENERATED ${words}`],
    };
  const sequence = context.source.sequences.find(
    ({ identity: is, ownedBy }) => is && ownedBy !== undefined && createUserFilter(from)(ownedBy),
  );
  // The column may still own an earlier sequence, so the new one is found by its name.
  const counter: Sequence = {
    ...getSequenceDefaults(from.type),
    ...sequence,
    schema: from.schema,
    name: findFreeName(context, from, sequence),
  };
  return {
    ...basis,
    about: [
      `${formatColumnPath(from)} becomes an identity column, as in the source. It starts above the existing values.`,
    ],
    ...(to.default === undefined
      ? {}
      : {
          decide: [
            `${formatColumnPath(from)} has the default ${toOneLine(to.default)} here. Drop the default before the column becomes an identity column`,
          ],
        }),
    up: [
      `ALTER TABLE ${table} ALTER COLUMN ${own} ADD ${formatIdentityClause(from.identity!, counter)}`,
      ...buildPositionSql(context, counter, from, sequence),
    ],
    creates: [toCreatedObject(counter)],
  };
}

/** Returns the sequence name of the source if it is free, otherwise a name that the server would choose. */
function findFreeName(
  { target }: RepairContext,
  { schema, table, name: own }: Column,
  from: Sequence | undefined,
): string {
  const taken = new Set(
    [...target.sequences, ...target.tables, ...target.views, ...target.indexes]
      .filter((each) => each.schema === schema)
      .map((each) => each.name),
  );
  const names = [
    ...(from?.schema === schema ? [from.name] : []),
    buildDerivedName(`${table}_${own}`, '_seq'),
  ];
  for (let i = 1; ; i++) {
    const free = names.find((each) => !taken.has(each));
    if (free !== undefined) return free;
    names.push(buildDerivedName(`${table}_${own}`, `_seq${i}`));
  }
}
