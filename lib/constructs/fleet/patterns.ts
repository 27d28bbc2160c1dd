/** Compares name patterns with each other, so that synth can refuse one that can never match. Pure. */
import type { TenantSource } from '../../../lambda/contract/fleet';
import { matchesPattern } from '../../../lambda/fleet/pattern';

/** Syntax of LIKE and of regular expressions, which is not part of a pattern. */
const FOREIGN_SYNTAX = /%|^\^|\$$|\.\*|\\|[[\]{}|]/;

/** Returns what is wrong with a pattern, as a clause, or undefined if nothing is. */
export const describeForeignPattern = (pattern: string): string | undefined =>
  FOREIGN_SYNTAX.test(pattern)
    ? 'looks like LIKE or a regular expression; it must be a pattern in which * is any characters and ? is one'
    : undefined;

const SYSTEM_DATABASES = ['postgres', 'rdsadmin', 'template0', 'template1'];
const SYSTEM_SCHEMAS = ['information_schema', 'trueup'];

/** Returns whether the name belongs to the server and so cannot be a tenant's. */
export const isSystemDatabase = (pattern: string): boolean => SYSTEM_DATABASES.includes(pattern);
export const isSystemSchema = (pattern: string): boolean =>
  SYSTEM_SCHEMAS.includes(pattern) || /^pg_/.test(pattern) || pattern === '$user';

/** Returns whether one of `others` matches every name that `pattern` matches; false if that is uncertain. */
export const isCoveredBy = (pattern: string, others: readonly string[]): boolean =>
  others.some((other) => covers([...other], [...pattern]));

function covers(other: readonly string[], pattern: readonly string[]): boolean {
  const [wanted, ...rest] = other;
  if (wanted === undefined) return pattern.length === 0;
  if (wanted === '*') return covers(rest, pattern) || (pattern.length > 0 && covers(other, pattern.slice(1)));
  const [given, ...left] = pattern;
  const fits = given !== undefined && (wanted === '?' ? given !== '*' : wanted === given);
  return fits && covers(rest, left);
}

/** Returns whether some name matches both patterns. */
export function patternsOverlap(a: string, b: string): boolean {
  const [left, right] = [[...a], [...b]];
  const seen = new Set<number>();
  const meets = (i: number, j: number): boolean => {
    const key = i * (right.length + 1) + j;
    if (seen.has(key)) return false;
    seen.add(key);
    const [x, y] = [left[i], right[j]];
    if (x === undefined && y === undefined) return true;
    if (x === '*' && (meets(i + 1, j) || (y !== undefined && meets(i, j + 1)))) return true;
    if (y === '*' && (meets(i, j + 1) || (x !== undefined && meets(i + 1, j)))) return true;
    if (x === undefined || y === undefined || x === '*' || y === '*') return false;
    return (x === y || x === '?' || y === '?') && meets(i + 1, j + 1);
  };
  return meets(0, 0);
}

/** Returns whether a tenant with this name can come from the source; true if only the server knows. */
export const canContainTenant = (source: TenantSource, name: string): boolean =>
  source.kind === 'query' ||
  (matchesPattern(source.pattern, name) &&
    !(source.exclude ?? []).some((pattern) => matchesPattern(pattern, name)));
