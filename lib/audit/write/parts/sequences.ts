/** Repairs sequences and their positions. */
import type { ColumnReference, Sequence } from '../../../../lambda/audit/catalog/sequences';
import { joinKey } from '../../../../lambda/audit/names';
import { buildAdvanceSequenceSql } from '../../../../lambda/defects/repair/id-default';
import { quoteName as name, quoteRelation, quoteTable, quoteText } from '../names';
import type { RepairContext } from '../repair-context';
import type { CreatedObject, RepairStep } from '../repair-step';

/** Formats the options of CREATE SEQUENCE and GENERATED … AS IDENTITY, without those that are the server's defaults. */
export function formatSequenceOptions({ type, increment, min, max, start, cache, cycle }: Sequence): string {
  const up = BigInt(increment) > 0n;
  const [lowest, highest] = up ? ['1', MAX_VALUES[type]] : [`-${BigInt(MAX_VALUES[type]) + 1n}`, '-1'];
  return [
    increment === '1' ? '' : `INCREMENT BY ${increment}`,
    min === lowest ? '' : `MINVALUE ${min}`,
    max === highest ? '' : `MAXVALUE ${max}`,
    start === (up ? min : max) ? '' : `START WITH ${start}`,
    cache === '1' ? '' : `CACHE ${cache}`,
    cycle ? 'CYCLE' : '',
  ]
    .filter(Boolean)
    .join(' ');
}

const MAX_VALUES = { smallint: '32767', integer: '2147483647', bigint: '9223372036854775807' } as const;

/** Returns the server's default options for a column of this type. */
export function getSequenceDefaults(column: string): Omit<Sequence, 'schema' | 'name'> {
  const type = column === 'smallint' || column === 'integer' ? column : 'bigint';
  return { type, start: '1', increment: '1', min: '1', max: MAX_VALUES[type], cache: '1' };
}

export const buildCreateSequenceSql = (sequence: Sequence): string =>
  `CREATE SEQUENCE ${quoteRelation(sequence)} AS ${sequence.type} ${formatSequenceOptions(sequence)}`.trimEnd();

export const toCreatedObject = ({ schema, name: called }: Sequence): CreatedObject => ({
  on: 'sequence',
  schema,
  name: called,
});

export const buildOwnedBySql = (sequence: Sequence, of: ColumnReference): string =>
  `ALTER SEQUENCE ${quoteRelation(sequence)} OWNED BY ${quoteTable(of)}.${name(of.column)}`;

/** Returns the position of the source's sequence; `null` if it was never used or could not be read. */
export const findPosition = (
  { positions }: RepairContext,
  { schema, name: called }: Sequence,
): string | null =>
  positions.find((each) => each.schema === schema && each.name === called && each.isCalled)?.lastValue ??
  null;

/** Builds SQL that moves the sequence forward to the position, never back. */
export const buildSetPositionSql = (sequence: Sequence, to: string): string => {
  const called = quoteRelation(sequence);
  const further = BigInt(sequence.increment) > 0n ? '<' : '>';
  return `SELECT pg_catalog.setval(${quoteText(called)}, ${to}) FROM ${called} WHERE last_value ${further} ${to} OR NOT is_called`;
};

/** Builds SQL that sets the sequence above the existing values of its column. */
export const buildAboveDataSql = (sequence: Sequence, of: ColumnReference): string =>
  buildAdvanceSequenceSql(
    quoteTable(of),
    { sql: name(of.column) },
    { sql: quoteRelation(sequence), increment: Number(sequence.increment) },
  ).replace(/;$/, '');

const buildExistsQuery = (sequence: Sequence): string => {
  const called = quoteRelation(sequence);
  return `SELECT ${quoteText(`There is no sequence ${called}`)} WHERE pg_catalog.to_regclass(${quoteText(called)}) IS NULL`;
};

const buildCommonFields = (sequence: Sequence) => ({
  group: `sequence ${quoteRelation(sequence)}`,
  title: `sequence ${sequence.name}`,
});

