/** Whether two texts that servers wrote mean the same. Pure. */

/**
 * Without what a server writes or leaves out as it likes: a dump that is restored has other casts (`'a'::text`) and other
 * brackets around a single word than the database that it was taken of.
 */
export function plain(text: string): string {
  let now = SYNTAX.reduce(
    (before, [written, called]) => before.replace(written, called),
    text
      .replace(/\s+/g, ' ')
      .trim()
      .replace(NAMED_BY_CAST, (whole, cast: string, name: string) => (isNameOf(name, cast) ? cast : whole))
      .replace(CAST, ''),
  );
  for (let before = ''; before !== now; ) {
    before = now;
    now = now
      .replace(/(^|[^\w"'])\(([\w."']+|'(?:[^']|'')*')\)/g, '$1$2')
      .replace(/\(\(([^()']|'(?:[^']|'')*')*\)\)/g, (whole) => whole.slice(1, -1))
      .replace(/^\((.*)\)$/, (whole, inner: string) => (balanced(inner) ? inner : whole));
  }
  return now;
}

/** What PostgreSQL 14 began to write as it was put: before, and in dumps of before, it is the function behind it. */
const SYNTAX: readonly (readonly [written: RegExp, called: string])[] = [
  [/\bTRIM\(BOTH FROM /g, 'btrim('],
  [/\bTRIM\(LEADING FROM /g, 'ltrim('],
  [/\bTRIM\(TRAILING FROM /g, 'rtrim('],
  [/\bEXTRACT\((\w+) FROM /g, "date_part('$1', "],
  [/\(([\w."]+) AT TIME ZONE ('[^']*')\)/g, 'timezone($2, $1)'],
];

const CAST =
  /::(?:"(?:[^"]|"")+"|[A-Za-z_][\w$]*)(?:\.(?:"(?:[^"]|"")+"|[A-Za-z_][\w$]*))?(?: varying| precision)?(?:\(\d+(?:,\d+)?\))?(?: with(?:out)? time zone)?(?:\[\])*/g;

/** A constant of an arm of UNION that is only cast by the other arm has no name; restored, it has that of its type. */
const NAMED_BY_CAST = new RegExp(`(${CAST.source}) AS ("(?:[^"]|"")+"|\\w+)`, 'g');

/** What the server calls types within that it writes otherwise. */
const INTERNAL: Readonly<Record<string, string>> = {
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

function isNameOf(name: string, cast: string): boolean {
  const type = cast.slice(2).replace(/\(\d+(,\d+)?\)|(\[\])+$/g, '');
  return name === (INTERNAL[type] ?? /("(?:[^"]|"")+"|[^.]+)$/.exec(type)?.[0]);
}

/** No bracket closes that was not opened in it. */
function balanced(text: string): boolean {
  let depth = 0;
  for (const char of text) {
    if (char === '(') depth++;
    if (char === ')' && --depth < 0) return false;
  }
  return depth === 0;
}

export const sameText = (one: string | undefined, other: string | undefined): boolean =>
  one === other || (one !== undefined && other !== undefined && plain(one) === plain(other));

export const sameList = (one: readonly string[] = [], other: readonly string[] = []): boolean =>
  one.length === other.length && one.every((each, i) => each === other[i]);
