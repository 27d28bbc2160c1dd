/**
 * What an SQLite file is, as PostgreSQL would have it: of what the target has in another spelling that does the same, in
 * the target's; so that what differs is what was lost. Types are compared by their class, expressions as far as
 * PostgreSQL's parser reads them; views and triggers by their names alone.
 */
import type { Catalogue } from '../../../../lambda/audit/catalogue';
import type { Column } from '../../../../lambda/audit/catalogue/columns';
import type { Sequence } from '../../../../lambda/audit/catalogue/sequences';
import type { Table } from '../../../../lambda/audit/catalogue/tables';
import { generatorOf } from '../../../../lambda/audit/generators';
import { key, path } from '../../../../lambda/audit/names';
import { type NotSeen, ROWS } from '../../../../lambda/audit/not-seen';
import { quoteLiteral } from '../../../../lambda/sql/quote';
import type { Snapshot } from '../../snapshot';
import { SourceProblem } from '../problem';
import { checksOf, foreignKeysOf, indexesOf, type Place } from './keys';
import { inSqlite } from './language';
import { namesOf } from './names';
import { sequenceOf } from './numbers';
import { withSqlite } from './open';
import { readSchema, type SqliteSchema } from './schema';
import { defaultOf, typeOf } from './types';

/** @param version of Trueup @throws {SourceProblem} */
export function snapshotOfSqlite(file: string, target: Catalogue, version: string): Snapshot {
  const began = performance.now();
  const at = new Date().toISOString();
  const schema = withSqlite(file, readSchema);
  if (schema.tables.length === 0)
    throw new SourceProblem('has no table', 'Give the file that the application wrote to.');
  const ms = Math.round(performance.now() - began);
  return {
    ...asTarget(schema, target),
    taken: { at, version, role: '', ms: { catalogue: ms, workload: 0, positions: 0, rows: 0 } },
    workload: [],
  };
}

type Told = Pick<Snapshot, 'catalogue' | 'positions' | 'rows' | 'notSeen'>;

/** Pure. The parser must be ready. */
export function asTarget(schema: SqliteSchema, target: Catalogue): Told {
  const names = namesOf(schema, target);
  const here = new Map(target.columns.map((each) => [key(each.schema, each.table, each.name), each]));
  const places = schema.tables.map((table): Place => {
    const name = names.table(table.name);
    const isBoolean = (column: string): boolean =>
      here.get(key(names.schema, name, column))?.type === 'boolean';
    return { table, name, names, target, isBoolean };
  });
  const columns = places.flatMap((place) => columnsOf(place, here));
  const numbers = places.flatMap((place) => sequenceOf(place, here) ?? []);
  const indexes = places.map(indexesOf);
  const checks = places.map(checksOf);
  const others = viewsAndTriggers(schema, places, target, names.schema);
  const primaryKeyOf = (of: string): readonly string[] =>
    schema.tables
      .find(({ name }) => name.toLowerCase() === of.toLowerCase())
      ?.indexes.find(({ primary }) => primary)
      ?.columns.flatMap(({ name }) => name ?? []) ?? [];
  return {
    catalogue: {
      ...NOTHING,
      database: target.database.map((each) => ({ ...each, encoding: '', collate: '', ctype: '' })),
      schemas: [{ name: names.schema }],
      sequences: numbers.map(({ sequence }) => sequence),
      tables: places.map(({ name }) => likeTarget(target, names.schema, name)),
      columns,
      constraints: [
        ...places.flatMap((place) => foreignKeysOf(place, primaryKeyOf)),
        ...checks.flatMap((each) => each.checks),
      ],
      indexes: indexes.flatMap((each) => each.indexes),
      views: others.views,
      triggers: others.triggers,
    },
    positions: numbers.flatMap(({ position }) => position ?? []),
    rows: places.flatMap(({ name, table: { rows } }) =>
      rows === null ? [] : [{ schema: names.schema, name, rows, exact: true as const }],
    ),
    notSeen: [
      ...indexes.flatMap((each) => each.notSeen),
      ...checks.flatMap((each) => each.notSeen),
      ...others.notSeen,
      ...places
        .filter(({ table }) => table.rows === null)
        .map(({ name }) => ({
          what: ROWS,
          of: { schema: names.schema, name },
          why: 'SQLite cannot count them',
        })),
      ...schema.virtual.map((name) => ({
        what: `virtual table ${name}`,
        why: 'a module of SQLite makes it, and PostgreSQL has none such',
      })),
    ],
  };
}

