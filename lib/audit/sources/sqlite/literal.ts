/** Checks whether a PostgreSQL column accepts a default from SQLite, where any column accepts any text. Pure. */
import type { DataType } from '../../../../lambda/audit/catalog/data-types';

const NUMBER = /^[-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?$/i;
const UUID = /^[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}$/i;
const TIME = /^(?:[01]\d|2[0-3]):[0-5]\d(?::[0-5]\d(?:\.\d+)?)?(?: ?(?:Z|[+-]\d\d(?::?\d\d)?))?$/i;
const BOOLEAN = /^(?:t|f|true|false|yes|no|y|n|on|off|1|0)$/i;

const INTEGER_BITS: Readonly<Record<string, bigint>> = { smallint: 15n, integer: 31n, bigint: 63n };

/**
 * Whether a column of the type accepts the constant.
 * @param by constant: a number, a quoted text, true, false, or an expression of numbers and texts
 * @param type type as the catalog writes it
 */
export function acceptsConstant(type: string, by: string, types: readonly DataType[]): boolean {
  const bare = by
    .trim()
    .replace(/^\((.*)\)$/s, '$1')
    .trim();
  const text = /^'((?:[^']|'')*)'$/.exec(bare)?.[1]?.replaceAll("''", "'");
  const isNumber = NUMBER.test(bare);
  const isTruth = /^(?:true|false)$/i.test(bare);
  const length = Number(/^character(?: varying)?\((\d+)\)$/.exec(type)?.[1] ?? Number.POSITIVE_INFINITY);
  if (/^(?:text|character)/.test(type)) return [...(text ?? bare)].length <= length;
  if (type === 'boolean') return isTruth || BOOLEAN.test(text ?? '');
  if (type in INTEGER_BITS || /^(?:numeric|real|double precision)/.test(type)) {
    // An expression is accepted as a number if it contains no string literal.
    if (text === undefined && !isNumber) return !isTruth && !bare.includes("'");
    const numeral = (text ?? bare).trim();
    return (
      isNumeral(numeral, INTEGER_BITS[type], text !== undefined) &&
      Math.abs(Number(numeral)) < computeMaxValue(type)
    );
  }
  const labels = types.find(({ schema, name }) => `${schema}.${name}` === type)?.labels;
  if (labels) return text !== undefined && labels.includes(text);
  if (text === undefined) return false;
  if (type === 'date') return isDate(text);
  if (/^timestamp/.test(type)) {
    const [day = '', time] = text.split(/[ T](.*)/s);
    return isDate(day) && (time === undefined || TIME.test(time));
  }
  if (/^time/.test(type)) return TIME.test(text);
  if (type === 'uuid') return UUID.test(text);
  if (/^jsonb?$/.test(type)) return isJson(text);
  return type === 'bytea' && !text.includes('\\');
}

/** Returns a limit: numbers with a smaller absolute value fit the type. */
function computeMaxValue(type: string): number {
  const [, digits, scale] = /^numeric\((\d+),(-?\d+)\)$/.exec(type) ?? [];
  // It may be rounded up.
  if (digits !== undefined) return 10 ** (Number(digits) - Number(scale)) - 1;
  return type === 'real' ? 3e38 : Number.MAX_VALUE;
}

function isNumeral(text: string, bits: bigint | undefined, quoted: boolean): boolean {
  if (!NUMBER.test(text)) return false;
  if (bits === undefined) return true;
  if (/[.e]/i.test(text)) return !quoted && Math.abs(Number(text)) < Number(1n << bits) - 1;
  const number = BigInt(text.replace(/^\+/, ''));
  return number >= -(1n << bits) && number < 1n << bits;
}

/** Whether the text is a date in the order year-month-day, which is valid under every DateStyle. */
function isDate(text: string): boolean {
  const [, year, month, day] = /^(\d{4})-(\d\d)-(\d\d)$/.exec(text)?.map(Number) ?? [];
  if (!year || !month || !day) return false;
  const date = new Date(Date.UTC(2000, month - 1, day));
  date.setUTCFullYear(year, month - 1, day);
  return date.getUTCMonth() === month - 1 && date.getUTCDate() === day;
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return !text.includes('\\u');
  } catch {
    return false;
  }
}
