/** Names of catalog objects as findings show them. */
import { quoteIfNeeded } from '../sql/quote';
import { readIdentifier, tokenizeSql } from '../sql/tokens';
import type { Reference } from './catalog/kind';

/** Returns `schema.table.column`, quoted only where needed. */
export const formatPath = (...names: readonly string[]): string => names.map(quoteIfNeeded).join('.');

export const formatReference = ({ schema, name }: Reference): string => formatPath(schema, name);

export const formatNames = (names: readonly string[]): string => names.map(quoteIfNeeded).join(', ');

/** Returns the names in `schema."Table"`, unquoted as in the catalog. */
export const parseNames = (text: string): readonly string[] =>
  [...tokenizeSql(text)].flatMap((token) => readIdentifier(token) ?? []);

/** Returns the column that an element of an index names, or null for an expression. */
export function parseColumn(element: string): string | null {
  const [first, ...more] = [...tokenizeSql(element)];
  return first === undefined || more.length > 0 ? null : (readIdentifier(first) ?? null);
}

/** Joins names into a key. Different lists give different keys. */
export const joinKey = (...names: readonly string[]): string => names.join('\0');

export const formatCount = (count: number, noun: string): string =>
  `${count} ${noun}${count === 1 ? '' : 's'}`;
