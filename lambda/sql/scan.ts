/**
 * Scans SQL only as far as needed to tell code from quoted text and comments, by PostgreSQL's lexical rules
 * (https://www.postgresql.org/docs/current/sql-syntax-lexical.html, with standard_conforming_strings on).
 */

const WORD = /[A-Za-z0-9_$\u0080-\uffff]/;
const DOLLAR_QUOTE = /\$(?:[A-Za-z_\u0080-\uffff][A-Za-z0-9_\u0080-\uffff]*)?\$/y;

/**
 * Returns the end of the quoted text or comment that starts at `at`, or `at` if none starts there. Calls must go from
 * left to right, with {@link skipWord} in between: a dollar sign inside a word does not start a quote.
 * @param since end of the previous quoted text; characters before it cannot be a string's prefix
 */
export function skipQuoted(sql: string, at: number, since = 0): number {
  const two = sql.slice(at, at + 2);
  if (two === '--') return findLineEnd(sql, at);
  if (two === '/*') return findCommentEnd(sql, at);
  if (sql[at] === '"') return indexOrEnd(sql, sql.indexOf('"', at + 1) + 1 || -1);
  if (sql[at] === "'") return findStringEnd(sql, at, since);
  if (sql[at] === '$') {
    DOLLAR_QUOTE.lastIndex = at;
    const tag = DOLLAR_QUOTE.exec(sql)?.[0];
    if (tag) {
      const close = sql.indexOf(tag, at + tag.length);
      return close === -1 ? sql.length : close + tag.length;
    }
  }
  return at;
}

/** Replaces every match of a sticky pattern outside quotes and comments. */
export function replaceInCode(
  sql: string,
  pattern: RegExp,
  replacement: (match: RegExpExecArray) => string,
): string {
  let result = '';
  let copied = 0;
  for (let at = 0, since = 0; at < sql.length; ) {
    const end = skipQuoted(sql, at, since);
    if (end > at) {
      at = since = end;
      continue;
    }
    pattern.lastIndex = at;
    const match = pattern.exec(sql);
    if (match) {
      result += sql.slice(copied, at) + replacement(match);
      at += match[0].length;
      copied = at;
    } else at = Math.max(at + 1, skipWord(sql, at));
  }
  return result + sql.slice(copied);
}

/** Returns the end of the identifier or keyword that starts at `at`, or `at` if none starts there. */
export function skipWord(sql: string, at: number): number {
  IDENTIFIER.lastIndex = at;
  return at + (IDENTIFIER.exec(sql)?.[0].length ?? 0);
}
const IDENTIFIER = /[A-Za-z_\u0080-\uffff][A-Za-z0-9_$\u0080-\uffff]*/y;

const isAfterWord = (sql: string, at: number): boolean => at > 0 && WORD.test(sql[at - 1]!);

/** Returns the position of the line end. A carriage return counts as one, as in PostgreSQL. */
export function findLineEnd(sql: string, at: number): number {
  LINE_END.lastIndex = at;
  return indexOrEnd(sql, LINE_END.exec(sql)?.index ?? -1);
}
const LINE_END = /[\n\r]/g;

const indexOrEnd = (sql: string, at: number): number => (at === -1 ? sql.length : at);

/** Block comments nest. */
function findCommentEnd(sql: string, at: number): number {
  let depth = 0;
  for (let i = at; i < sql.length; i++) {
    const two = sql.slice(i, i + 2);
    if (two === '/*') depth++;
    else if (two === '*/') depth--;
    else continue;
    i++;
    if (depth === 0) return i + 1;
  }
  return sql.length;
}

/**
 * Returns the end of a string. A doubled quote is treated as the end of one string and the start of the next, with the
 * same result. E'…' has backslash escapes, which also apply to its continuation on another line.
 */
function findStringEnd(sql: string, at: number, since: number): number {
  const escapes = at > since && /[eE]/.test(sql[at - 1]!) && (at - 1 === since || !isAfterWord(sql, at - 1));
  for (let i = at + 1; i < sql.length; i++) {
    if (escapes && sql[i] === '\\') i++;
    else if (sql[i] === "'") {
      STRING_CONTINUATION.lastIndex = i + 1;
      const continued = escapes ? STRING_CONTINUATION.exec(sql)?.[0] : undefined;
      if (continued === undefined) return i + 1;
      i += continued.length;
    }
  }
  return sql.length;
}

/** A doubled quote, or the continuation of a string after white space that contains a line end. */
const STRING_CONTINUATION = /'|[ \t\f\v]*[\n\r]\s*'/y;
