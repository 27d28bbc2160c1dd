/** Names and types as the catalog stores them. */
import type { RangeVar, TypeName } from 'libpg-query';
import type { ObjectName } from '../../../lambda/contract/effects';
import type { SearchPath } from '../model/search-path';
import { listNameParts, quoteIfNeeded, unwrapNodes } from '../read/tree';
import type { RuleContext } from '../rules/facts';

/**
 * Returns the name of a relation; `undefined` for a temporary one, which no longer exists when the catalog is queried.
 */
export function resolveRelationName(
  relation: RangeVar | undefined,
  context: RuleContext,
): ObjectName | undefined {
  const name = relation?.relname;
  if (!relation || name === undefined || relation.relpersistence === 't') return undefined;
  if (relation.schemaname)
    return relation.schemaname === 'pg_temp'
      ? undefined
      : resolveObjectName([relation.schemaname, name], null);
  if (context.created.has(`pg_temp.${quoteIfNeeded(name)}`)) return undefined;
  return resolveObjectName([name], context.path);
}

/**
 * Returns the name of an object.
 * @param path the search path in force: after the file's own SET LOCAL search_path with one schema, an unqualified name
 * is in that schema
 */
export function resolveObjectName(parts: readonly string[], path: SearchPath): ObjectName {
  return { schema: parts.length > 1 ? parts.at(-2)! : getPathSchema(path), name: parts.at(-1) ?? '' };
}

const getPathSchema = (path: SearchPath): string | null =>
  path === null || path.schema.startsWith('"*')
    ? null
    : path.schema.replace(/^"(.*)"$/s, '$1').replaceAll('""', '"');

/** Maps type names of the grammar and of pg_type to the output of format_type. */
const FORMATTED_TYPES: Readonly<Record<string, string>> = {
  int2: 'smallint',
  int4: 'integer',
  int8: 'bigint',
  float4: 'real',
  float8: 'double precision',
  bool: 'boolean',
  varchar: 'character varying',
  bpchar: 'character',
  varbit: 'bit varying',
  timestamp: 'timestamp without time zone',
  timestamptz: 'timestamp with time zone',
  time: 'time without time zone',
  timetz: 'time with time zone',
  smallserial: 'smallint',
  serial2: 'smallint',
  serial: 'integer',
  serial4: 'integer',
  bigserial: 'bigint',
  serial8: 'bigint',
};

/** Returns a type as format_type prints it. A user-defined type is returned as the file has it. */
export function formatType(type: TypeName | undefined): string {
  const parts = listNameParts(type?.names);
  const own = parts.length === 2 && parts[0] === 'pg_catalog' ? parts.slice(1) : parts;
  const word = own.length === 1 ? own[0]! : undefined;
  // The grammar's own types are keywords, but are printed without quotes.
  const ofGrammar = parts.length === 2 && word !== 'char' ? word : undefined;
  const printed = FORMATTED_TYPES[word ?? ''] ?? ofGrammar ?? own.map(quoteIfNeeded).join('.');
  const limits =
    word === 'interval' ? [] : unwrapNodes(type?.typmods, 'A_Const').map(({ ival }) => ival?.ival ?? 0);
  const limit = limits.length > 0 ? `(${limits.join()})` : '';
  // timestamp(3) without time zone
  const limited = /^time/.test(printed) ? printed.replace(/^\w+/, (first) => first + limit) : printed + limit;
  return limited + (type?.arrayBounds?.length ? '[]' : '');
}
