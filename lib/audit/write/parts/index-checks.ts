/** Queries about an index: the rows that do not let it be unique, and whether it is there. */
import type { Index } from '../../../../lambda/audit/catalogue/indexes';
import { array, literal, column as name, tableOf } from '../names';
import { keysOf } from './index-keys';

const keyColumns = (index: Index): readonly string[] =>
  index.expressions ? valuesOf(index) : index.columns.map(name);

/** The keys as values: without the order, the collation and the operator class. */
const valuesOf = (index: Index): string[] =>
  index.columns.map((each) => (/^[\w$]+$/.test(each) ? name(each) : `(${each})`));

/** NULLs repeat, unless the index says otherwise. */
export function duplicates(index: Index): string {
  const table = tableOf(index);
  const keys = keyColumns(index);
  const where = [
    ...(index.nullsNotDistinct ? [] : [`num_nulls(${keys.join(', ')}) = 0`]),
    ...(index.predicate ? [`(${index.predicate})`] : []),
  ];
  const sentence = `%s groups of rows in ${escaped(table)} share a key of ${escaped(name(index.name))}`;
  return `SELECT pg_catalog.format(${literal(sentence)}, count(*))
FROM (SELECT FROM ${table}${where.length > 0 ? ` WHERE ${where.join(' AND ')}` : ''} GROUP BY ${keys.join(', ')} HAVING count(*) > 1) AS shared
HAVING count(*) > 0`;
}

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
