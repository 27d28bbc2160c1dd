/** Parameters and results of the RDS Data API, which has named parameters and a few value types of its own. */
import type { ExecuteStatementResponse, Field, SqlParameter } from '@aws-sdk/client-rds-data';
import { replaceInCode } from '../../sql/scan';
import type { Row, Value } from '../database';

/** `$1` becomes `:p1`, outside quotes and comments; `foo$1` is a name. */
export const namedParameters = (sql: string): string =>
  replaceInCode(sql, /(?<![A-Za-z0-9_$\u0080-\uffff])\$(\d+)/y, (match) => `:p${match[1]}`);

export const parametersOf = (values: readonly Value[]): SqlParameter[] =>
  values.map((value, index) => ({ name: `p${index + 1}`, value: fieldOf(value) }));

/** Arrays go as the text of an array, which the SQL casts (`$1::text[]`): the service has no array parameters. */
function fieldOf(value: Value): Field {
  if (value === null) return { isNull: true };
  if (typeof value === 'string') return { stringValue: value };
  if (typeof value === 'boolean') return { booleanValue: value };
  if (typeof value === 'number') {
    return Number.isSafeInteger(value) ? { longValue: value } : { doubleValue: value };
  }
  return { stringValue: arrayText(value) };
}

/** The server's text form of text[] (https://www.postgresql.org/docs/current/arrays.html#ARRAYS-IO). */
export const arrayText = (values: readonly string[]): string =>
  `{${values.map((value) => `"${value.replace(/["\\]/g, '\\$&')}"`).join(',')}}`;

/** Rows as `pg` gives them: int8 and numeric are text, since a JavaScript number does not hold them. */
export function rowsOf<R extends Row>(answer: ExecuteStatementResponse): readonly R[] {
  const columns = (answer.columnMetadata ?? []).map(({ label, name, typeName }) => ({
    name: label || name || '?column?',
    // Written `int8` or `INT8`.
    type: (typeName ?? '').toLowerCase(),
  }));
  return (answer.records ?? []).map(
    (record) =>
      Object.fromEntries(
        record.map((field, index) => [columns[index]!.name, plainValue(field, columns[index]!.type)]),
      ) as R,
  );
}

const AS_NUMBER = new Set(['int2', 'int4', 'float4', 'float8', 'serial', 'smallserial']);
const AS_TEXT = new Set(['int8', 'bigserial', 'numeric']);

function plainValue(field: Field, type: string): unknown {
  if (field.isNull) return null;
  const value =
    field.stringValue ?? field.longValue ?? field.doubleValue ?? field.booleanValue ?? field.blobValue;
  if (value === undefined) return field.arrayValue && Object.values(field.arrayValue)[0];
  if (AS_NUMBER.has(type)) return Number(value);
  if (AS_TEXT.has(type)) return String(value);
  return value;
}
