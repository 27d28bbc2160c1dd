/** Names of the catalogue in the words of a finding. */
import { quoteWhereNeeded } from '../sql/quote';
import { identifierOf, tokens } from '../sql/tokens';
import type { Reference } from './catalogue/kind';

/** `schema.table.column`, quoted only where needed. */
export const path = (...names: readonly string[]): string => names.map(quoteWhereNeeded).join('.');

export const pathOf = ({ schema, name }: Reference): string => path(schema, name);

export const list = (names: readonly string[]): string => names.map(quoteWhereNeeded).join(', ');

/** The names in `schema."Table"`, as the catalogue has them. */
export const namesIn = (text: string): readonly string[] =>
  [...tokens(text)].flatMap((token) => identifierOf(token) ?? []);

/** The column that an element of an index is; null for an expression. */
export function columnOf(element: string): string | null {
  const [first, ...more] = [...tokens(element)];
  return first === undefined || more.length > 0 ? null : (identifierOf(first) ?? null);
}

/** Joins names so that no two lists give the same. */
export const key = (...names: readonly string[]): string => names.join('\0');

export const plural = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? '' : 's'}`;