export function buildSequenceStep(
  context: RepairContext,
  from: Sequence,
  to: Sequence | undefined,
): RepairStep {
  const called = quoteRelation(from);
  const position = findPosition(context, from);
  if (to === undefined)
    return {
      ...buildCommonFields(from),
      phase: 'sequence',
      about: [`Sequence ${called}, which the source has.`],
      up: [buildCreateSequenceSql(from), ...(position === null ? [] : [buildSetPositionSql(from, position)])],
      verify: [buildExistsQuery(from)],
      creates: [toCreatedObject(from)],
      makes: [joinKey(from.schema, from.name)],
    };
  const turned = BigInt(from.increment) > 0n !== BigInt(to.increment) > 0n;
  return {
    ...buildCommonFields(from),
    phase: 'sequence position',
    about: [`Sequence ${called} has different options from the source.`],
    decide: [`${called} has different options here and in the source. Which should it have?`],
    up: [
      `ALTER SEQUENCE ${called} AS ${from.type} INCREMENT BY ${from.increment} MINVALUE ${from.min} MAXVALUE ${from.max} ${from.cycle ? 'CYCLE' : 'NO CYCLE'} START WITH ${from.start}${turned ? ' RESTART' : ''}`,
    ],
    verify: [
      `SELECT ${quoteText(`${called} has different options from the source`)} WHERE NOT EXISTS (
  SELECT FROM pg_catalog.pg_sequence WHERE seqrelid = pg_catalog.to_regclass(${quoteText(called)})
    AND seqincrement = ${from.increment} AND ${formatBounds(from)})`,
    ],
  };
}

/** If a sequence ends at the limit of its type, its counterpart may have a wider type, and then ends at that limit. */
const formatBounds = ({ type, min, max }: Sequence): string => {
  const highest = MAX_VALUES[type];
  const lowest = String(-BigInt(highest) - 1n);
  return `seqmin ${min === lowest ? '<=' : '='} ${min} AND seqmax ${max === highest ? '>=' : '='} ${max}`;
};

export const buildOwnerStep = (sequence: Sequence, of: ColumnReference): RepairStep => {
  const called = quoteRelation(sequence);
  const table = quoteTable(of);
  return {
    group: `owner of sequence ${called}`,
    title: `owner of sequence ${sequence.name}`,
    table: { schema: of.schema, name: of.table },
    phase: 'sequence position',
    about: [
      `Sequence ${called} is owned by ${table}.${name(of.column)}, so that DROP COLUMN drops it and tools find it.`,
    ],
    up: [buildOwnedBySql(sequence, of)],
    verify: [
      // A column may own several sequences; pg_get_serial_sequence() returns one.
      `SELECT ${quoteText(`${called} is not owned by ${table}.${name(of.column)}`)} WHERE NOT EXISTS (
  SELECT FROM pg_catalog.pg_depend d JOIN pg_catalog.pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
  WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass
    AND d.objid = pg_catalog.to_regclass(${quoteText(called)}) AND d.refobjid = pg_catalog.to_regclass(${quoteText(table)})
    AND d.deptype = 'a' AND a.attname = ${quoteText(of.column)})`,
    ],
  };
};

/** @param type type of the column that the sequence fills */
export const buildWidenStep = (sequence: Sequence, type: string, max?: string): RepairStep => {
  const called = quoteRelation(sequence);
  const limit = max === undefined ? '' : ` MAXVALUE ${max}`;
  return {
    ...buildCommonFields(sequence),
    phase: 'sequence position',
    about: [`Sequence ${called} gets the range of its column.`],
    up: [`ALTER SEQUENCE ${called} AS ${type}${limit}`],
    verify: [
      `SELECT ${quoteText(`${called} ends at `)} || seqmax FROM pg_catalog.pg_sequence
WHERE seqrelid = pg_catalog.to_regclass(${quoteText(called)}) AND seqmax < ${max ?? MAX_VALUES[type as keyof typeof MAX_VALUES]}`,
    ],
  };
};

/** Blocks writers for a moment, so that no session takes a value between max() and setval(). */
export const buildCatchUpStep = (sequence: Sequence, of: ColumnReference): RepairStep => {
  const table = quoteTable(of);
  return {
    ...buildCommonFields(sequence),
    table: { schema: of.schema, name: of.table },
    phase: 'sequence position',
    about: [`Sets ${quoteRelation(sequence)} above the highest ${name(of.column)} of ${table}.`],
    up: [`LOCK TABLE ${table} IN SHARE ROW EXCLUSIVE MODE`, buildAboveDataSql(sequence, of)],
    verify: [
      `SELECT ${quoteText(`${quoteRelation(sequence)} is behind ${table}.${name(of.column)}`)} FROM ${table}
HAVING ${BigInt(sequence.increment) > 0n ? `max(${name(of.column)}) >` : `min(${name(of.column)}) <`} (SELECT last_value FROM ${quoteRelation(sequence)})`,
    ],
  };
};

export const buildAdvanceStep = (sequence: Sequence, to: string): RepairStep => ({
  ...buildCommonFields(sequence),
  phase: 'sequence position',
  about: [`Sets ${quoteRelation(sequence)} to the position of the source's sequence.`],
  up: [buildSetPositionSql(sequence, to)],
  verify: [
    `SELECT ${quoteText(`${quoteRelation(sequence)} is behind the source`)} FROM ${quoteRelation(sequence)}
WHERE last_value ${BigInt(sequence.increment) > 0n ? '<' : '>'} ${to}`,
  ],
});
