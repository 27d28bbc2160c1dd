/**
 * Quotes names and values by PostgreSQL's lexical rules
 * (https://www.postgresql.org/docs/current/sql-syntax-lexical.html).
 */

export const quoteIdentifier = (name: string): string => `"${name.replaceAll('"', '""')}"`;

/** Keywords that name no table and no column unless they are quoted (pg_get_keywords(), `R` and `T`), of all majors. */
const RESERVED_WORDS: ReadonlySet<string> = new Set(
  `all analyse analyze and any array as asc asymmetric authorization binary both case cast check
    collate collation column concurrently constraint create cross current_catalog current_date
    current_role current_schema current_time current_timestamp current_user default deferrable desc
    distinct do else end except false fetch for foreign freeze from full grant group having ilike in
    initially inner intersect into is isnull join lateral leading left like limit localtime
    localtimestamp natural not notnull null offset on only or order outer overlaps placing primary
    references returning right select session_user similar some symmetric system_user table tablesample
    then to trailing true union unique user using variadic verbose when where window with`.split(/\s+/),
);

const unquoteIdentifier = (written: string): string =>
  written.startsWith('"') ? written.slice(1, -1).replaceAll('""', '"') : written;

/** Returns the names in a list or path as the server prints it, without their quotes. */
export const parseNames = (printed: string): string[] =>
  (printed.match(/"(?:[^"]|"")*"|[^\s,."]+/g) ?? []).map(unquoteIdentifier);

/** Quotes a name only if its characters require it, or if it is a reserved word. */
export const quoteIfNeeded = (name: string): string =>
  /^[a-z_][a-z0-9_]*$/.test(name) && !RESERVED_WORDS.has(name) ? name : quoteIdentifier(name);

/**
 * Quotes a value, independently of standard_conforming_strings. NUL, which PostgreSQL's text cannot contain, is
 * removed.
 */
export function quoteLiteral(value: string | number | boolean | null): string {
  if (value === null) return 'NULL';
  if (typeof value !== 'string') return String(value);
  const quoted = `'${value.replaceAll('\0', '').replaceAll("'", "''").replaceAll('\\', '\\\\')}'`;
  return value.includes('\\') ? `E${quoted}` : quoted;
}

/** Returns an array literal: `ARRAY['a','b']::pg_catalog.text[]`. */
export const quoteTextArray = (values: readonly string[]): string =>
  `ARRAY[${values.map(quoteLiteral).join(',')}]::pg_catalog.text[]`;

/** Quotes a text with a dollar tag that it does not contain. */
export function dollarQuote(text: string): string {
  let tag = '$trueup$';
  for (let i = 1; text.includes(tag.slice(0, -1)); i++) tag = `$trueup${i}$`;
  return `${tag}${text}${tag}`;
}
