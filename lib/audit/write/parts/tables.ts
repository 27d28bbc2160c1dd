/** Tables that are missing, and what a table is as a whole. */
import type { Catalogue } from '../../../../lambda/audit/catalogue';
import type { Column } from '../../../../lambda/audit/catalogue/columns';
import type { Table } from '../../../../lambda/audit/catalogue/tables';
import { key } from '../../../../lambda/audit/names';
import { fromSqlite, isInSqlite } from '../../sources/sqlite/language';
import type { Context } from '../context';
import { belonging, sequencesOf } from '../lookup';
import { literal, column as name, relation } from '../names';
import type { Part, Unwritten } from '../part';
import { constraintsOf, countersOf, identities, isLater, isOf, newCounters } from './new-table';
import { createSequence, ownSequence, positionOf, sequenceOptions, setPosition } from './sequences';

const TAKEN = 'its name is taken by something else here';

export function tablePart(context: Context, from: Table, to: Table | undefined): Part | Unwritten {
  const { source, target } = context;
  const table = relation(from);
  const common = { phase: 'table' as const, group: `table ${table}`, title: `table ${from.name}` };
  const verify = [`SELECT trueup.has_table(${literal(table)})`];
  if (to) return otherKind(from, to);
  if (from.kind === 'foreign') return { unwritten: 'a foreign table needs its server, and the login to it' };
  if (target.views.some((each) => each.schema === from.schema && each.name === from.name))
    return { unwritten: TAKEN };
  const twin = target.tables.find(
    (each) => each.schema === from.schema && each.name.toLowerCase() === from.name.toLowerCase(),
  );
  if (twin && !source.tables.some((each) => each.schema === twin.schema && each.name === twin.name))
    return {
      ...common,
      about: [`Table ${table} is called ${relation(twin)} here.`],
      decide: [
        `is ${relation(twin)} the table that the source calls ${table}? Whatever names it as it is called here then fails`,
      ],
      up: [`ALTER TABLE ${relation(twin)} RENAME TO ${name(from.name)}`],
      verify,
      makes: [key(from.schema, from.name)],
    };
  return {
    ...common,
    about: [`Table ${table}, which the source has. It is empty: its rows have to be copied again.`],
    decide: asksForExpression(source.columns.filter(isOf(from))),
    up: createTable(context, from),
    verify,
    makes: [from, ...newCounters(context, from)].map((each) => key(each.schema, each.name)),
  };
}

function otherKind(from: Table, to: Table): Part | Unwritten {
  const same =
    from.kind === to.kind && from.partitionKey === to.partitionKey && !from.partitionOf && !to.partitionOf;
  if (!same || from.kind !== 'table' || (from.unlogged ?? false) === (to.unlogged ?? false))
    return { unwritten: 'a table cannot be made another kind of table; create it anew and copy its rows' };
  const table = relation(from);
  const words = from.unlogged ? 'UNLOGGED' : 'LOGGED';
  return {
    phase: 'table',
    group: `kind of table ${table}`,
    title: `set ${words.toLowerCase()} ${from.name}`,
    about: [`Table ${table} is ${words} in the source.`],
    decide: [`${table} is rewritten while nobody can use it: when?`],
    consents: { 'rewrite-table': 'decided above' },
    up: [`ALTER TABLE ${table} SET ${words}`],
    verify: [
      `SELECT ${literal(`${table} is not ${words}`)} WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_class
  WHERE oid = pg_catalog.to_regclass(${literal(table)}) AND relpersistence = '${from.unlogged ? 'u' : 'p'}')`,
    ],
  };
}

function createTable(context: Context, table: Table): string[] {
  const { source } = context;
  const called = relation(table);
  const what = `CREATE ${table.unlogged ? 'UNLOGGED ' : ''}TABLE ${called}`;
  const options = [
    ...(table.accessMethod ? [`USING ${name(table.accessMethod)}`] : []),
    ...(table.options?.length ? [`WITH (${table.options.map(optionOf).join(', ')})`] : []),
  ].join(' ');
  const partitionBy = table.partitionKey ? `PARTITION BY ${table.partitionKey}` : '';
  if (table.partitionOf) {
    const head = `${what} PARTITION OF ${relation(table.partitionOf)}`;
    return [[head, table.bound ?? 'DEFAULT', partitionBy, options].filter(Boolean).join(' ')];
  }
  const counters = countersOf(source, table);
  const inner = [
    ...(table.ofType
      ? []
      : belonging(source.columns, table)
          .filter((each) => !each.inherited)
          .map((each) => `${name(each.name)} ${columnDefinition(context, each)}`)),
    ...constraintsOf(source, table).map((each) => `CONSTRAINT ${name(each.name)} ${each.definition}`),
  ];
  const body = inner.length === 0 ? (table.ofType ? '' : '()') : `(\n  ${inner.join(',\n  ')}\n)`;
  const inherits = table.inherits?.length ? `INHERITS (${table.inherits.map(relation).join(', ')})` : '';
  return [
    ...newCounters(context, table).map(createSequence),
    [what, table.ofType ? `OF ${table.ofType}` : '', body, inherits, partitionBy, options]
      .filter(Boolean)
      .join(' '),
    ...counters.flatMap((each) =>
      each.ownedBy && isOf(table)(each.ownedBy) ? [ownSequence(each, each.ownedBy)] : [],
    ),
    ...[...identities(source, table), ...counters].flatMap((sequence) => {
      const position = positionOf(context, sequence);
      return position === null ? [] : [setPosition(sequence, position)];
    }),
  ];
}

