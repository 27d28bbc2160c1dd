/** A draft of `verify`: what a migration makes, as far as it is there at the end. The parser must be ready. */
import type { Catalogue } from '../../lambda/audit/catalogue';
import { list, path } from '../../lambda/audit/names';
import type { Effect, ObjectName } from '../../lambda/contract/effects';
import type { Migration } from '../../lambda/contract/manifest';
import { quoteLiteral } from '../../lambda/sql/quote';
import { array, column } from '../audit/write/names';
import { all, as } from '../compiler/read/tree';
import { statementsOf } from './statements';

const MOST = 40;

/** Queries without their semicolon; none where nothing of it can be asked. @param end after all that was replayed */
export function draftedVerify(
  { statements }: Pick<Migration, 'statements'>,
  end: Catalogue,
): readonly string[] {
  const found = lookup(end);
  // Of another form than at the end: `verify` is asked when the migration is applied, too.
  const effects = statements.filter(({ sql }) => !makesOtherIndex(sql)).flatMap(({ effects }) => effects);
  const made = new Set(effects.flatMap((each) => (each.kind === 'table' ? [nameOf(each.table)] : [])));
  const queries = effects.flatMap((each, i) =>
    isUndone(each, effects.slice(i + 1)) ? [] : queryOf(each, found, made),
  );
  return [...new Set(queries)].slice(0, MOST);
}

/** It says more than the columns of an index: a method, an order, an operator class. */
function makesOtherIndex(sql: string): boolean {
  const index = (statementsOf('', sql) ?? []).map(({ node }) => as(node, 'IndexStmt')).find(Boolean);
  if (!index) return false;
  const { accessMethod, indexParams, indexIncludingParams = [], nulls_not_distinct } = index;
  const isPlain = all(indexParams, 'IndexElem').every(
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

/** The same migration takes it away again, or renames it; a later one may make another of that name. */
function isUndone(effect: Effect, later: readonly Effect[]): boolean {
  const table = 'table' in effect ? effect.table.name : null;
  return later.some((each) => {
    switch (each.kind) {
      case 'drop table':
        return each.table.name === table;
      case 'rename table':
        return each.from.name === table;
      case 'drop column':
        return each.table.name === table && isOf(effect, each.column);
      case 'rename column':
        return each.table.name === table && isOf(effect, each.from);
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

const isOf = (effect: Effect, column: string): boolean =>
  effect.kind === 'column type'
    ? effect.column === column
    : effect.kind === 'index' && effect.keys.some((key) => 'column' in key && key.column === column);

const nameOf = ({ schema, name }: ObjectName): string => path(...(schema === null ? [] : [schema]), name);

function queryOf(effect: Effect, found: Lookup, made: ReadonlySet<string>): readonly string[] {
  switch (effect.kind) {
    case 'table': {
      const table = found.table(effect.table);
      return table ? [`SELECT trueup.has_table(${quoteLiteral(table)})`] : [];
    }
    case 'column type': {
      const table = made.has(nameOf(effect.table)) ? undefined : found.table(effect.table);
      return table && found.hasColumn(table, effect.column)
        ? [`SELECT trueup.has_column(${quoteLiteral(table)}, ${quoteLiteral(column(effect.column))})`]
        : [];
    }
    case 'index': {
      const table = effect.primary ? undefined : found.table(effect.table);
      const columns = effect.keys.map((key) => ('column' in key ? key.column : null));
      const named = columns.filter((column): column is string => column !== null);
      if (!table || effect.predicate !== null || named.length < columns.length || !effect.name) return [];
      if (!found.isPlainIndex(table, effect.name, named, effect.unique)) return [];
      const unique = effect.unique ? ', is_unique => true' : '';
      return [`SELECT trueup.is_indexed(${quoteLiteral(table)}, ${array(named.map(column))}${unique})`];
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

interface Lookup {
  /** With its schema, as SQL names it; undefined where there is none, or several may be meant. */
  table(name: ObjectName): string | undefined;
  hasColumn(table: string, column: string): boolean;
  isPlainIndex(table: string, name: string, columns: readonly string[], unique: boolean): boolean;
  function(name: ObjectName, types: readonly string[]): string | undefined;
}

function lookup({ tables, columns, indexes, functions }: Catalogue): Lookup {
  const all = new Set(columns.map(({ schema, table, name }) => `${path(schema, table)} ${name}`));
  const one = (
    candidates: readonly { readonly schema: string; readonly name: string }[],
    wanted: ObjectName,
  ) => {
    const named = candidates.filter(
      ({ schema, name }) => name === wanted.name && (wanted.schema === null || schema === wanted.schema),
    );
    const chosen = named.length === 1 ? named[0] : named.find(({ schema }) => schema === 'public');
    return chosen && path(chosen.schema, chosen.name);
  };
  return {
    table: (name) => one(tables, name),
    hasColumn: (table, column) => all.has(`${table} ${column}`),
    // Only those that say nothing else than their columns: the draft asks for no more.
    isPlainIndex: (table, name, names, unique) =>
      indexes.some(
        (index) =>
          index.name === name &&
          path(index.schema, index.table) === table &&
          index.definition.endsWith(` USING btree (${list(names)})`) &&
          /^CREATE UNIQUE /.test(index.definition) === unique,
      ),
    function: (name, types) =>
      one(
        functions.filter(({ signature, kind }) => kind !== 'aggregate' && signature === types.join(', ')),
        name,
      ),
  };
}
