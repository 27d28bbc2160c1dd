/** Repairs missing tables, and properties of whole tables. */
import type { Catalog } from '../../../../lambda/audit/catalog';
import type { Column } from '../../../../lambda/audit/catalog/columns';
import type { Table } from '../../../../lambda/audit/catalog/tables';
import { joinKey } from '../../../../lambda/audit/names';
import { isSqliteText, unmarkSqlite } from '../../sources/sqlite/language';
import { findByTable, listTableSequences } from '../lookup';
import { quoteName as name, quoteRelation, quoteText } from '../names';
import type { RepairContext } from '../repair-context';
import type { RepairStep, Unrepairable } from '../repair-step';
import {
  belongsToTable,
  hasDeferredDefault,
  listDefaultSequences,
  listIdentitySequences,
  listInitialConstraints,
  listNewDefaultSequences,
} from './new-table';
import {
  buildCreateSequenceSql,
  buildOwnedBySql,
  buildSetPositionSql,
  findPosition,
  formatSequenceOptions,
  toCreatedObject,
} from './sequences';

const NAME_TAKEN = 'another object here has its name';

export function buildTableStep(
  context: RepairContext,
  from: Table,
  to: Table | undefined,
): RepairStep | Unrepairable {
  const { source, target } = context;
  const table = quoteRelation(from);
  const common = {
    phase: 'table' as const,
    group: `table ${table}`,
    title: `table ${from.name}`,
    table: from,
  };
  const verify = [`SELECT trueup.has_table(${quoteText(table)})`];
  if (to) return buildOtherKindStep(from, to);
  if (from.kind === 'foreign')
    return { unwritten: 'a foreign table needs its foreign server and a user mapping' };
  if (target.views.some((each) => each.schema === from.schema && each.name === from.name))
    return { unwritten: NAME_TAKEN };
  const twin = findTwin(context, from);
  if (twin)
    return {
      ...common,
      about: [`Table ${table} is called ${quoteRelation(twin)} here.`],
      decide: [
        `is ${quoteRelation(twin)} the table that the source calls ${table}? SQL that uses the current name will fail`,
      ],
      up: [`ALTER TABLE ${quoteRelation(twin)} RENAME TO ${name(from.name)}`],
      verify,
      makes: [joinKey(from.schema, from.name)],
    };
  return {
    ...common,
    about: [`Table ${table}, which the source has. It is empty: copy its rows again.`],
    decide: buildExpressionQuestions(source.columns.filter(belongsToTable(from))),
    // With row security but without policies, only the owner sees rows, so grants that come before the policies are harmless.
    up: [
      ...buildCreateTableSql(context, from),
      ...(from.rowSecurity ? [`ALTER TABLE ${table} ENABLE ROW LEVEL SECURITY`] : []),
    ],
    verify: from.rowSecurity ? [...verify, hasRowSecurity(from, false)] : verify,
    makes: [from, ...listNewDefaultSequences(context, from)].map((each) => joinKey(each.schema, each.name)),
    creates: [
      { on: 'table', schema: from.schema, name: from.name },
      ...(from.partitionOf
        ? []
        : [...listIdentitySequences(source, from), ...listNewDefaultSequences(context, from)]
      ).map(toCreatedObject),
    ],
  };
}

/** Finds the target's table whose name differs only in case. */
function findTwin({ source, existing }: RepairContext, from: Table): Table | undefined {
  const isTwin = ({ schema, name: called }: Table): boolean =>
    schema === from.schema && called.toLowerCase() === from.name.toLowerCase();
  const twin = existing.find(isTwin);
  return twin && !source.tables.some((each) => each.schema === twin.schema && each.name === twin.name)
    ? twin
    : undefined;
}

const isCreated = (context: RepairContext, table: Table): boolean =>
  !context.existing.some(({ schema, name: called }) => schema === table.schema && called === table.name) &&
  findTwin(context, table) === undefined;

