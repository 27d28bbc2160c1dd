/**
 * Converts the indexes, foreign keys and CHECKs of an SQLite table: to the target's own definition if that is
 * equivalent, otherwise to a translated one. Pure.
 */
import type { Catalog } from '../../../../lambda/audit/catalog';
import type { Constraint } from '../../../../lambda/audit/catalog/constraints';
import type { Index } from '../../../../lambda/audit/catalog/indexes';
import { formatPath } from '../../../../lambda/audit/names';
import type { NotCheckedItem } from '../../../../lambda/audit/not-checked';
import { quoteIfNeeded } from '../../../../lambda/sql/quote';
import { normalizeExpression, parseChecks, readIndexCondition } from './expression';
import type { NameMapping } from './names';
import type { SqliteForeignKey, SqliteIndex, SqliteTable } from './schema';

/** A table of the source and its counterpart in the target. */
export interface TableMapping {
  readonly table: SqliteTable;
  /** Name of the table in the target. */
  readonly name: string;
  readonly names: NameMapping;
  readonly target: Catalog;
  readonly isBoolean: (column: string) => boolean;
}

const filterByTable = <T extends { readonly schema: string; readonly table: string }>(
  all: readonly T[],
  { name, names }: TableMapping,
): readonly T[] => all.filter((each) => each.schema === names.schema && each.table === name);

export function translateIndexes(place: TableMapping): {
  readonly indexes: readonly Index[];
  readonly notChecked: readonly NotCheckedItem[];
} {
  const here = filterByTable(place.target.indexes, place);
  const notChecked: NotCheckedItem[] = [];
  const indexes = place.table.indexes.flatMap((index): Index[] => {
    const alike = here.filter((each) => isEquivalentIndex(place, index, each));
    const found = alike.find(({ name }) => name === index.name) ?? alike[0];
    if (found) return [found];
    if (index.columns.some(({ name }) => name === null)) {
      notChecked.push({
        what: `index ${index.name}`,
        of: { schema: place.names.schema, name: place.name },
        why: 'it is on an SQLite expression',
      });
      return [];
    }
    return [buildIndex(place, index)];
  });
  return { indexes, notChecked };
}

function isEquivalentIndex(place: TableMapping, index: SqliteIndex, here: Index): boolean {
  if (here.invalid || (index.unique && !here.unique) || (index.primary && !here.primary && !here.unique))
    return false;
  const { columns } = index;
  if (columns.length !== here.columns.length) return false;
  const fits = (column: SqliteIndex['columns'][number], to: string): boolean => {
    if (column.name === null) return false;
    const name = place.names.column(place.table.name, column.name);
    if (!column.ignoresCase || !index.unique) return to === name || isLowerCall(to, name);
    return isLowerCall(to, name) || (to === name && ignoresCase(place, name));
  };
  // The order of the columns does not matter for uniqueness.
  const orderless = index.unique && columns.every((column) => here.columns.some((to) => fits(column, to)));
  if (!orderless && !columns.every((column, i) => fits(column, here.columns[i]!))) return false;
  return hasSameCondition(place, index, here);
}

const isLowerCall = (expression: string, name: string): boolean =>
  new RegExp(
    `^\\(?lower\\(\\(?${quoteIfNeeded(name).replace(/[$()*+.?[\\\]^{|}]/g, '\\$&')}\\)?(::text)?\\)\\)?$`,
  ).test(expression);

const ignoresCase = (place: TableMapping, name: string): boolean =>
  filterByTable(place.target.columns, place).some(
    (each) =>
      each.name === name &&
      (each.type === 'citext' || /\.citext$/.test(each.type) || each.collation !== undefined),
  );

function hasSameCondition(place: TableMapping, { sql }: SqliteIndex, { predicate }: Index): boolean {
  const condition = sql === null ? null : readIndexCondition(sql);
  if (condition === null || predicate === undefined) return condition === null && predicate === undefined;
  const form = normalizeExpression(translateExpression(place, condition));
  return form !== null && form === normalizeExpression(predicate);
}

/** Translates an expression: uses the target's names, and no longer compares boolean columns with 0 or 1. */
function translateExpression(place: TableMapping, expression: string): string {
  return expression
    .replace(/'(?:[^']|'')*'|"((?:[^"]|"")*)"/g, (all, quoted?: string) =>
      quoted === undefined
        ? all
        : quoteIfNeeded(place.names.column(place.table.name, quoted.replaceAll('""', '"'))),
    )
    .replace(/\b(\w+)\s*==?\s*([01])\b/g, (all, name: string, value: string) =>
      place.isBoolean(place.names.column(place.table.name, name))
        ? value === '1'
          ? name
          : `(NOT ${name})`
        : all,
    );
}

const MAX_NAME_BYTES = 63;

function buildIndex(place: TableMapping, { name, unique, primary, columns, sql }: SqliteIndex): Index {
  const { names, table } = place;
  const own = columns.map((each) => ({ ...each, name: names.column(table.name, each.name!) }));
  const ends = primary ? 'pkey' : [...own.map((each) => each.name), 'key'].join('_');
  const called = (
    name === '' || name.startsWith('sqlite_') ? `${place.name}_${ends}` : name.toLowerCase()
  ).slice(0, MAX_NAME_BYTES);
  const expressions = own.some((each) => each.ignoresCase && unique);
  const elements = own.map((each) =>
    each.ignoresCase && unique ? `lower(${quoteIfNeeded(each.name)})` : quoteIfNeeded(each.name),
  );
  const condition = sql === null ? null : readIndexCondition(sql);
  const predicate = condition === null ? undefined : translateExpression(place, condition);
  return {
    schema: names.schema,
    table: place.name,
    name: called,
    definition:
      `CREATE ${unique ? 'UNIQUE ' : ''}INDEX ${quoteIfNeeded(called)} ON ${formatPath(names.schema, place.name)} USING btree (${elements.join(', ')})` +
      (predicate === undefined ? '' : ` WHERE (${predicate})`),
    method: 'btree',
    columns: expressions ? elements : own.map((each) => each.name),
    ...(expressions ? { expressions: true as const } : {}),
    ...(predicate === undefined ? {} : { predicate }),
    ...(unique ? { unique: true as const } : {}),
    ...(primary ? { primary: true as const, constraint: 'primary key' as const } : {}),
  };
}

