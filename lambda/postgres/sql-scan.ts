/**
 * Reads SQL text only as far as needed to tell code from quoted text and comments, by the server's own rules
 * (https://www.postgresql.org/docs/current/sql-syntax-lexical.html, with standard_conforming_strings on).
 */

const WORD = /[A-Za-z0-9_$\u0080-\uffff]/;
const DOLLAR_QUOTE = /\$(?:[A-Za-z_\u0080-\uffff][A-Za-z0-9_\u0080-\uffff]*)?\$/y;

/** Where the quoted text or comment that begins at `at` ends; `at` itself when none begins there. */
export function skipQuoted(sql: string, at: number): number {
  const two = sql.slice(at, at + 2);
  if (two === '--') return orEnd(sql, sql.indexOf('\n', at));
  if (two === '/*') return endOfComment(sql, at);
  if (sql[at] === '"') return orEnd(sql, sql.indexOf('"', at + 1) + 1 || -1);
  if (sql[at] === "'") return endOfString(sql, at);
  if (sql[at] === '$' && !afterWord(sql, at)) {
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
  for (let at = 0; at < sql.length; ) {
    const end = skipQuoted(sql, at);
    if (end > at) {
      at = end;
      continue;
    }
    pattern.lastIndex = at;
    const match = pattern.exec(sql);
    if (match) {
      result += sql.slice(copied, at) + replacement(match);
      at += match[0].length;
      copied = at;
    } else at++;
  }
  return result + sql.slice(copied);
}

const afterWord = (sql: string, at: number): boolean => at > 0 && WORD.test(sql[at - 1]!);

const orEnd = (sql: string, at: number): number => (at === -1 ? sql.length : at);

/** Block comments nest. */
function endOfComment(sql: string, at: number): number {
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

/** A doubled quote ends one string and begins the next, which comes to the same; E'…' also has backslashes. */
function endOfString(sql: string, at: number): number {
  const escapes = /[eE]/.test(sql[at - 1] ?? '') && !afterWord(sql, at - 1);
  for (let i = at + 1; i < sql.length; i++) {
    if (escapes && sql[i] === '\\') i++;
    else if (sql[i] === "'") {
      if (!escapes || sql[i + 1] !== "'") return i + 1;
      i++;
    }
  }
  return sql.length;
}
