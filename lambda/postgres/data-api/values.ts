/** Converts parameters and results for the RDS Data API, which has named parameters and few value types. */
import type { ExecuteStatementResponse, Field, SqlParameter } from '@aws-sdk/client-rds-data';
import { replaceInCode } from '../../sql/scan';
import type { Row, Value } from '../database';

/** Replaces `$1` by `:p1` outside quotes and comments. `foo$1` is a name and stays. */
export const toNamedParameters = (sql: string): string =>
  replaceInCode(sql, /(?<![A-Za-z0-9_$\u0080-\uffff])\$(\d+)/y, (match) => `:p${match[1]}`);

export const toSqlParameters = (values: readonly Value[]): SqlParameter[] =>
  values.map((value, index) => ({ name: `p${index + 1}`, value: toField(value) }));

/**
 * Converts a value. An array is sent in its text form, which the SQL casts (`$1::text[]`), since the service has no
 * array parameters.
 */
function toField(value: Value): Field {
  if (value === null) return { isNull: true };
  if (typeof value === 'string') return { stringValue: value };
  if (typeof value === 'boolean') return { booleanValue: value };
  if (typeof value === 'number') {
    return Number.isSafeInteger(value) ? { longValue: value } : { doubleValue: value };
  }
  return { stringValue: formatTextArray(value) };
}

/** Formats an array in the text form of text[] (https://www.postgresql.org/docs/current/arrays.html#ARRAYS-IO). */
export const formatTextArray = (values: readonly string[]): string =>
  `{${values.map((value) => `"${value.replace(/["\\]/g, '\\$&')}"`).join(',')}}`;

/** Returns rows in the same form as `pg`: int8 and numeric are text, since a JavaScript number cannot hold them. */
export function parseRows<R extends Row>(answer: ExecuteStatementResponse): readonly R[] {
  const columns = (answer.columnMetadata ?? []).map(({ label, name, typeName }) => ({
    name: label || name || '?column?',
    // Reported as `int8` or `INT8`.
    type: (typeName ?? '').toLowerCase(),
  }));
  return (answer.records ?? []).map(
    (record) =>
      Object.fromEntries(
        record.map((field, index) => [columns[index]!.name, readFieldValue(field, columns[index]!.type)]),
      ) as R,
  );
}

const NUMBER_TYPES = new Set(['int2', 'int4', 'float4', 'float8', 'serial', 'smallserial']);
const TEXT_TYPES = new Set(['int8', 'bigserial', 'numeric']);

function readFieldValue(field: Field, type: string): unknown {
  if (field.isNull) return null;
  const value =
    field.stringValue ?? field.longValue ?? field.doubleValue ?? field.booleanValue ?? field.blobValue;
  if (value === undefined) return field.arrayValue && Object.values(field.arrayValue)[0];
  if (NUMBER_TYPES.has(type)) return Number(value);
  if (TEXT_TYPES.has(type)) return String(value);
  return value;
}
