/** Queries about an index: the rows that do not let it be unique, and whether it is there. */
import type { Index } from '../../../../lambda/audit/catalogue/indexes';
import { onlyIn } from '../../../../lambda/audit/inheritance';
import type { Context } from '../context';
import { array, literal, column as name, tableOf } from '../names';
import { keysOf } from './index-keys';

/** NULLs repeat, unless the index says otherwise. */
export function duplicates({ target }: Context, index: Index): string {
  const table = tableOf(index);
  const keys = index.expressions ? index.columns : index.columns.map(name);
  const where = [
    ...(index.nullsNotDistinct ? [] : [`num_nulls(${keys.join(', ')}) = 0`]),
    ...(index.predicate ? [`(${index.predicate})`] : []),
  ];
  const from = `${onlyIn(target, { schema: index.schema, name: index.table })}${table}${where.length > 0 ? ` WHERE ${where.join(' AND ')}` : ''}`;
  const groups = index.expressions ? keys.map((_, i) => `key_${i + 1}`) : keys;
  const sentence = `%s groups of rows in ${escaped(table)} share a key of ${escaped(name(index.name))}`;
  return `SELECT pg_catalog.format(${literal(sentence)}, count(*))
FROM (SELECT FROM ${index.expressions ? named(keys, from) : from} GROUP BY ${groups.join(', ')} HAVING count(*) > 1) AS shared
HAVING count(*) > 0`;
}

/** GROUP BY takes a constant, of an index that allows a single row, for the number of a column. */
const named = (keys: readonly string[], from: string): string =>
  `(SELECT ${keys.map((each, i) => `${each} AS key_${i + 1}`).join(', ')} FROM ${from}) AS keys`;

/** For format(). */
const escaped = (text: string): string => text.replaceAll('%', '%%');

export function verification(index: Index): string[] {
  const table = tableOf(index);
  if (index.primary) return [`SELECT trueup.col_is_pk(${literal(table)}, ${array(index.columns.map(name))})`];
  const options = [
    ...(index.unique ? ['is_unique => true'] : []),
    ...(index.predicate ? [`predicate => ${literal(index.predicate)}`] : []),
    ...(index.include ? [`include => ${array(index.include.map(name))}`] : []),
    ...(index.method === 'btree' ? [] : [`method => ${literal(index.method)}`]),
    ...(index.nullsNotDistinct ? ['nulls_not_distinct => true'] : []),
  ];
  return [`SELECT trueup.is_indexed(${[literal(table), array(keysOf(index)), ...options].join(', ')})`];
}
