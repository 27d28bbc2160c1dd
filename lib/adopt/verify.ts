/** A draft of `verify`: what a migration makes, as far as it is there at the end. Pure. */
import type { Catalogue } from '../../lambda/audit/catalogue';
import { list, path } from '../../lambda/audit/names';
import type { Effect, ObjectName } from '../../lambda/contract/effects';
import type { Migration } from '../../lambda/contract/manifest';
import { quoteLiteral } from '../../lambda/sql/quote';
import { array, column } from '../audit/write/names';

const MOST = 40;

/** Queries without their semicolon; none where nothing of it can be asked. @param end after all that was replayed */
export function draftedVerify(
  { statements }: Pick<Migration, 'statements'>,
  end: Catalogue,
): readonly string[] {
  const found = lookup(end);
  const effects = statements.flatMap(({ effects }) => effects);
  const made = new Set(effects.flatMap((each) => (each.kind === 'table' ? [nameOf(each.table)] : [])));
  const queries = effects.flatMap((each) => queryOf(each, found, made));
  return [...new Set(queries)].slice(0, MOST);
}

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