export function translateForeignKeys(
  place: TableMapping,
  getPrimaryKey: (table: string) => readonly string[],
): readonly Constraint[] {
  const here = filterByTable(place.target.constraints, place).filter(({ type }) => type === 'foreign key');
  const { names } = place;
  return place.table.foreignKeys.map((foreign): Constraint => {
    const columns = foreign.columns.map((each) => names.column(place.table.name, each));
    const to = foreign.to.length > 0 ? foreign.to : getPrimaryKey(foreign.table);
    const references = {
      schema: names.schema,
      table: names.table(foreign.table),
      columns: to.map((each) => names.column(foreign.table, each)),
    };
    const definition =
      `FOREIGN KEY (${formatColumns(columns)}) REFERENCES ${formatPath(names.schema, references.table)}(${formatColumns(references.columns)})` +
      formatActions(foreign);
    const found = here.find(
      (each) =>
        formatColumns(each.columns ?? []) === formatColumns(columns) &&
        each.references?.table === references.table &&
        formatColumns(each.references.columns) === formatColumns(references.columns) &&
        parseActions(each.definition) === formatActions(foreign),
    );
    return (
      found ?? {
        schema: names.schema,
        table: place.name,
        name: `${place.name}_${columns.join('_')}_fkey`.slice(0, MAX_NAME_BYTES),
        type: 'foreign key',
        definition,
        columns,
        references,
      }
    );
  });
}

const formatColumns = (names: readonly string[]): string => names.map(quoteIfNeeded).join(', ');

/** Returns the actions as PostgreSQL writes them, which omits the default NO ACTION. */
const formatActions = ({ onUpdate, onDelete }: SqliteForeignKey): string =>
  [
    ['UPDATE', onUpdate],
    ['DELETE', onDelete],
  ]
    .map(([when, action]) => (action === 'NO ACTION' || action === '' ? '' : ` ON ${when} ${action}`))
    .join('');

const parseActions = (definition: string): string =>
  (definition.match(/ ON (?:UPDATE|DELETE) (?:CASCADE|RESTRICT|SET NULL|SET DEFAULT)/g) ?? []).join('');

/**
 * Whether a CHECK only validates JSON, such as `JSON_VALID(data) OR data IS NULL` by Django. The types json and jsonb
 * enforce that.
 */
function isJsonTypeCheck(place: TableMapping, expression: string): boolean {
  const checked = /^\(?json_valid\(\(?("(?:[^"]|"")+"|\w+)\)?\)(?: OR \(?\1 IS NULL\)?)?\)?$/i.exec(
    expression,
  )?.[1];
  if (checked === undefined) return false;
  const name = checked.startsWith('"') ? checked.slice(1, -1).replaceAll('""', '"') : checked;
  return filterByTable(place.target.columns, place).some(
    (each) => each.name === name && /^jsonb?$/.test(each.type),
  );
}

/** Functions that exist in both databases with the same meaning. */
const SHARED_FUNCTIONS = new Set(
  'length lower upper abs coalesce nullif round replace substr trim ltrim rtrim'.split(' '),
);
/** Words that may precede a parenthesis without being a function. */
const NON_FUNCTION_WORDS = new Set('and or not in between like is when then else case'.split(' '));

const callsSqliteFunction = (expression: string): boolean =>
  [...expression.replace(/'(?:[^']|'')*'|"(?:[^"]|"")*"/g, '0').matchAll(/([a-z_]\w*)\s*\(/gi)].some(
    ([, name]) => !SHARED_FUNCTIONS.has(name!.toLowerCase()) && !NON_FUNCTION_WORDS.has(name!.toLowerCase()),
  );

export function translateChecks(place: TableMapping): {
  readonly checks: readonly Constraint[];
  readonly notChecked: readonly NotCheckedItem[];
} {
  const here = filterByTable(place.target.constraints, place).filter(({ type }) => type === 'check');
  const forms = new Map(
    here.map((each) => [
      normalizeExpression(each.definition.replace(/^CHECK /, '').replace(/ NOT VALID$/, '')),
      each,
    ]),
  );
  const notChecked: NotCheckedItem[] = [];
  const checks = parseChecks(place.table.sql).flatMap(({ name, expression }, i): Constraint[] => {
    const ours = translateExpression(place, expression);
    const form = normalizeExpression(ours);
    const found = form === null ? undefined : forms.get(form);
    if (found) return [found];
    const of = { schema: place.names.schema, name: place.name };
    if (isJsonTypeCheck(place, ours)) return [];
    if (
      form === null ||
      callsSqliteFunction(ours) ||
      (name !== null && here.some((each) => each.name === name))
    ) {
      notChecked.push({ what: 'a CHECK', of, why: "it is in SQLite's SQL dialect and is not compared" });
      return [];
    }
    const called = name ?? `${place.name}_check${i === 0 ? '' : i}`;
    return [
      { schema: of.schema, table: of.name, name: called, type: 'check', definition: `CHECK (${ours})` },
    ];
  });
  return { checks, notChecked };
}
