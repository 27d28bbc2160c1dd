/** Whether two texts that servers wrote mean the same. Pure. */

/**
 * Without what a server writes or leaves out as it likes: a dump that is restored has other casts (`'a'::text`) and other
 * brackets around a single word than the database that it was taken of.
 */
export function plain(text: string): string {
  let now = SYNTAX.reduce(
    (before, [written, called]) => before.replace(written, called),
    text.replace(/\s+/g, ' ').trim().replace(CAST, ''),
  );
  for (let before = ''; before !== now; ) {
    before = now;
    now = now
      .replace(/(^|[^\w"'])\(([\w."']+)\)/g, '$1$2')
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
