/** Names and types as the catalogue has them. */
import type { RangeVar, TypeName } from 'libpg-query';
import type { ObjectName } from '../../../lambda/contract/effects';
import type { SearchPath } from '../model/search-path';
import { all, quoteIfNeeded, words } from '../read/tree';
import type { Context } from '../rules/facts';

/** Undefined for a temporary relation: it is gone before anybody can ask. */
export function relationName(relation: RangeVar | undefined, context: Context): ObjectName | undefined {
  const name = relation?.relname;
  if (!relation || name === undefined || relation.relpersistence === 't') return undefined;
  if (relation.schemaname)
    return relation.schemaname === 'pg_temp' ? undefined : objectName([relation.schemaname, name], null);
  if (context.created.has(`pg_temp.${quoteIfNeeded(name)}`)) return undefined;
  return objectName([name], context.path);
}

/** @param path in force: after the file's own SET LOCAL search_path to one schema, that schema is meant */
export function objectName(parts: readonly string[], path: SearchPath): ObjectName {
  return { schema: parts.length > 1 ? parts.at(-2)! : schemaOf(path), name: parts.at(-1) ?? '' };
}

const schemaOf = (path: SearchPath): string | null =>
  path === null || path.schema.startsWith('"*')
    ? null
    : path.schema.replace(/^"(.*)"$/s, '$1').replaceAll('""', '"');

/** The grammar's names, and those of pg_type, to what format_type prints. */
const PRINTED: Readonly<Record<string, string>> = {
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

/** As format_type prints it; a type of the user's as it is written. */
export function typeOf(type: TypeName | undefined): string {
  const parts = words(type?.names);
  const own = parts.length === 2 && parts[0] === 'pg_catalog' ? parts.slice(1) : parts;
  const word = own.length === 1 ? own[0]! : undefined;
  // The grammar's own types are keywords, and printed without quotes all the same.
  const ofGrammar = parts.length === 2 && word !== 'char' ? word : undefined;
  const printed = PRINTED[word ?? ''] ?? ofGrammar ?? own.map(quoteIfNeeded).join('.');
  const limits = word === 'interval' ? [] : all(type?.typmods, 'A_Const').map(({ ival }) => ival?.ival ?? 0);
  const limit = limits.length > 0 ? `(${limits.join()})` : '';
  // timestamp(3) without time zone
  const limited = /^time/.test(printed) ? printed.replace(/^\w+/, (first) => first + limit) : printed + limit;
  return limited + (type?.arrayBounds?.length ? '[]' : '');
}
