/**
 * Takes a snapshot of an SQLite file in terms of PostgreSQL. Where the target has an equivalent definition in another
 * spelling, the target's is used, so that only real losses differ. Types are compared by their affinity, expressions as
 * far as PostgreSQL's parser can read them, views and triggers only by name.
 */
import type { Catalog } from '../../../../lambda/audit/catalog';
import type { Column } from '../../../../lambda/audit/catalog/columns';
import type { Sequence } from '../../../../lambda/audit/catalog/sequences';
import type { Table } from '../../../../lambda/audit/catalog/tables';
import { readKeyGenerator } from '../../../../lambda/audit/generators';
import { formatPath, joinKey } from '../../../../lambda/audit/names';
import { type NotCheckedItem, ROWS_NOT_COUNTED } from '../../../../lambda/audit/not-checked';
import { quoteLiteral } from '../../../../lambda/sql/quote';
import type { Snapshot } from '../../snapshot';
import { SourceProblem } from '../source-problem';
import { type TableMapping, translateChecks, translateForeignKeys, translateIndexes } from './keys';
import { markAsSqlite } from './language';
import { mapNames } from './names';
import { mapSequence } from './numbers';
import { withSqlite } from './open';
import { readSqliteSchema, type SqliteSchema } from './schema';
import { translateDefault, translateType } from './types';

/**
 * Takes a snapshot of an SQLite file.
 * @param version version of Trueup
 * @throws {SourceProblem}
 */
export function readSqliteSnapshot(file: string, target: Catalog, version: string): Snapshot {
  const began = performance.now();
  const at = new Date().toISOString();
  const schema = withSqlite(file, readSqliteSchema);
  if (schema.tables.length === 0)
    throw new SourceProblem('has no table', 'Give the file that the application writes to.');
  const ms = Math.round(performance.now() - began);
  return {
    ...translateToTarget(schema, target),
    taken: { at, version, role: '', ms: { catalog: ms, workload: 0, sequenceValues: 0, rows: 0 } },
    workload: [],
  };
}

type TranslatedSnapshot = Pick<Snapshot, 'catalog' | 'sequenceValues' | 'rows' | 'notChecked'>;

/** Converts an SQLite schema to the target's terms. Pure; the parser must be loaded. */
function translateToTarget(schema: SqliteSchema, target: Catalog): TranslatedSnapshot {
  const names = mapNames(schema, target);
  const here = new Map(target.columns.map((each) => [joinKey(each.schema, each.table, each.name), each]));
  const places = schema.tables.map((table): TableMapping => {
    const name = names.table(table.name);
    const isBoolean = (column: string): boolean =>
      here.get(joinKey(names.schema, name, column))?.type === 'boolean';
    return { table, name, names, target, isBoolean };
  });
  const columns = places.flatMap((place) => translateColumns(place, here));
  const numbers = places.flatMap((place) => mapSequence(place, here) ?? []);
  const indexes = places.map(translateIndexes);
  const checks = places.map(translateChecks);
  const others = translateViewsAndTriggers(schema, places, target, names.schema);
  const getPrimaryKey = (of: string): readonly string[] =>
    schema.tables
      .find(({ name }) => name.toLowerCase() === of.toLowerCase())
      ?.indexes.find(({ primary }) => primary)
      ?.columns.flatMap(({ name }) => name ?? []) ?? [];
  return {
    catalog: {
      ...EMPTY_CATALOG,
      database: target.database.map(({ owner: _, ...each }) => ({
        ...each,
        encoding: '',
        collate: '',
        ctype: '',
      })),
      schemas: [{ name: names.schema }],
      sequences: numbers.map(({ sequence }) => sequence),
      tables: places.map(({ name }) => buildTable(target, names.schema, name)),
      columns,
      constraints: [
        ...places.flatMap((place) => translateForeignKeys(place, getPrimaryKey)),
        ...checks.flatMap((each) => each.checks),
      ],
      indexes: indexes.flatMap((each) => each.indexes),
      views: others.views,
      triggers: others.triggers,
    },
    sequenceValues: numbers.flatMap(({ position }) => position ?? []),
    rows: places.flatMap(({ name, table: { rows } }) =>
      rows === null ? [] : [{ schema: names.schema, name, rows, exact: true as const }],
    ),
    notChecked: [
      { what: 'privileges', why: 'SQLite has no privileges' },
      ...indexes.flatMap((each) => each.notChecked),
      ...checks.flatMap((each) => each.notChecked),
      ...others.notChecked,
      ...places
        .filter(({ table }) => table.rows === null)
        .map(({ name }) => ({
          what: ROWS_NOT_COUNTED,
          of: { schema: names.schema, name },
          why: 'SQLite cannot count them',
        })),
      ...schema.virtual.map((name) => ({
        what: `virtual table ${name}`,
        why: 'an SQLite module implements it, and PostgreSQL has no equivalent',
      })),
    ],
  };
}

