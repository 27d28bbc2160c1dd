/** Indexes, foreign keys and CHECKs of an SQLite table: as the target has them where they do the same, else in our words. Pure. */
import type { Catalogue } from '../../../../lambda/audit/catalogue';
import type { Constraint } from '../../../../lambda/audit/catalogue/constraints';
import type { Index } from '../../../../lambda/audit/catalogue/indexes';
import { path } from '../../../../lambda/audit/names';
import type { NotSeen } from '../../../../lambda/audit/not-seen';
import { quoteWhereNeeded } from '../../../../lambda/sql/quote';
import { checksIn, conditionOf, formOf } from './expression';
import type { Names } from './names';
import type { SqliteForeignKey, SqliteIndex, SqliteTable } from './schema';

/** A table of the source, and what the target has of it. */
export interface Place {
  readonly table: SqliteTable;
  /** In the target. */
  readonly name: string;
  readonly names: Names;
  readonly target: Catalogue;
  readonly isBoolean: (column: string) => boolean;
}

const ofTable = <T extends { readonly schema: string; readonly table: string }>(
  all: readonly T[],
  { name, names }: Place,
): readonly T[] => all.filter((each) => each.schema === names.schema && each.table === name);

export function indexesOf(place: Place): {
  readonly indexes: readonly Index[];
  readonly notSeen: readonly NotSeen[];
} {
  const here = ofTable(place.target.indexes, place);
  const notSeen: NotSeen[] = [];
  const indexes = place.table.indexes.flatMap((index): Index[] => {
    const alike = here.filter((each) => doesTheSame(place, index, each));
    const found = alike.find(({ name }) => name === index.name) ?? alike[0];
    if (found) return [found];
    if (index.columns.some(({ name }) => name === null)) {
      notSeen.push({
        what: `index ${index.name}`,
        of: { schema: place.names.schema, name: place.name },
        why: "it is on an expression of SQLite's",
      });
      return [];
    }
    return [made(place, index)];
  });
  return { indexes, notSeen };
}

function doesTheSame(place: Place, index: SqliteIndex, here: Index): boolean {
  if (here.invalid || (index.unique && !here.unique) || (index.primary && !here.primary && !here.unique))
    return false;
  const { columns } = index;
  if (columns.length !== here.columns.length) return false;
  const fits = (column: SqliteIndex['columns'][number], to: string): boolean => {
    if (column.name === null) return false;
    const name = place.names.column(place.table.name, column.name);
    if (!column.ignoresCase || !index.unique) return to === name || isLower(to, name);
    return isLower(to, name) || (to === name && ignoresCase(place, name));
  };
  // What is unique in one order is unique in every other.
  const orderless = index.unique && columns.every((column) => here.columns.some((to) => fits(column, to)));
  if (!orderless && !columns.every((column, i) => fits(column, here.columns[i]!))) return false;
  return sameCondition(place, index, here);
}

const isLower = (expression: string, name: string): boolean =>
  new RegExp(
    `^\\(?lower\\(\\(?${quoteWhereNeeded(name).replace(/[$()*+.?[\\\]^{|}]/g, '\\$&')}\\)?(::text)?\\)\\)?$`,
  ).test(expression);

const ignoresCase = (place: Place, name: string): boolean =>
  ofTable(place.target.columns, place).some(
    (each) =>
      each.name === name &&
      (each.type === 'citext' || /\.citext$/.test(each.type) || each.collation !== undefined),
  );

function sameCondition(place: Place, { sql }: SqliteIndex, { predicate }: Index): boolean {
  const condition = sql === null ? null : conditionOf(sql);
  if (condition === null || predicate === undefined) return condition === null && predicate === undefined;
  const form = formOf(translated(place, condition));
  return form !== null && form === formOf(predicate);
}

/** With the target's names; a boolean column is no number. */
function translated(place: Place, expression: string): string {
  return expression
    .replace(/'(?:[^']|'')*'|"((?:[^"]|"")*)"/g, (all, quoted?: string) =>
      quoted === undefined
        ? all
        : quoteWhereNeeded(place.names.column(place.table.name, quoted.replaceAll('""', '"'))),
    )
    .replace(/\b(\w+)\s*==?\s*([01])\b/g, (all, name: string, value: string) =>
      place.isBoolean(place.names.column(place.table.name, name))
        ? value === '1'
          ? name
          : `(NOT ${name})`
        : all,
    );
}

const MORE = 63;

function made(place: Place, { name, unique, primary, columns, sql }: SqliteIndex): Index {
  const { names, table } = place;
  const own = columns.map((each) => ({ ...each, name: names.column(table.name, each.name!) }));
  const ends = primary ? 'pkey' : [...own.map((each) => each.name), 'key'].join('_');
  const called = (
    name === '' || name.startsWith('sqlite_') ? `${place.name}_${ends}` : name.toLowerCase()
  ).slice(0, MORE);
  const expressions = own.some((each) => each.ignoresCase && unique);
  const elements = own.map((each) =>
    each.ignoresCase && unique ? `lower(${quoteWhereNeeded(each.name)})` : quoteWhereNeeded(each.name),
  );
  const condition = sql === null ? null : conditionOf(sql);
  const predicate = condition === null ? undefined : translated(place, condition);
  return {
    schema: names.schema,
    table: place.name,
    name: called,
    definition:
      `CREATE ${unique ? 'UNIQUE ' : ''}INDEX ${quoteWhereNeeded(called)} ON ${path(names.schema, place.name)} USING btree (${elements.join(', ')})` +
      (predicate === undefined ? '' : ` WHERE (${predicate})`),
    method: 'btree',
    columns: expressions ? elements : own.map((each) => each.name),
    ...(expressions ? { expressions: true as const } : {}),
    ...(predicate === undefined ? {} : { predicate }),
    ...(unique ? { unique: true as const } : {}),
    ...(primary ? { primary: true as const, constraint: 'primary key' as const } : {}),
  };
}