function buildOtherKindStep(from: Table, to: Table): RepairStep | Unrepairable {
  const same =
    from.kind === to.kind && from.partitionKey === to.partitionKey && !from.partitionOf && !to.partitionOf;
  if (!same || from.kind !== 'table' || (from.unlogged ?? false) === (to.unlogged ?? false))
    return { unwritten: 'the kind of a table cannot be changed; create it again and copy its rows' };
  const table = quoteRelation(from);
  const words = from.unlogged ? 'UNLOGGED' : 'LOGGED';
  return {
    phase: 'table',
    group: `kind of table ${table}`,
    title: `set ${words.toLowerCase()} ${from.name}`,
    about: [`Table ${table} is ${words} in the source.`],
    decide: [`${table} is locked while it is rewritten. When?`],
    consents: { 'rewrite-table': 'decided above' },
    up: [`ALTER TABLE ${table} SET ${words}`],
    verify: [
      `SELECT ${quoteText(`${table} is not ${words}`)} WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_class
  WHERE oid = pg_catalog.to_regclass(${quoteText(table)}) AND relpersistence = '${from.unlogged ? 'u' : 'p'}')`,
    ],
  };
}

function buildCreateTableSql(context: RepairContext, table: Table): string[] {
  const { source } = context;
  const called = quoteRelation(table);
  const what = `CREATE ${table.unlogged ? 'UNLOGGED ' : ''}TABLE ${called}`;
  const options = [
    ...(table.accessMethod ? [`USING ${name(table.accessMethod)}`] : []),
    ...(table.options?.length ? [`WITH (${table.options.map(formatOption).join(', ')})`] : []),
  ].join(' ');
  const partitionBy = table.partitionKey ? `PARTITION BY ${table.partitionKey}` : '';
  if (table.partitionOf) {
    const head = `${what} PARTITION OF ${quoteRelation(table.partitionOf)}`;
    return [[head, table.bound ?? 'DEFAULT', partitionBy, options].filter(Boolean).join(' ')];
  }
  const counters = listDefaultSequences(source, table);
  const inner = [
    ...(table.ofType
      ? []
      : findByTable(source.columns, table)
          .filter((each) => !each.inherited)
          .map((each) => `${name(each.name)} ${formatColumnDefinition(context, each)}`)),
    ...listInitialConstraints(source, table).map(
      (each) => `CONSTRAINT ${name(each.name)} ${each.definition}`,
    ),
  ];
  const body = inner.length === 0 ? (table.ofType ? '' : '()') : `(\n  ${inner.join(',\n  ')}\n)`;
  const inherits = table.inherits?.length ? `INHERITS (${table.inherits.map(quoteRelation).join(', ')})` : '';
  return [
    ...listNewDefaultSequences(context, table).map(buildCreateSequenceSql),
    [what, table.ofType ? `OF ${table.ofType}` : '', body, inherits, partitionBy, options]
      .filter(Boolean)
      .join(' '),
    ...counters.flatMap((each) =>
      each.ownedBy && belongsToTable(table)(each.ownedBy) ? [buildOwnedBySql(each, each.ownedBy)] : [],
    ),
    ...[...listIdentitySequences(source, table), ...counters].flatMap((sequence) => {
      const position = findPosition(context, sequence);
      return position === null ? [] : [buildSetPositionSql(sequence, position)];
    }),
  ];
}

/** Formats an option such as `fillfactor=70`. A value that is not a word or a number is quoted. */
export function formatOption(option: string): string {
  const [, option_name = option, value = ''] = /^([^=]*)=(.*)$/s.exec(option) ?? [];
  return `${option_name} = ${/^[\w.+-]+$/.test(value) ? value : quoteText(value)}`;
}

/** Asks about generated columns and defaults in SQLite's SQL dialect, which are not translated. */
export const buildExpressionQuestions = (columns: readonly Column[]): string[] =>
  columns
    .filter(({ generated, default: by }) => isSqliteText(generated ?? by ?? ''))
    .map((each) =>
      each.generated
        ? `${name(each.name)} is computed in the source, in SQLite's SQL dialect. Write GENERATED ALWAYS AS (…) STORED, or should it be a plain column?`
        : `${name(each.name)} has the default ${unmarkSqlite(each.default ?? '')} in SQLite, which PostgreSQL does not accept. Write DEFAULT …, or should it have none?`,
    );

