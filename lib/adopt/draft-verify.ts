/**
 * Drafts `verify` sections from what a migration creates, as far as it still exists at the end. The parser must be
 * loaded.
 */
import type { Catalog } from '../../lambda/audit/catalog';
import { formatNames, formatPath } from '../../lambda/audit/names';
import type { Effect, ObjectName } from '../../lambda/contract/effects';
import type { Migration } from '../../lambda/contract/manifest';
import { quoteLiteral } from '../../lambda/sql/quote';
import { quoteArray, quoteName } from '../audit/write/names';
import { unwrapNode, unwrapNodes } from '../compiler/read/tree';
import { parseStatements } from './statements';

const MAX_QUERIES = 40;

/**
 * Returns the drafted queries, without semicolons; empty if nothing the migration creates can be checked.
 * @param end catalog after all migrations were replayed
 */
export function draftVerifySection(
  { statements }: Pick<Migration, 'statements'>,
  end: Catalog,
): readonly string[] {
  const found = createLookup(end);
  // `verify` also runs right after the migration is applied, so an index that a column list does not fully describe is
  // not checked.
  const effects = statements.filter(({ sql }) => !makesOtherIndex(sql)).flatMap(({ effects }) => effects);
  const made = new Set(
    effects.flatMap((each) => (each.kind === 'table' ? [formatObjectName(each.table)] : [])),
  );
  const queries = effects.flatMap((each, i) =>
    isUndone(each, effects.slice(i + 1)) ? [] : buildQueries(each, found, made),
  );
  return [...new Set(queries)].slice(0, MAX_QUERIES);
}

/**
 * Whether the statement creates an index that its columns do not fully describe: a method other than btree, a sort
 * order, an operator class or similar.
 */
function makesOtherIndex(sql: string): boolean {
  const index = (parseStatements('', sql) ?? [])
    .map(({ node }) => unwrapNode(node, 'IndexStmt'))
    .find(Boolean);
  if (!index) return false;
  const { accessMethod, indexParams, indexIncludingParams = [], nulls_not_distinct } = index;
  const isPlain = unwrapNodes(indexParams, 'IndexElem').every(
    ({ name, collation, opclass, ordering, nulls_ordering }) =>
      name !== undefined &&
      !collation?.length &&
      !opclass?.length &&
      ordering === 'SORTBY_DEFAULT' &&
      nulls_ordering === 'SORTBY_NULLS_DEFAULT',
  );
  return (
    accessMethod !== 'btree' || indexIncludingParams.length > 0 || nulls_not_distinct === true || !isPlain
  );
}

/**
 * Whether the same migration drops or renames the object again; a later migration may create another one with that
 * name.
 */
function isUndone(effect: Effect, later: readonly Effect[]): boolean {
  const table = 'table' in effect ? effect.table.name : null;
  return later.some((each) => {
    switch (each.kind) {
      case 'drop table':
        return each.table.name === table;
      case 'rename table':
        return each.from.name === table;
      case 'drop column':
        return each.table.name === table && concernsColumn(effect, each.column);
      case 'rename column':
        return each.table.name === table && concernsColumn(effect, each.from);
      case 'drop index':
        return effect.kind === 'index' && effect.name === each.index.name;
      case 'drop constraint':
        return effect.kind === 'index' && effect.name === each.name;
      case 'drop function':
        return effect.kind === 'function' && effect.function.name === each.function.name;
      default:
        return false;
    }
  });
}

const concernsColumn = (effect: Effect, column: string): boolean =>
  effect.kind === 'column type'
    ? effect.column === column
    : effect.kind === 'index' && effect.keys.some((key) => 'column' in key && key.column === column);

const formatObjectName = ({ schema, name }: ObjectName): string =>
  formatPath(...(schema === null ? [] : [schema]), name);

function buildQueries(effect: Effect, found: CatalogLookup, made: ReadonlySet<string>): readonly string[] {
  switch (effect.kind) {
    case 'table': {
      const table = found.table(effect.table);
      return table ? [`SELECT trueup.has_table(${quoteLiteral(table)})`] : [];
    }
    case 'column type': {
      const table = made.has(formatObjectName(effect.table)) ? undefined : found.table(effect.table);
      return table && found.hasColumn(table, effect.column)
        ? [`SELECT trueup.has_column(${quoteLiteral(table)}, ${quoteLiteral(quoteName(effect.column))})`]
        : [];
    }
    case 'index': {
      const table = effect.primary ? undefined : found.table(effect.table);
      const columns = effect.keys.map((key) => ('column' in key ? key.column : null));
      const named = columns.filter((column): column is string => column !== null);
      if (!table || effect.predicate !== null || named.length < columns.length || !effect.name) return [];
      if (!found.isPlainIndex(table, effect.name, named, effect.unique)) return [];
      const unique = effect.unique ? ', is_unique => true' : '';
      return [
        `SELECT trueup.is_indexed(${quoteLiteral(table)}, ${quoteArray(named.map(quoteName))}${unique})`,
      ];
    }
    case 'function': {
      const name = effect.arguments === null ? undefined : found.function(effect.function, effect.arguments);
      const types = (effect.arguments ?? []).map(quoteLiteral).join(', ');
      return name ? [`SELECT trueup.has_function(${quoteLiteral(name)}, ARRAY[${types}]::text[])`] : [];
    }
    default:
      return [];
  }
}

interface CatalogLookup {
  /** Returns the schema-qualified name as SQL; `undefined` if there is no such table or the name is ambiguous. */
  table(name: ObjectName): string | undefined;
  hasColumn(table: string, column: string): boolean;
  isPlainIndex(table: string, name: string, columns: readonly string[], unique: boolean): boolean;
  function(name: ObjectName, types: readonly string[]): string | undefined;
}

function createLookup({ tables, columns, indexes, functions }: Catalog): CatalogLookup {
  const all = new Set(columns.map(({ schema, table, name }) => `${formatPath(schema, table)} ${name}`));
  const one = (
    candidates: readonly { readonly schema: string; readonly name: string }[],
    wanted: ObjectName,
  ) => {
    const named = candidates.filter(
      ({ schema, name }) => name === wanted.name && (wanted.schema === null || schema === wanted.schema),
    );
    const chosen = named.length === 1 ? named[0] : named.find(({ schema }) => schema === 'public');
    return chosen && formatPath(chosen.schema, chosen.name);
  };
  return {
    table: (name) => one(tables, name),
    hasColumn: (table, column) => all.has(`${table} ${column}`),
    // Only indexes that their columns fully describe: the drafted query checks nothing else.
    isPlainIndex: (table, name, names, unique) =>
      indexes.some(
        (index) =>
          index.name === name &&
          formatPath(index.schema, index.table) === table &&
          index.definition.endsWith(` USING btree (${formatNames(names)})`) &&
          /^CREATE UNIQUE /.test(index.definition) === unique,
      ),
    function: (name, types) =>
      one(
        functions.filter(({ signature, kind }) => kind !== 'aggregate' && signature === types.join(', ')),
        name,
      ),
  };
}