export function foreignKeysOf(
  place: Place,
  primaryKeyOf: (table: string) => readonly string[],
): readonly Constraint[] {
  const here = ofTable(place.target.constraints, place).filter(({ type }) => type === 'foreign key');
  const { names } = place;
  return place.table.foreignKeys.map((foreign): Constraint => {
    const columns = foreign.columns.map((each) => names.column(place.table.name, each));
    const to = foreign.to.length > 0 ? foreign.to : primaryKeyOf(foreign.table);
    const references = {
      schema: names.schema,
      table: names.table(foreign.table),
      columns: to.map((each) => names.column(foreign.table, each)),
    };
    const definition =
      `FOREIGN KEY (${list(columns)}) REFERENCES ${path(names.schema, references.table)}(${list(references.columns)})` +
      actions(foreign);
    const found = here.find(
      (each) =>
        list(each.columns ?? []) === list(columns) &&
        each.references?.table === references.table &&
        list(each.references.columns) === list(references.columns) &&
        actionsIn(each.definition) === actions(foreign),
    );
    return (
      found ?? {
        schema: names.schema,
        table: place.name,
        name: `${place.name}_${columns.join('_')}_fkey`.slice(0, MORE),
        type: 'foreign key',
        definition,
        columns,
        references,
      }
    );
  });
}

const list = (names: readonly string[]): string => names.map(quoteWhereNeeded).join(', ');

/** As PostgreSQL writes them: what it does by itself is not said. */
const actions = ({ onUpdate, onDelete }: SqliteForeignKey): string =>
  [
    ['UPDATE', onUpdate],
    ['DELETE', onDelete],
  ]
    .map(([when, action]) => (action === 'NO ACTION' || action === '' ? '' : ` ON ${when} ${action}`))
    .join('');

const actionsIn = (definition: string): string =>
  (definition.match(/ ON (?:UPDATE|DELETE) (?:CASCADE|RESTRICT|SET NULL|SET DEFAULT)/g) ?? []).join('');

/** `JSON_VALID(data) OR data IS NULL`, which Django writes: the type sees to it. */
function isTypeOfJson(place: Place, expression: string): boolean {
  const checked = /^\(?json_valid\(\(?("(?:[^"]|"")+"|\w+)\)?\)(?: OR \(?\1 IS NULL\)?)?\)?$/i.exec(
    expression,
  )?.[1];
  if (checked === undefined) return false;
  const name = checked.startsWith('"') ? checked.slice(1, -1).replaceAll('""', '"') : checked;
  return ofTable(place.target.columns, place).some(
    (each) => each.name === name && /^jsonb?$/.test(each.type),
  );
}

/** Functions that both have, and that do the same. */
const SHARED = new Set(
  'length lower upper abs coalesce nullif round replace substr trim ltrim rtrim'.split(' '),
);
/** What stands before a bracket and is none. */
const WORDS = new Set('and or not in between like is when then else case'.split(' '));

const callsSqlite = (expression: string): boolean =>
  [...expression.replace(/'(?:[^']|'')*'|"(?:[^"]|"")*"/g, '0').matchAll(/([a-z_]\w*)\s*\(/gi)].some(
    ([, name]) => !SHARED.has(name!.toLowerCase()) && !WORDS.has(name!.toLowerCase()),
  );

export function checksOf(place: Place): {
  readonly checks: readonly Constraint[];
  readonly notSeen: readonly NotSeen[];
} {
  const here = ofTable(place.target.constraints, place).filter(({ type }) => type === 'check');
  const forms = new Map(
    here.map((each) => [formOf(each.definition.replace(/^CHECK /, '').replace(/ NOT VALID$/, '')), each]),
  );
  const notSeen: NotSeen[] = [];
  const checks = checksIn(place.table.sql).flatMap(({ name, expression }, i): Constraint[] => {
    const ours = translated(place, expression);
    const form = formOf(ours);
    const found = form === null ? undefined : forms.get(form);
    if (found) return [found];
    const of = { schema: place.names.schema, name: place.name };
    if (isTypeOfJson(place, ours)) return [];
    if (form === null || callsSqlite(ours) || (name !== null && here.some((each) => each.name === name))) {
      notSeen.push({ what: 'a CHECK', of, why: "it is written in SQLite's language, and is not compared" });
      return [];
    }
    const called = name ?? `${place.name}_check${i === 0 ? '' : i}`;
    return [
      { schema: of.schema, table: of.name, name: called, type: 'check', definition: `CHECK (${ours})` },
    ];
  });
  return { checks, notSeen };
}