/** Formats the definition of a column, without its name. */
export function formatColumnDefinition({ source }: RepairContext, column: Column): string {
  const { type, collation, generated, virtual, identity, default: by, notNull } = column;
  const sequence = identity
    ? listTableSequences(source, { schema: column.schema, name: column.table }).find(
        ({ ownedBy, identity: own }) =>
          own &&
          ownedBy?.schema === column.schema &&
          ownedBy.table === column.table &&
          ownedBy.column === column.name,
      )
    : undefined;
  return [
    type,
    collation ? `COLLATE ${quoteRelation(collation)}` : '',
    generated && !isSqliteText(generated)
      ? `GENERATED ALWAYS AS (${generated}) ${virtual ? 'VIRTUAL' : 'STORED'}`
      : '',
    identity ? formatIdentityClause(identity, sequence && { ...sequence }) : '',
    by !== undefined && !isSqliteText(by) && !hasDeferredDefault(source, column) ? `DEFAULT ${by}` : '',
    notNull ? 'NOT NULL' : '',
  ]
    .filter(Boolean)
    .join(' ');
}

export const formatIdentityClause = (
  identity: NonNullable<Column['identity']>,
  sequence: Catalog['sequences'][number] | undefined,
): string =>
  `GENERATED ${identity.toUpperCase()} AS IDENTITY${
    sequence
      ? ` (${`SEQUENCE NAME ${quoteRelation(sequence)} ${formatSequenceOptions(sequence)}`.trimEnd()})`
      : ''
  }`;

export function buildReplicaIdentityStep(from: Table): RepairStep {
  const table = quoteRelation(from);
  const by = from.replicaIdentity ?? 'default';
  const clause = by === 'index' ? `USING INDEX ${name(from.replicaIdentityIndex ?? '')}` : by.toUpperCase();
  const code = { nothing: 'n', full: 'f', index: 'i', default: 'd' }[by];
  return {
    phase: 'replica identity',
    group: `replica identity of ${table}`,
    title: `replica identity of ${from.name}`,
    table: from,
    about: [`Replica identity of ${table}, by which subscribers find its rows, as in the source.`],
    up: [`ALTER TABLE ${table} REPLICA IDENTITY ${clause}`],
    verify: [
      `SELECT ${quoteText(`${table} does not have the replica identity ${by}`)} WHERE NOT EXISTS (
  SELECT FROM pg_catalog.pg_class WHERE oid = pg_catalog.to_regclass(${quoteText(table)}) AND relreplident = '${code}')`,
    ],
  };
}

/** Returns no step if CREATE TABLE of the missing table already enables row security. */
export function rowSecurityParts(context: RepairContext, from: Table, to: Table): RepairStep[] {
  const table = quoteRelation(from);
  const clauses = [
    ...(to.rowSecurity || isCreated(context, from) ? [] : ['ENABLE ROW LEVEL SECURITY']),
    ...(from.rowSecurityForced && !to.rowSecurityForced ? ['FORCE ROW LEVEL SECURITY'] : []),
  ];
  if (clauses.length === 0) return [];
  return [
    {
      phase: 'row security',
      group: `row security of ${table}`,
      title: `row security of ${from.name}`,
      table: from,
      about: [`Row security of ${table}, as in the source. Its policies are created before.`],
      up: [`ALTER TABLE ${table} ${clauses.join(', ')}`],
      verify: [hasRowSecurity(from, from.rowSecurityForced === true)],
    },
  ];
}

const hasRowSecurity = (table: Table, forced: boolean): string =>
  `SELECT ${quoteText(`Row security of ${quoteRelation(table)} differs from the source`)} WHERE NOT EXISTS (
  SELECT FROM pg_catalog.pg_class WHERE oid = pg_catalog.to_regclass(${quoteText(quoteRelation(table))}) AND relrowsecurity${
    forced ? ' AND relforcerowsecurity' : ''
  })`;
