/** Names and texts as the server takes them in SQL. The parser must be ready. */
import type { Reference } from '../../../lambda/audit/catalogue/kind';
import { quoteLiteral } from '../../../lambda/sql/quote';
import { quoteIfNeeded, sqlName } from '../../compiler/read/tree';

export const column = quoteIfNeeded;

export const columns = (names: readonly string[]): string => names.map(quoteIfNeeded).join(', ');

export const relation = ({ schema, name }: Reference): string => sqlName([schema, name]);

/** The table that a column, an index or a constraint belongs to. */
export const tableOf = ({ schema, table }: { readonly schema: string; readonly table: string }): string =>
  sqlName([schema, table]);

/** As {@link tableOf}, of what a key refers to. */
export const sqlTable = tableOf;

/** `public` is everybody. */
export const role = (name: string): string => (name === 'public' ? 'PUBLIC' : quoteIfNeeded(name));

export const literal = quoteLiteral;

/** `ARRAY['a', 'b']`, of names as SQL writes them. */
export const array = (texts: readonly string[]): string => `ARRAY[${texts.map(quoteLiteral).join(', ')}]`;

const MAX_BYTES = 63;

/** A name that comes of another one, and is not longer than a name can be. */
export function derived(name: string, ending: string): string {
  let head = name;
  while (Buffer.byteLength(head + ending) > MAX_BYTES) head = [...head].slice(0, -1).join('');
  return head + ending;
}

/** `schema.name` and `"Schema"."Name"` in a text, as the server knows them. */
export function* qualifiedNames(text: string): Generator<readonly [schema: string, name: string]> {
  for (const [, schema, name] of text.matchAll(QUALIFIED)) yield [bare(schema!), bare(name!)];
}

const NAME = String.raw`(?:"(?:[^"]|"")+"|[A-Za-z_\u0080-\uffff][\w$\u0080-\uffff]*)`;
const QUALIFIED = new RegExp(String.raw`(?<![\w$"\u0080-\uffff])(${NAME})\.(?=(${NAME}))`, 'gu');

const bare = (name: string): string =>
  derived(name.startsWith('"') ? name.slice(1, -1).replaceAll('""', '"') : name.toLowerCase(), '');
