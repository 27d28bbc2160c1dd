/** Sequences, and where they stand. */
import type { ColumnReference, Sequence } from '../../../../lambda/audit/catalogue/sequences';
import { key } from '../../../../lambda/audit/names';
import { aboveData } from '../../../../lambda/defects/repair/id-default';
import type { Context } from '../context';
import { literal, column as name, relation, tableOf } from '../names';
import type { Part } from '../part';

/** As CREATE SEQUENCE and GENERATED … AS IDENTITY take them; what the server takes by itself is left out. */
export function sequenceOptions({ type, increment, min, max, start, cache, cycle }: Sequence): string {
  const up = BigInt(increment) > 0n;
  const [lowest, highest] = up ? ['1', HIGHEST[type]] : [`-${BigInt(HIGHEST[type]) + 1n}`, '-1'];
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

const HIGHEST = { smallint: '32767', integer: '2147483647', bigint: '9223372036854775807' } as const;

/** What the server takes by itself, for a column of this type. */
export function countsAs(column: string): Omit<Sequence, 'schema' | 'name'> {
  const type = column === 'smallint' || column === 'integer' ? column : 'bigint';
  return { type, start: '1', increment: '1', min: '1', max: HIGHEST[type], cache: '1' };
}

export const createSequence = (sequence: Sequence): string =>
  `CREATE SEQUENCE ${relation(sequence)} AS ${sequence.type} ${sequenceOptions(sequence)}`.trimEnd();

export const ownSequence = (sequence: Sequence, of: ColumnReference): string =>
  `ALTER SEQUENCE ${relation(sequence)} OWNED BY ${tableOf(of)}.${name(of.column)}`;

/** Where the one of the source stands, if it ever gave a value; null where nobody could see it. */
export const positionOf = ({ positions }: Context, { schema, name: called }: Sequence): string | null =>
  positions.find((each) => each.schema === schema && each.name === called && each.isCalled)?.lastValue ??
  null;

/** Never back. */
export const setPosition = (sequence: Sequence, to: string): string => {
  const called = relation(sequence);
  const further = BigInt(sequence.increment) > 0n ? '<' : '>';
  return `SELECT pg_catalog.setval(${literal(called)}, ${to}) FROM ${called} WHERE last_value ${further} ${to} OR NOT is_called`;
};

/** Above the values of a column that takes its values from it. */
export const abovePart = (sequence: Sequence, of: ColumnReference): string =>
  aboveData(
    tableOf(of),
    { sql: name(of.column) },
    { sql: relation(sequence), increment: Number(sequence.increment) },
  ).replace(/;$/, '');

export const existsQuery = (sequence: Sequence): string => {
  const called = relation(sequence);
  return `SELECT ${literal(`There is no sequence ${called}`)} WHERE pg_catalog.to_regclass(${literal(called)}) IS NULL`;
};

const common = (sequence: Sequence) => ({
  group: `sequence ${relation(sequence)}`,
  title: `sequence ${sequence.name}`,
});

export function sequencePart(context: Context, from: Sequence, to: Sequence | undefined): Part {
  const called = relation(from);
  const position = positionOf(context, from);
  if (to === undefined)
    return {
      ...common(from),
      phase: 'sequence',
      about: [`Sequence ${called}, which the source has.`],
      up: [createSequence(from), ...(position === null ? [] : [setPosition(from, position)])],
      verify: [existsQuery(from)],
      makes: [key(from.schema, from.name)],
    };
  const turned = BigInt(from.increment) > 0n !== BigInt(to.increment) > 0n;
  return {
    ...common(from),
    phase: 'sequence position',
    about: [`Sequence ${called} counts otherwise than in the source.`],
    decide: [`${called} counts otherwise here than in the source: whose way is right?`],
    up: [
      `ALTER SEQUENCE ${called} AS ${from.type} INCREMENT BY ${from.increment} MINVALUE ${from.min} MAXVALUE ${from.max} ${from.cycle ? 'CYCLE' : 'NO CYCLE'} START WITH ${from.start}${turned ? ' RESTART' : ''}`,
    ],
    verify: [
      `SELECT ${literal(`${called} counts otherwise than in the source`)} WHERE NOT EXISTS (
  SELECT FROM pg_catalog.pg_sequence WHERE seqrelid = pg_catalog.to_regclass(${literal(called)})
    AND seqincrement = ${from.increment} AND ${boundsOf(from)})`,
    ],
  };
}

/** Where it ends with its type, it ends later with a wider one. */
const boundsOf = ({ type, min, max }: Sequence): string => {
  const highest = HIGHEST[type];
  const lowest = String(-BigInt(highest) - 1n);
  return `seqmin ${min === lowest ? '<=' : '='} ${min} AND seqmax ${max === highest ? '>=' : '='} ${max}`;
};

export const ownPart = (sequence: Sequence, of: ColumnReference): Part => {
  const called = relation(sequence);
  const table = tableOf(of);
  return {
    group: `owner of sequence ${called}`,
    title: `owner of sequence ${sequence.name}`,
    phase: 'sequence position',
    about: [
      `Sequence ${called} belongs to ${table}.${name(of.column)}: it goes when the column goes, and tools find it.`,
    ],
    up: [ownSequence(sequence, of)],
    verify: [
      // A column may own several: pg_get_serial_sequence() tells of one.
      `SELECT ${literal(`${called} does not belong to ${table}.${name(of.column)}`)} WHERE NOT EXISTS (
  SELECT FROM pg_catalog.pg_depend d JOIN pg_catalog.pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
  WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass
    AND d.objid = pg_catalog.to_regclass(${literal(called)}) AND d.refobjid = pg_catalog.to_regclass(${literal(table)})
    AND d.deptype = 'a' AND a.attname = ${literal(of.column)})`,
    ],
  };
};

/** @param type of the column that it counts for */
export const widenPart = (sequence: Sequence, type: string, max?: string): Part => {
  const called = relation(sequence);
  const limit = max === undefined ? '' : ` MAXVALUE ${max}`;
  return {
    ...common(sequence),
    phase: 'sequence position',
    about: [`Sequence ${called} goes on as long as its column does.`],
    up: [`ALTER SEQUENCE ${called} AS ${type}${limit}`],
    verify: [
      `SELECT ${literal(`${called} ends at `)} || seqmax FROM pg_catalog.pg_sequence
WHERE seqrelid = pg_catalog.to_regclass(${literal(called)}) AND seqmax < ${max ?? HIGHEST[type as keyof typeof HIGHEST]}`,
    ],
  };
};

/** Writers wait for the moment that it takes: nobody takes a value in between. */
export const catchUpPart = (sequence: Sequence, of: ColumnReference): Part => {
  const table = tableOf(of);
  return {
    ...common(sequence),
    phase: 'sequence position',
    about: [`Sets ${relation(sequence)} above the highest ${name(of.column)} of ${table}.`],
    up: [`LOCK TABLE ${table} IN SHARE ROW EXCLUSIVE MODE`, abovePart(sequence, of)],
    verify: [
      `SELECT ${literal(`${relation(sequence)} is behind ${table}.${name(of.column)}`)} FROM ${table}
HAVING ${BigInt(sequence.increment) > 0n ? `max(${name(of.column)}) >` : `min(${name(of.column)}) <`} (SELECT last_value FROM ${relation(sequence)})`,
    ],
  };
};

export const advancePart = (sequence: Sequence, to: string): Part => ({
  ...common(sequence),
  phase: 'sequence position',
  about: [`Sets ${relation(sequence)} to where that of the source stands.`],
  up: [setPosition(sequence, to)],
  verify: [
    `SELECT ${literal(`${relation(sequence)} is behind the source`)} FROM ${relation(sequence)}
WHERE last_value ${BigInt(sequence.increment) > 0n ? '<' : '>'} ${to}`,
  ],
});
