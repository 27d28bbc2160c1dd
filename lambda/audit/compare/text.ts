/** Decides whether two texts written by servers mean the same. Pure. */

/**
 * Removes what servers write inconsistently. A database restored from a dump has other casts (`'a'::text`) and other
 * parentheses around a single word than the original.
 */
export function normalizeSqlText(text: string): string {
  let now = SYNTAX_REPLACEMENTS.reduce(
    (before, [written, called]) => before.replace(written, called),
    text
      .replace(/\s+/g, ' ')
      .trim()
      .replace(NAMED_BY_CAST, (whole, cast: string, name: string) =>
        isNameOfCast(name, cast) ? cast : whole,
      )
      .replace(CAST_PATTERN, ''),
  );
  for (let before = ''; before !== now; ) {
    before = now;
    now = now
      .replace(/(^|[^\w"'])\(([\w."']+|'(?:[^']|'')*')\)/g, '$1$2')
      .replace(/\(\(([^()']|'(?:[^']|'')*')*\)\)/g, (whole) => whole.slice(1, -1))
      .replace(/^\((.*)\)$/, (whole, inner: string) => (hasBalancedBrackets(inner) ? inner : whole));
  }
  return now;
}

/**
 * Syntax that PostgreSQL 14 and later write as it was entered. Earlier versions, and their dumps, show the function
 * behind it instead.
 */
const SYNTAX_REPLACEMENTS: readonly (readonly [written: RegExp, called: string])[] = [
  [/\bTRIM\(BOTH FROM /g, 'btrim('],
  [/\bTRIM\(LEADING FROM /g, 'ltrim('],
  [/\bTRIM\(TRAILING FROM /g, 'rtrim('],
  [/\bEXTRACT\((\w+) FROM /g, "date_part('$1', "],
  [/\(([\w."]+) AT TIME ZONE ('[^']*')\)/g, 'timezone($2, $1)'],
];

const CAST_PATTERN =
  /::(?:"(?:[^"]|"")+"|[A-Za-z_][\w$]*)(?:\.(?:"(?:[^"]|"")+"|[A-Za-z_][\w$]*))?(?: varying| precision)?(?:\(\d+(?:,\d+)?\))?(?: with(?:out)? time zone)?(?:\[\])*/g;

/**
 * In an arm of UNION, a constant that only the other arm casts has no column name. After a dump and restore, it is
 * named after its type.
 */
const NAMED_BY_CAST = new RegExp(`(${CAST_PATTERN.source}) AS ("(?:[^"]|"")+"|\\w+)`, 'g');

/** Internal names of types that the server displays under another name. */
const INTERNAL_TYPE_NAMES: Readonly<Record<string, string>> = {
  bigint: 'int8',
  'bit varying': 'varbit',
  boolean: 'bool',
  character: 'bpchar',
  'character varying': 'varchar',
  'double precision': 'float8',
  integer: 'int4',
  real: 'float4',
  smallint: 'int2',
  'time with time zone': 'timetz',
  'time without time zone': 'time',
  'timestamp with time zone': 'timestamptz',
  'timestamp without time zone': 'timestamp',
};

function isNameOfCast(name: string, cast: string): boolean {
  const type = cast.slice(2).replace(/\(\d+(,\d+)?\)|(\[\])+$/g, '');
  return name === (INTERNAL_TYPE_NAMES[type] ?? /("(?:[^"]|"")+"|[^.]+)$/.exec(type)?.[0]);
}

/** Whether every closing parenthesis in the text was also opened in it. */
function hasBalancedBrackets(text: string): boolean {
  let depth = 0;
  for (const char of text) {
    if (char === '(') depth++;
    if (char === ')' && --depth < 0) return false;
  }
  return depth === 0;
}

export const isSameText = (one: string | undefined, other: string | undefined): boolean =>
  one === other ||
  (one !== undefined && other !== undefined && normalizeSqlText(one) === normalizeSqlText(other));

export const isSameList = (one: readonly string[] = [], other: readonly string[] = []): boolean =>
  one.length === other.length && one.every((each, i) => each === other[i]);
