/** Quoting by the server's rules (https://www.postgresql.org/docs/current/sql-syntax-lexical.html). */

export const quoteIdentifier = (name: string): string => `"${name.replaceAll('"', '""')}"`;

/** As a person would write it. */
export const quoteWhereNeeded = (name: string): string =>
  /^[a-z_][a-z0-9_]*$/.test(name) ? name : quoteIdentifier(name);

/** Safe whatever standard_conforming_strings says. PostgreSQL has no NUL in text. */
export function quoteLiteral(value: string | number | boolean | null): string {
  if (value === null) return 'NULL';
  if (typeof value !== 'string') return String(value);
  const quoted = `'${value.replaceAll('\0', '').replaceAll("'", "''").replaceAll('\\', '\\\\')}'`;
  return value.includes('\\') ? `E${quoted}` : quoted;
}

/** `ARRAY['a','b']::pg_catalog.text[]` */
export const quoteTextArray = (values: readonly string[]): string =>
  `ARRAY[${values.map(quoteLiteral).join(',')}]::pg_catalog.text[]`;

/** Dollar quotes under a tag that the text does not contain. */
export function dollarQuote(text: string): string {
  let tag = '$trueup$';
  for (let i = 1; text.includes(tag.slice(0, -1)); i++) tag = `$trueup${i}$`;
  return `${tag}${text}${tag}`;
}
