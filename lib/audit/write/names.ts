/** Quotes names and texts for SQL. The parser must be loaded. */
import type { Reference } from '../../../lambda/audit/catalog/kind';
import { quoteLiteral } from '../../../lambda/sql/quote';
import { formatSqlName, quoteIfNeeded } from '../../compiler/read/tree';

export const quoteName = quoteIfNeeded;

export const quoteNames = (names: readonly string[]): string => names.map(quoteIfNeeded).join(', ');

export const quoteRelation = ({ schema, name }: Reference): string => formatSqlName([schema, name]);

/** Quotes the table that a column, an index or a constraint belongs to, or that a foreign key references. */
export const quoteTable = ({ schema, table }: { readonly schema: string; readonly table: string }): string =>
  formatSqlName([schema, table]);

/** Quotes a role. `public` means all roles. */
export const quoteRole = (name: string): string => (name === 'public' ? 'PUBLIC' : quoteIfNeeded(name));

export const quoteText = quoteLiteral;

/** Returns `ARRAY['a', 'b']`, with names quoted as in SQL. */
export const quoteArray = (texts: readonly string[]): string =>
  `ARRAY[${texts.map(quoteLiteral).join(', ')}]`;

const MAX_NAME_BYTES = 63;

/** Appends an ending to a name, and shortens the name so that the result is a valid length. */
export function buildDerivedName(name: string, ending: string): string {
  let head = name;
  while (Buffer.byteLength(head + ending) > MAX_NAME_BYTES) head = [...head].slice(0, -1).join('');
  return head + ending;
}

/** Lists names such as `schema.name` and `"Schema"."Name"` in a text, unquoted. */
export function* listQualifiedNames(text: string): Generator<readonly [schema: string, name: string]> {
  for (const [, schema, name] of text.matchAll(QUALIFIED_NAME_PATTERN))
    yield [unquoteName(schema!), unquoteName(name!)];
}

const NAME_PATTERN = String.raw`(?:"(?:[^"]|"")+"|[A-Za-z_\u0080-\uffff][\w$\u0080-\uffff]*)`;
const QUALIFIED_NAME_PATTERN = new RegExp(
  String.raw`(?<![\w$"\u0080-\uffff])(${NAME_PATTERN})\.(?=(${NAME_PATTERN}))`,
  'gu',
);

const unquoteName = (name: string): string =>
  buildDerivedName(name.startsWith('"') ? name.slice(1, -1).replaceAll('""', '"') : name.toLowerCase(), '');
