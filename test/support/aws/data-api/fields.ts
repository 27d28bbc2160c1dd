/** Values on the wire: parameters with the types that the service gives them, results of the types that it supports. */
import type { ArrayValue, ColumnMetadata, Field, SqlParameter } from '@aws-sdk/client-rds-data';
import { type FieldDef, types } from 'pg';
import { replaceInCode } from '../../../../lambda/sql/scan';
import { ServiceError } from './service-error';

export interface Bound {
  readonly sql: string;
  readonly values: (string | null)[];
  /** Type OIDs, which are fixed: nothing is inferred from where a parameter stands. */
  readonly types: number[];
}

const HINTS: Readonly<Record<string, number>> = {
  DATE: 1082,
  DECIMAL: 1700,
  JSON: 3802,
  TIME: 1083,
  TIMESTAMP: 1114,
  UUID: 2950,
};

/** `:name` becomes `$n`; a name that is not given stays as it is. */
export function bind(sql: string, parameters: readonly SqlParameter[]): Bound {
  const given = new Map(parameters.map((parameter) => [parameter.name, parameter]));
  const used: SqlParameter[] = [];
  const text = replaceInCode(sql, /::|:=|:(\w+)/y, (match) => {
    const parameter = given.get(match[1]);
    if (!parameter) return match[0];
    if (!used.includes(parameter)) used.push(parameter);
    return `$${used.indexOf(parameter) + 1}`;
  });
  const bound = used.map(({ value, typeHint }) => valueOfField(value, typeHint));
  return { sql: text, values: bound.map(([value]) => value), types: bound.map(([, type]) => type) };
}

function valueOfField(field: Field | undefined, hint: string | undefined): [string | null, number] {
  if (field?.arrayValue) {
    throw new ServiceError('BadRequestException', 'Array parameters are not supported.');
  }
  const text = hint === undefined ? 25 : (HINTS[hint] ?? 25);
  if (!field || field.isNull) return [null, text];
  if (field.longValue !== undefined) return [String(field.longValue), 20];
  if (field.doubleValue !== undefined) return [String(field.doubleValue), 701];
  if (field.booleanValue !== undefined) return [String(field.booleanValue), 16];
  // On the wire a blob is base64.
  if (field.blobValue) {
    return [`\\x${Buffer.from(field.blobValue as unknown as string, 'base64').toString('hex')}`, 17];
  }
  return [field.stringValue ?? '', text];
}

/** Scalar types of which the documentation says that they are supported, by OID. Others (oid, "char", regclass, void) are not. */
const SCALARS: Readonly<Record<number, string>> = {
  16: 'bool',
  17: 'bytea',
  19: 'name',
  20: 'int8',
  21: 'int2',
  23: 'int4',
  25: 'text',
  114: 'json',
  650: 'cidr',
  700: 'float4',
  701: 'float8',
  869: 'inet',
  1042: 'bpchar',
  1043: 'varchar',
  1082: 'date',
  1083: 'time',
  1114: 'timestamp',
  1184: 'timestamptz',
  1700: 'numeric',
  2950: 'uuid',
  3802: 'jsonb',
};

/** Array types, with the OID of their elements. */
const ARRAYS: Readonly<Record<number, number>> = {
  199: 114,
  1000: 16,
  1003: 19,
  1005: 21,
  1007: 23,
  1009: 25,
  1014: 1042,
  1015: 1043,
  1016: 20,
  1021: 700,
  1022: 701,
  1115: 1114,
  1182: 1082,
  1183: 1083,
  1185: 1184,
  1231: 1700,
  2951: 2950,
};

export interface ReturnTypes {
  readonly longReturnType?: string;
  readonly decimalReturnType?: string;
}

/** @param raw what the server sent, as text */
export function fieldOf(raw: string | null, oid: number, returns: ReturnTypes): Field {
  if (raw === null) return { isNull: true };
  const element = ARRAYS[oid];
  if (element !== undefined) return { arrayValue: arrayOf(raw, element, returns) };
  switch (oid) {
    case 16:
      return { booleanValue: raw === 't' };
    case 17:
      return { blobValue: Buffer.from(raw.slice(2), 'hex').toString('base64') as unknown as Uint8Array };
    case 20:
      return returns.longReturnType === 'STRING' ? { stringValue: raw } : { longValue: Number(raw) };
    case 21:
    case 23:
      return { longValue: Number(raw) };
    case 700:
    case 701:
      return { doubleValue: Number(raw) };
    case 1700:
      return returns.decimalReturnType === 'DOUBLE_OR_LONG'
        ? { doubleValue: Number(raw) }
        : { stringValue: raw };
    default:
      return { stringValue: raw };
  }
}

/** The parser of text[] splits any array; its elements stay text. */
const TEXT_ARRAY = types.getTypeParser(1009 as never) as (raw: string) => unknown;

function arrayOf(raw: string, element: number, returns: ReturnTypes): ArrayValue {
  const items = TEXT_ARRAY(raw) as (string | null | unknown[])[];
  if (items.some(Array.isArray)) {
    throw new ServiceError('UnsupportedResultException', 'The result contains a multidimensional array.');
  }
  const fields = (items as (string | null)[]).map((item) => fieldOf(item, element, returns));
  const kind = fields.flatMap((field) => Object.keys(field)).find((name) => name !== 'isNull');
  const values = fields.map((field) => (field.isNull ? null : Object.values(field)[0]));
  return { [`${kind ?? 'stringValue'}s`]: values } as unknown as ArrayValue;
}

/** @throws {ServiceError} for a type that the service does not return */
export function columnOf(field: FieldDef, enums: ReadonlySet<number>): ColumnMetadata {
  const { dataTypeID: oid, name } = field;
  const element = ARRAYS[oid];
  const typeName = SCALARS[oid] ?? (element ? `_${SCALARS[element]}` : enums.has(oid) ? 'enum' : undefined);
  if (typeName === undefined) {
    throw new ServiceError(
      'UnsupportedResultException',
      `The result contains the unsupported data type with OID ${oid} (column ${name}); cast it to text.`,
    );
  }
  return { label: name, name, typeName };
}
