/**
 * Converts types and defaults. SQLite stores any value in any column, so a PostgreSQL type is judged only by the
 * affinity of the SQLite type. Pure.
 */
import type { Column } from '../../../../lambda/audit/catalog/columns';
import type { DataType } from '../../../../lambda/audit/catalog/data-types';
import { readKeyGenerator } from '../../../../lambda/audit/generators';
import { quoteLiteral } from '../../../../lambda/sql/quote';
import { convertQuotes, normalizeExpression } from './expression';
import { markAsSqlite } from './language';
import { acceptsConstant } from './literal';
import type { SqliteColumn } from './schema';

/** https://www.sqlite.org/datatype3.html#determination_of_column_affinity */
type Affinity = 'integer' | 'text' | 'blob' | 'real' | 'numeric';

function computeAffinity(type: string): Affinity {
  if (/int/i.test(type)) return 'integer';
  if (/char|clob|text/i.test(type)) return 'text';
  if (type === '' || /blob/i.test(type)) return 'blob';
  return /real|floa|doub/i.test(type) ? 'real' : 'numeric';
}

/** PostgreSQL types that would reject the values of an affinity or change their meaning. */
const INCOMPATIBLE_TYPES: Readonly<Record<Affinity, RegExp>> = {
  integer: /^(text|character|bytea|uuid|json)/,
  text: /^(smallint|integer|bigint|real|double|numeric|boolean|bytea)/,
  real: /^(smallint|integer|bigint|boolean|text|character|bytea|uuid)/,
  numeric: /^bytea/,
  blob: /^(smallint|integer|bigint|real|double|numeric|boolean|date|time|json)/,
};

const DEFAULT_TYPES: Readonly<Record<Affinity, string>> = {
  integer: 'bigint',
  text: 'text',
  real: 'double precision',
  numeric: 'numeric',
  blob: 'bytea',
};

/** Declared types to which SQLite gives a numeric affinity although they mean something else. */
const DECLARED_TYPES: readonly (readonly [RegExp, string])[] = [
  [/^bool/i, 'boolean'],
  [/^date$/i, 'date'],
  [/^(datetime|timestamp)/i, 'timestamp with time zone'],
  [/^time$/i, 'time without time zone'],
  [/^uuid/i, 'uuid'],
  [/^json/i, 'jsonb'],
];

/** Returns the target's type if it can hold the same values; otherwise the PostgreSQL type for the declaration. */
export function translateType({ type }: SqliteColumn, here: Column | undefined): string {
  const affinity = computeAffinity(type);
  if (here !== undefined && (type === '' || !INCOMPATIBLE_TYPES[affinity].test(here.type))) return here.type;
  if (type === '') return 'text';
  return DECLARED_TYPES.find(([declared]) => declared.test(type))?.[1] ?? DEFAULT_TYPES[affinity];
}

const UUID_EXPRESSION = /randomblob\s*\(\s*(4|16)\s*\)|\buuid\w*\s*\(/i;
const NOW_EXPRESSION =
  /\bcurrent_(timestamp|date|time)\b|\b(datetime|date|time|strftime|julianday|unixepoch)\s*\(/i;
const POSTGRES_NOW_EXPRESSION = /\bnow\(\)|\bCURRENT_|_timestamp\(\)|\bLOCALTIME/;

/**
 * Returns the column's default as a PostgreSQL expression, or the target's own default if that is equivalent;
 * `undefined` if the column has none.
 * @param types types of the target, for the labels of its enums
 */
export function translateDefault(
  column: SqliteColumn,
  type: string,
  here: Column | undefined,
  types: readonly DataType[],
): string | undefined {
  const from = column.default;
  if (from === null || /^\(*\s*null\s*\)*$/i.test(from)) return undefined;
  const to = here?.default;
  if (UUID_EXPRESSION.test(from)) {
    if (to !== undefined && here && /^(uuid|other)$/.test(readKeyGenerator(here)?.kind ?? '')) return to;
    return type === 'uuid' ? 'gen_random_uuid()' : `(gen_random_uuid())::${type}`;
  }
  if (NOW_EXPRESSION.test(from)) {
    if (to !== undefined && POSTGRES_NOW_EXPRESSION.test(to)) return to;
    if (/^(smallint|integer|bigint|numeric|double|real)/.test(type))
      return `(EXTRACT(epoch FROM now()))::${type}`;
    return type === 'date'
      ? 'CURRENT_DATE'
      : /^time /.test(type)
        ? 'CURRENT_TIME'
        : /^timestamp/.test(type)
          ? 'CURRENT_TIMESTAMP'
          : `(now())::${type}`;
  }
  if (to !== undefined && isSameConstant(from, to, type)) return to;
  const by = normalizeConstant(from, type);
  return isConstant(by) && acceptsConstant(type, by, types) ? by : markAsSqlite(from);
}

/**
 * Whether the expression consists only of numbers and texts. SQLite's functions may mean something else in PostgreSQL,
 * or not exist.
 */
const isConstant = (by: string): boolean =>
  /^(?:'(?:[^']|'')*'|\d+(?:\.\d*)?(?:e[-+]?\d+)?\b|\.\d+|true|false|[-+*/().\s|])+$/i.test(by) &&
  normalizeExpression(by) !== null;

/** Converts a default in double quotes to a text: SQLite reads it as one if it does not name a column. */
const convertTextQuotes = (sql: string): string =>
  /^"(?:[^"]|"")*"$/.test(sql.trim()) ? quoteLiteral(sql.trim().slice(1, -1).replaceAll('""', '"')) : sql;

function isSameConstant(from: string, to: string, type: string): boolean {
  const [one, other] = [normalizeConstant(from, type), to].map(
    (each) => /^'([^']*)'(?:::.*)?$/.exec(each)?.[1] ?? each.replace(/::[\w ]+$/, ''),
  );
  if (one === other || (one !== '' && other !== '' && Number(one) === Number(other))) return true;
  const form = normalizeExpression(convertQuotes(convertTextQuotes(from)));
  return form !== null && form === normalizeExpression(to);
}

function normalizeConstant(from: string, type: string): string {
  const bare = convertTextQuotes(from)
    .trim()
    .replace(/^\((.*)\)$/s, '$1')
    // Django writes this cast; its target is the column's type.
    .replace(/^CAST\(((?:'[^']*'|[-+.\d])+) AS \w+\)$/i, '$1');
  if (type === 'boolean') {
    if (/^'?(1|t|true)'?$/i.test(bare)) return 'true';
    if (/^'?(0|f|false)'?$/i.test(bare)) return 'false';
  }
  if (/^(smallint|integer|bigint|numeric|real|double)/.test(type)) {
    if (/^true$/i.test(bare)) return '1';
    if (/^false$/i.test(bare)) return '0';
  }
  return bare;
}
