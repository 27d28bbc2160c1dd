/** Names in SQL text: taken out of their quotes, and found in text that nobody parses. */
import type { MigrationText } from './defect';
import { nameOf, tokens } from './sql-tokens';

/** `public."Order"` → `Order`. */
export function lastName(sqlName: string): string {
  let last = sqlName;
  for (const token of tokens(sqlName)) last = nameOf(token) ?? last;
  return last;
}

/** The name as a word of its own, whatever stands around it: quotes, a schema, a bracket. */
export const mentions = (sql: string, name: string): boolean => wordPattern(name).test(sql);

export const mentionsAll = (sql: string, names: readonly string[]): boolean =>
  names.every((name) => mentions(sql, name));

/** A regular expression's source for the name as a word of its own. */
export const word = (name: string): string =>
  `(?<![\\w$])${name.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')}(?![\\w$])`;

const wordPattern = (name: string): RegExp => new RegExp(word(name), 'i');

/** For a topic that no statement is about. */
export const NEVER = /(?!)/;

/**
 * Whether one statement, or one verify query, speaks of all these names and of what `topic` says. A verify query that
 * does is as good as a statement: it proves the repair, whoever made it.
 */
export function speaksOf(
  migration: MigrationText,
  names: readonly (string | null)[],
  topic: { readonly statement: RegExp; readonly verify: RegExp },
): boolean {
  const wanted = names.filter((name): name is string => name !== null).map(lastName);
  if (wanted.length === 0) return false;
  return (
    migration.statements.some((sql) => topic.statement.test(sql) && mentionsAll(sql, wanted)) ||
    migration.verify.some((sql) => topic.verify.test(sql) && mentionsAll(sql, wanted))
  );
}

/** The predicate of a unique index over just these columns that a statement makes; null when it makes none, or not partial. */
export function partialPredicate(sql: string, columns: readonly string[]): string | null {
  const [, list, predicate] =
    /\bcreate\s+unique\s+index\b[^;(]*\(([^)]*)\)[^;]*?\bwhere\b\s*([^;]+?)\s*$/i.exec(sql) ?? [];
  return list !== undefined && namesIn(list) === columns.map(lastName).sort().join() ? predicate! : null;
}

const namesIn = (list: string): string =>
  list
    .split(',')
    .map((each) => lastName(each.trim()))
    .sort()
    .join();

/** Whether a statement makes a unique index or constraint, or a primary key, over just these columns in any order. */
export function makesUnique(sql: string, columns: readonly string[]): boolean {
  const wanted = columns.map(lastName).sort().join();
  const lists = [
    ...sql.matchAll(/\bcreate\s+unique\s+index\b[^;(]*\(([^)]*)\)/gi),
    ...sql.matchAll(/\b(?:unique|primary\s+key)\s*(?:nulls\s+(?:not\s+)?distinct\s*)?\(([^)]*)\)/gi),
  ].map(([, list]) => namesIn(list!));
  if (lists.includes(wanted)) return true;
  const [only, ...more] = columns;
  return (
    more.length === 0 &&
    only !== undefined &&
    new RegExp(`${word(lastName(only))}"?\\s[^,;(]*?\\b(unique|primary\\s+key)\\b`, 'i').test(sql)
  );
}
