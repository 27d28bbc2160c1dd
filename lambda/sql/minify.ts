/**
 * Removes comments and insignificant white space from SQL. Texts with the same result are the same statements. The
 * reverse does not always hold.
 */
import { skipQuoted, skipWord } from './scan';

/** White space next to these characters has no meaning in PostgreSQL's lexical rules. */
const SEPARATOR = /[(),;[\]]/;
const OPERATOR = /[+\-*/<>=~!@#%^&|`?:]/;

export function minifySql(sql: string): string {
  const pieces: string[] = [];
  let before = '';
  let spaced = false;
  const add = (piece: string): void => {
    if (spaced && before !== '' && needsBlank(before, piece[0]!)) pieces.push(' ');
    pieces.push(piece);
    before = piece.at(-1)!;
    spaced = false;
  };
  for (let at = 0, since = 0; at < sql.length; ) {
    const quoted = skipQuoted(sql, at, since);
    if (quoted > at) {
      if (sql.startsWith('--', at) || sql.startsWith('/*', at)) spaced = true;
      else add(sql.slice(at, quoted));
      at = since = quoted;
    } else if (/\s/.test(sql[at]!)) {
      spaced = true;
      at++;
    } else {
      const end = Math.max(at + 1, skipWord(sql, at));
      add(sql.slice(at, end));
      at = end;
    }
  }
  return pieces.join('');
}

/** Whether two adjacent characters could be read as one token without the white space between them. */
function needsBlank(left: string, right: string): boolean {
  if (SEPARATOR.test(left) || SEPARATOR.test(right)) return false;
  return OPERATOR.test(left) === OPERATOR.test(right);
}