/** `fillfactor=70`; a value that is more than a word or a number is a text. */
export function optionOf(option: string): string {
  const [, option_name = option, value = ''] = /^([^=]*)=(.*)$/s.exec(option) ?? [];
  return `${option_name} = ${/^[\w.+-]+$/.test(value) ? value : literal(value)}`;
}

/** What fills a column in SQLite, in a language that nobody translates: without it the column is a plain one. */
export const asksForExpression = (columns: readonly Column[]): string[] =>
  columns
    .filter(({ generated, default: by }) => isInSqlite(generated ?? by ?? ''))
    .map((each) =>
      each.generated
        ? `${name(each.name)} is computed in the source, in SQLite's language: write GENERATED ALWAYS AS (…) STORED, or is it a plain column?`
        : `${name(each.name)} has the default ${fromSqlite(each.default ?? '')} in SQLite, which is none here: write DEFAULT …, or is it without one?`,
    );

/** All but the name. */
export function columnDefinition({ source }: Context, column: Column): string {
  const { type, collation, generated, virtual, identity, default: by, notNull } = column;
  const sequence = identity
    ? sequencesOf(source, { schema: column.schema, name: column.table }).find(
        ({ ownedBy, identity: own }) =>
          own &&
          ownedBy?.schema === column.schema &&
          ownedBy.table === column.table &&
          ownedBy.column === column.name,
      )
    : undefined;
  return [
    type,
    collation ? `COLLATE ${relation(collation)}` : '',
    generated && !isInSqlite(generated)
      ? `GENERATED ALWAYS AS (${generated}) ${virtual ? 'VIRTUAL' : 'STORED'}`
      : '',
    identity ? identityClause(identity, sequence && { ...sequence }) : '',
    by !== undefined && !isInSqlite(by) && !isLater(source, column) ? `DEFAULT ${by}` : '',
    notNull ? 'NOT NULL' : '',
  ]
    .filter(Boolean)
    .join(' ');
}

export const identityClause = (
  identity: NonNullable<Column['identity']>,
  sequence: Catalogue['sequences'][number] | undefined,
): string =>
  `GENERATED ${identity.toUpperCase()} AS IDENTITY${
    sequence ? ` (${`SEQUENCE NAME ${relation(sequence)} ${sequenceOptions(sequence)}`.trimEnd()})` : ''
  }`;

export function replicaIdentityPart(from: Table): Part {
  const table = relation(from);
  const by = from.replicaIdentity ?? 'default';
  const clause = by === 'index' ? `USING INDEX ${name(from.replicaIdentityIndex ?? '')}` : by.toUpperCase();
  const code = { nothing: 'n', full: 'f', index: 'i', default: 'd' }[by];
  return {
    phase: 'replica identity',
    group: `replica identity of ${table}`,
    title: `replica identity of ${from.name}`,
    about: [`By what a subscriber finds a row of ${table}, as in the source.`],
    up: [`ALTER TABLE ${table} REPLICA IDENTITY ${clause}`],
    verify: [
      `SELECT ${literal(`${table} has another replica identity than ${by}`)} WHERE NOT EXISTS (
  SELECT FROM pg_catalog.pg_class WHERE oid = pg_catalog.to_regclass(${literal(table)}) AND relreplident = '${code}')`,
    ],
  };
}

export function rowSecurityPart(from: Table, to: Table): Part {
  const table = relation(from);
  const clauses = [
    ...(to.rowSecurity ? [] : ['ENABLE ROW LEVEL SECURITY']),
    ...(from.rowSecurityForced && !to.rowSecurityForced ? ['FORCE ROW LEVEL SECURITY'] : []),
  ];
  return {
    phase: 'row security',
    group: `row security of ${table}`,
    title: `row security of ${from.name}`,
    about: [`Row security of ${table}, as in the source: its policies are there before it.`],
    up: [`ALTER TABLE ${table} ${clauses.join(', ')}`],
    verify: [
      `SELECT ${literal(`Row security of ${table} is not as in the source`)} WHERE NOT EXISTS (
  SELECT FROM pg_catalog.pg_class WHERE oid = pg_catalog.to_regclass(${literal(table)}) AND relrowsecurity${
    from.rowSecurityForced ? ' AND relforcerowsecurity' : ''
  })`,
    ],
  };
}