/** How the target keeps it is none of SQLite's matter. */
function likeTarget({ tables }: Catalogue, schema: string, name: string): Table {
  const found = tables.find((each) => each.schema === schema && each.name === name);
  if (found?.kind !== 'table') return { schema, name, kind: 'table' };
  const { rowSecurity: _, rowSecurityForced: __, ...same } = found;
  return same;
}

function columnsOf(place: Place, here: ReadonlyMap<string, Column>): Column[] {
  const { table, name, names, target } = place;
  return table.columns.map((column): Column => {
    const called = names.column(table.name, column.name);
    const now = here.get(key(names.schema, name, called));
    const type = typeOf(column, now);
    const isNumbered = table.numbered?.column === column.name;
    const by = isNumbered ? undefined : defaultOf(column, type, now, target.types);
    return {
      schema: names.schema,
      table: name,
      name: called,
      type,
      ...(now?.collation && type === now.type ? { collation: now.collation } : {}),
      ...(column.notNull ? { notNull: true as const } : {}),
      ...(isNumbered ? generator(now, sequenceOf(place, here)?.sequence) : {}),
      ...(by === undefined ? {} : { default: by }),
      ...(column.generated ? { generated: now?.generated ?? inSqlite('an expression') } : {}),
    };
  });
}

/** As the target makes numbers, where it does, or where only the default of a sequence of its own is missing. */
const generator = (now: Column | undefined, sequence: Sequence | undefined): Partial<Column> => {
  if (now?.identity) return { identity: now.identity };
  if (now?.default !== undefined && generatorOf(now)) return { default: now.default };
  return sequence && !sequence.identity
    ? { default: `nextval(${quoteLiteral(path(sequence.schema, sequence.name))}::regclass)` }
    : { identity: 'by default' };
};

const OWN_LANGUAGE = "it is written in SQLite's language, and is not compared";

function viewsAndTriggers(
  { views, triggers }: SqliteSchema,
  places: readonly Place[],
  target: Catalogue,
  schema: string,
): Pick<Catalogue, 'views' | 'triggers'> & { notSeen: NotSeen[] } {
  const relations = new Set(
    [...target.tables, ...target.views]
      .filter((each) => each.schema === schema)
      .map(({ name }) => name.toLowerCase()),
  );
  const fired = new Set(
    target.triggers
      .filter((each) => each.schema === schema)
      .map(({ table, name }) => key(table, name.toLowerCase())),
  );
  const tableOf = (name: string): string =>
    places.find(({ table }) => table.name.toLowerCase() === name.toLowerCase())?.name ?? name.toLowerCase();
  const has = ({ name, table }: SqliteSchema['triggers'][number]): boolean =>
    fired.has(key(tableOf(table), name.toLowerCase()));
  return {
    views: views
      .filter(({ name }) => !relations.has(name.toLowerCase()))
      .map(({ name, sql }) => ({ schema, name: name.toLowerCase(), definition: inSqlite(sql), columns: [] })),
    triggers: triggers
      .filter((each) => !has(each))
      .map(({ name, table, sql }) => ({
        schema,
        table: tableOf(table),
        name: name.toLowerCase(),
        definition: inSqlite(sql),
        function: { schema, name: name.toLowerCase() },
      })),
    notSeen: [
      ...views
        .filter(({ name }) => relations.has(name.toLowerCase()))
        .map(({ name }) => ({ what: `definition of view ${name}`, why: OWN_LANGUAGE })),
      ...triggers
        .filter(has)
        .map(({ name }) => ({ what: `definition of trigger ${name}`, why: OWN_LANGUAGE })),
    ],
  };
}

const NOTHING: Catalogue = {
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
  grants: [],
  comments: [],
  others: [],
};
