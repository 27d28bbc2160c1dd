/** Builds queries about an index: for rows with duplicate keys, and for whether it exists. */
import type { Index } from '../../../../lambda/audit/catalog/indexes';
import { buildOnlyClause } from '../../../../lambda/audit/inheritance';
import { quoteName as name, quoteArray, quoteTable, quoteText } from '../names';
import type { RepairContext } from '../repair-context';
import { parseIndexKeys } from './index-keys';

/** Builds the query for duplicate keys. NULLs are distinct, unless the index is NULLS NOT DISTINCT. */
export function buildDuplicatesQuery({ target }: RepairContext, index: Index): string {
  const table = quoteTable(index);
  const keys = index.expressions ? index.columns : index.columns.map(name);
  const where = [
    ...(index.nullsNotDistinct ? [] : [`num_nulls(${keys.join(', ')}) = 0`]),
    ...(index.predicate ? [`(${index.predicate})`] : []),
  ];
  const from = `${buildOnlyClause(target, { schema: index.schema, name: index.table })}${table}${where.length > 0 ? ` WHERE ${where.join(' AND ')}` : ''}`;
  const groups = index.expressions ? keys.map((_, i) => `key_${i + 1}`) : keys;
  const sentence = `%s groups of rows in ${escapePercent(table)} share a key of ${escapePercent(name(index.name))}`;
  return `SELECT pg_catalog.format(${quoteText(sentence)}, count(*))
FROM (SELECT FROM ${index.expressions ? nameKeys(keys, from) : from} GROUP BY ${groups.join(', ')} HAVING count(*) > 1) AS shared
HAVING count(*) > 0`;
}

/** Names the keys, because GROUP BY would read a constant key (of an index that allows one row) as a column number. */
const nameKeys = (keys: readonly string[], from: string): string =>
  `(SELECT ${keys.map((each, i) => `${each} AS key_${i + 1}`).join(', ')} FROM ${from}) AS keys`;

/** Escapes `%` for format(). */
const escapePercent = (text: string): string => text.replaceAll('%', '%%');

export function buildIndexVerification(index: Index): string[] {
  const table = quoteTable(index);
  if (index.primary)
    return [`SELECT trueup.col_is_pk(${quoteText(table)}, ${quoteArray(index.columns.map(name))})`];
  const options = [
    ...(index.unique ? ['is_unique => true'] : []),
    ...(index.predicate ? [`predicate => ${quoteText(index.predicate)}`] : []),
    ...(index.include ? [`include => ${quoteArray(index.include.map(name))}`] : []),
    ...(index.method === 'btree' ? [] : [`method => ${quoteText(index.method)}`]),
    ...(index.nullsNotDistinct ? ['nulls_not_distinct => true'] : []),
  ];
  return [
    `SELECT trueup.is_indexed(${[quoteText(table), quoteArray(parseIndexKeys(index)), ...options].join(', ')})`,
  ];
}
