/** Types and defaults: SQLite keeps any value in any column, so what PostgreSQL has for it is judged by its class alone. Pure. */
import type { Column } from '../../../../lambda/audit/catalogue/columns';
import type { DataType } from '../../../../lambda/audit/catalogue/data-types';
import { generatorOf } from '../../../../lambda/audit/generators';
import { quoteLiteral } from '../../../../lambda/sql/quote';
import { formOf, inOurQuotes } from './expression';
import { inSqlite } from './language';
import { takes } from './literal';
import type { SqliteColumn } from './schema';

/** https://www.sqlite.org/datatype3.html#determination_of_column_affinity */
type Affinity = 'integer' | 'text' | 'blob' | 'real' | 'numeric';

function affinityOf(type: string): Affinity {
  if (/int/i.test(type)) return 'integer';
  if (/char|clob|text/i.test(type)) return 'text';
  if (type === '' || /blob/i.test(type)) return 'blob';
  return /real|floa|doub/i.test(type) ? 'real' : 'numeric';
}

/** Types that values of a class would not survive in, or would be another thing in. */
const REFUSED: Readonly<Record<Affinity, RegExp>> = {
  integer: /^(text|character|bytea|uuid|json)/,
  text: /^(smallint|integer|bigint|real|double|numeric|boolean|bytea)/,
  real: /^(smallint|integer|bigint|boolean|text|character|bytea|uuid)/,
  numeric: /^bytea/,
  blob: /^(smallint|integer|bigint|real|double|numeric|boolean|date|time|json)/,
};

const OWN: Readonly<Record<Affinity, string>> = {
  integer: 'bigint',
  text: 'text',
  real: 'double precision',
  numeric: 'numeric',
  blob: 'bytea',
};

/** What people declare, and SQLite takes for numbers. */
const DECLARED: readonly (readonly [RegExp, string])[] = [
  [/^bool/i, 'boolean'],
  [/^date$/i, 'date'],
  [/^(datetime|timestamp)/i, 'timestamp with time zone'],
  [/^time$/i, 'time without time zone'],
  [/^uuid/i, 'uuid'],
  [/^json/i, 'jsonb'],
];

/** As the target has it, where that holds the same values. */
export function typeOf({ type }: SqliteColumn, here: Column | undefined): string {
  const affinity = affinityOf(type);
  if (here !== undefined && (type === '' || !REFUSED[affinity].test(here.type))) return here.type;
  if (type === '') return 'text';
  return DECLARED.find(([declared]) => declared.test(type))?.[1] ?? OWN[affinity];
}

const UUID = /randomblob\s*\(\s*(4|16)\s*\)|\buuid\w*\s*\(/i;
const NOW = /\bcurrent_(timestamp|date|time)\b|\b(datetime|date|time|strftime|julianday|unixepoch)\s*\(/i;
const NOW_HERE = /\bnow\(\)|\bCURRENT_|_timestamp\(\)|\bLOCALTIME/;

/**
 * PostgreSQL's expression for it, the target's own where that does the same; undefined where there is none.
 *
 * @param types of the target, for the labels of its enums
 */
export function defaultOf(
  column: SqliteColumn,
  type: string,
  here: Column | undefined,
  types: readonly DataType[],
): string | undefined {
  const from = column.default;
  if (from === null || /^\(*\s*null\s*\)*$/i.test(from)) return undefined;
  const to = here?.default;
  if (UUID.test(from)) {
    if (to !== undefined && here && /^(uuid|other)$/.test(generatorOf(here)?.kind ?? '')) return to;
    return type === 'uuid' ? 'gen_random_uuid()' : `(gen_random_uuid())::${type}`;
  }
  if (NOW.test(from)) {
    if (to !== undefined && NOW_HERE.test(to)) return to;
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
  if (to !== undefined && isSame(from, to, type)) return to;
  const by = constantOf(from, type);
  return isConstant(by) && takes(type, by, types) ? by : inSqlite(from);
}

/** Of numbers and texts alone: a function of SQLite's is another one here, or none. */
const isConstant = (by: string): boolean =>
  /^(?:'(?:[^']|'')*'|\d+(?:\.\d*)?(?:e[-+]?\d+)?\b|\.\d+|true|false|[-+*/().\s|])+$/i.test(by) &&
  formOf(by) !== null;

/** SQLite takes what stands in double quotes for a text where it names no column. */
const inTextQuotes = (sql: string): string =>
  /^"(?:[^"]|"")*"$/.test(sql.trim()) ? quoteLiteral(sql.trim().slice(1, -1).replaceAll('""', '"')) : sql;

function isSame(from: string, to: string, type: string): boolean {
  const [one, other] = [constantOf(from, type), to].map(
    (each) => /^'([^']*)'(?:::.*)?$/.exec(each)?.[1] ?? each.replace(/::[\w ]+$/, ''),
  );
  if (one === other || (one !== '' && other !== '' && Number(one) === Number(other))) return true;
  const form = formOf(inOurQuotes(inTextQuotes(from)));
  return form !== null && form === formOf(to);
}

function constantOf(from: string, type: string): string {
  const bare = inTextQuotes(from)
    .trim()
    .replace(/^\((.*)\)$/s, '$1')
    // As Django writes it. What it is cast to is what the column is.
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