/**
 * Returns the table with the target's storage attributes, which SQLite does not have, so that they are not reported as
 * differences.
 */
function buildTable({ tables }: Catalog, schema: string, name: string): Table {
  const found = tables.find((each) => each.schema === schema && each.name === name);
  if (found?.kind !== 'table') return { schema, name, kind: 'table' };
  const { rowSecurity: _, rowSecurityForced: __, ...same } = found;
  return same;
}

function translateColumns(place: TableMapping, here: ReadonlyMap<string, Column>): Column[] {
  const { table, name, names, target } = place;
  return table.columns.map((column): Column => {
    const called = names.column(table.name, column.name);
    const now = here.get(joinKey(names.schema, name, called));
    const type = translateType(column, now);
    const isNumbered = table.numbered?.column === column.name;
    const by = isNumbered ? undefined : translateDefault(column, type, now, target.types);
    return {
      schema: names.schema,
      table: name,
      name: called,
      type,
      ...(now?.collation && type === now.type ? { collation: now.collation } : {}),
      ...(column.notNull ? { notNull: true as const } : {}),
      ...(isNumbered ? chooseGenerator(now, mapSequence(place, here)?.sequence) : {}),
      ...(by === undefined ? {} : { default: by }),
      ...(column.generated ? { generated: now?.generated ?? markAsSqlite('an expression') } : {}),
    };
  });
}

/**
 * Returns how a numbered column gets its values: as in the target, or from the target's sequence if only the column's
 * default is missing, or as an identity column.
 */
const chooseGenerator = (now: Column | undefined, sequence: Sequence | undefined): Partial<Column> => {
  if (now?.identity) return { identity: now.identity };
  if (now?.default !== undefined && readKeyGenerator(now)) return { default: now.default };
  return sequence && !sequence.identity
    ? { default: `nextval(${quoteLiteral(formatPath(sequence.schema, sequence.name))}::regclass)` }
    : { identity: 'by default' };
};

const NOT_COMPARED_REASON = "it is in SQLite's SQL dialect and is not compared";

function translateViewsAndTriggers(
  { views, triggers }: SqliteSchema,
  places: readonly TableMapping[],
  target: Catalog,
  schema: string,
): Pick<Catalog, 'views' | 'triggers'> & { notChecked: NotCheckedItem[] } {
  const relations = new Set(
    [...target.tables, ...target.views]
      .filter((each) => each.schema === schema)
      .map(({ name }) => name.toLowerCase()),
  );
  const fired = new Set(
    target.triggers
      .filter((each) => each.schema === schema)
      .map(({ table, name }) => joinKey(table, name.toLowerCase())),
  );
  const findTable = (name: string): string =>
    places.find(({ table }) => table.name.toLowerCase() === name.toLowerCase())?.name ?? name.toLowerCase();
  const has = ({ name, table }: SqliteSchema['triggers'][number]): boolean =>
    fired.has(joinKey(findTable(table), name.toLowerCase()));
  return {
    views: views
      .filter(({ name }) => !relations.has(name.toLowerCase()))
      .map(({ name, sql }) => ({
        schema,
        name: name.toLowerCase(),
        definition: markAsSqlite(sql),
        columns: [],
      })),
    triggers: triggers
      .filter((each) => !has(each))
      .map(({ name, table, sql }) => ({
        schema,
        table: findTable(table),
        name: name.toLowerCase(),
        definition: markAsSqlite(sql),
        function: { schema, name: name.toLowerCase() },
      })),
    notChecked: [
      ...views
        .filter(({ name }) => relations.has(name.toLowerCase()))
        .map(({ name }) => ({ what: `definition of view ${name}`, why: NOT_COMPARED_REASON })),
      ...triggers
        .filter(has)
        .map(({ name }) => ({ what: `definition of trigger ${name}`, why: NOT_COMPARED_REASON })),
    ],
  };
}

const EMPTY_CATALOG: Catalog = {
  database: [],
  settings: [],
  extensions: [],
  schemas: [],
  collations: [],
  types: [],
  sequences: [],
  tables: [],
  columns: [],
  constraints: [],
  indexes: [],
  views: [],
  functions: [],
  triggers: [],
  rules: [],
  policies: [],
  eventTriggers: [],
  publications: [],
  subscriptions: [],
  foreignServers: [],
  roles: [],
  grants: [],
  comments: [],
  others: [],
};
