/**
 * Scans SQL that was not parsed: statements in a log, which may be cut or not be SQL at all. It finds literals,
 * identifiers and comments by PostgreSQL's lexical rules
 * (https://www.postgresql.org/docs/current/sql-syntax-lexical.html). If these do not decide, the rest is withheld.
 */
import { findLineEnd } from './scan';

export type TokenType = 'word' | 'quoted' | 'literal' | 'parameter' | 'symbol' | 'withheld';

export interface SqlToken {
  readonly type: TokenType;
  /** Text as written, but `?` for a literal and `…` for what is withheld. Quoted identifiers keep their quotes. */
  readonly text: string;
  /** White space or a comment precedes the token. */
  readonly spaced: boolean;
}

const WORD = /[A-Za-z_\u0080-\uffff][\w$\u0080-\uffff]*/y;
/** Everything directly after a digit belongs to the number: 1.5e+10, 0x1F, 1_000, and also junk such as 12ab. */
const NUMBER = /(?:\d|\.\d)[\w.\u0080-\uffff]*(?:(?<=[eE])[+-]\d[\w.]*)?/y;
const DOLLAR_TAG = /\$(?:[A-Za-z_\u0080-\uffff][\w\u0080-\uffff]*)?\$/y;
const PARAMETER = /\$\d+/y;

export function* tokenizeSql(sql: string): Generator<SqlToken> {
  let at = 0;
  let spaced = false;
  const take = (pattern: RegExp): string | null => {
    pattern.lastIndex = at;
    const found = pattern.exec(sql)?.[0] ?? null;
    if (found !== null) at += found.length;
    return found;
  };
  while (at < sql.length) {
    const next = skipBlanks(sql, at);
    if (next !== at) {
      spaced = true;
      at = next;
      continue;
    }
    const before = { spaced };
    spaced = false;
    const literal = { type: 'literal', text: '?', ...before } as const;
    const char = sql[at]!;

    if (char === "'") {
      const end = findPlainStringEnd(sql, at);
      yield literal;
      if (end === null) return yield { type: 'withheld', text: '…', spaced: true };
      at = end;
    } else if (char === '"') {
      const end = findQuoteEnd(sql, at, '"');
      yield end === null ? literal : { type: 'quoted', text: sql.slice(at, end), ...before };
      at = end ?? sql.length;
    } else if (char === '$') {
      const tag = take(DOLLAR_TAG);
      if (tag !== null) {
        const end = sql.indexOf(tag, at);
        yield literal;
        at = end < 0 ? sql.length : end + tag.length;
        continue;
      }
      const parameter = take(PARAMETER);
      if (parameter === null) at++;
      yield parameter === null
        ? { type: 'symbol', text: char, ...before }
        : { type: 'parameter', text: parameter, ...before };
    } else if (take(NUMBER) !== null) {
      yield literal;
    } else {
      const word = take(WORD);
      if (word === null) {
        at++;
        yield { type: 'symbol', text: char, ...before };
      } else if (sql[at] === "'" && /^[eEbBxXnN]$/.test(word)) {
        const end = /^[eE]$/.test(word) ? findEscapeStringEnd(sql, at) : findPlainStringEnd(sql, at);
        yield literal;
        if (end === null) return yield { type: 'withheld', text: '…', spaced: true };
        at = end;
      } else if (/^[uU]$/.test(word) && /^&['"]/.test(sql.slice(at, at + 2))) {
        // U&'…' and U&"…" may spell a value in escapes, so they are treated as literals.
        const end = sql[at + 1] === "'" ? findPlainStringEnd(sql, at + 1) : findQuoteEnd(sql, at + 1, '"');
        yield literal;
        if (end === null) return yield { type: 'withheld', text: '…', spaced: true };
        at = end;
      } else {
        yield { type: 'word', text: word, ...before };
      }
    }
  }
}

/** Returns the position after white space and comments. */
function skipBlanks(sql: string, start: number): number {
  let at = start;
  while (at < sql.length) {
    if (/\s/.test(sql[at]!)) {
      at++;
    } else if (sql.startsWith('--', at)) {
      at = findLineEnd(sql, at);
    } else if (sql.startsWith('/*', at)) {
      at = findBlockCommentEnd(sql, at);
    } else {
      break;
    }
  }
  return at;
}

/** Block comments nest. */
function findBlockCommentEnd(sql: string, start: number): number {
  let depth = 0;
  for (let at = start; at < sql.length; at++) {
    if (sql.startsWith('/*', at)) {
      depth++;
      at++;
    } else if (sql.startsWith('*/', at)) {
      depth--;
      at++;
      if (depth === 0) return at + 1;
    }
  }
  return sql.length;
}

/** Returns the position after the closing quote, or null if there is none. A doubled quote does not close. */
function findQuoteEnd(sql: string, start: number, quote: string): number | null {
  for (let at = start + 1; at < sql.length; at++) {
    if (sql[at] !== quote) continue;
    if (sql[at + 1] !== quote) return at + 1;
    at++;
  }
  return null;
}

/**
 * Returns the position after the closing quote of '…'. It is null if there is none, or if a backslash precedes a quote:
 * the end of that string depends on standard_conforming_strings, which a log does not show.
 */
function findPlainStringEnd(sql: string, start: number): number | null {
  const end = findQuoteEnd(sql, start, "'");
  const text = sql.slice(start + 1, end ?? sql.length);
  return /(?<!\\)(?:\\\\)*\\'/.test(text) ? null : end;
}

/** Returns the position after the closing quote of E'…', or null if there is none. */
function findEscapeStringEnd(sql: string, start: number): number | null {
  for (let at = start + 1; at < sql.length; at++) {
    if (sql[at] === '\\') at++;
    else if (sql[at] === "'") {
      if (sql[at + 1] !== "'") return at + 1;
      at++;
    }
  }
  return null;
}

/**
 * Quoted identifiers that look like names are shown, in any script. Other text in double quotes may be a value that was
 * quoted by mistake.
 */
const DISPLAYABLE_NAME = /^"[\p{L}_][\p{L}\p{M}\p{N}_ .$:-]{0,62}"$/u;

const MAX_STATEMENT_LENGTH = 16_000;

const VALUE_PATTERN = '(?:[?]|\\$\\d+|NULL|DEFAULT)';
const ROW_PATTERN = `\\(${VALUE_PATTERN}(?:, ?${VALUE_PATTERN})*\\)`;
const ROWS_PATTERN = new RegExp(`(${ROW_PATTERN})((?:, ?${ROW_PATTERN})+)`, 'gi');
/** Maximum number of row shapes that are shown. */
const MAX_ROW_SHAPES = 4;

/**
 * Keeps one row of each shape. Shapes differ if one row has NULL or DEFAULT and another a value. The number of a
 * parameter does not matter.
 */
function keepOneRowPerShape(first: string, rest: string): string {
  const formatShape = (row: string): string => row.replace(/\$\d+/g, '$').replace(/ /g, '').toUpperCase();
  const shown = new Map([[formatShape(first), first]]);
  let left = false;
  for (const [row] of rest.matchAll(/\([^)]*\)/g)) {
    const shape = formatShape(row);
    if (!shown.has(shape) && shown.size < MAX_ROW_SHAPES) shown.set(shape, row);
    else left = true;
  }
  return [...shown.values(), ...(left ? ['…'] : [])].join(', ');
}

/**
 * Returns a statement on one line without values and comments. Literals become `?`, and rows of the same shape in a
 * VALUES list are shown once. The middle of a very long statement is left out.
 */
export function normalizeStatement(sql: string): string {
  let text = '';
  for (const token of tokenizeSql(sql)) {
    const shown = token.type === 'quoted' && !DISPLAYABLE_NAME.test(token.text) ? '"?"' : token.text;
    text += (token.spaced && text !== '' ? ' ' : '') + shown;
  }
  text = text.replace(ROWS_PATTERN, (_all, first: string, rest: string) => keepOneRowPerShape(first, rest));
  if (text.length <= MAX_STATEMENT_LENGTH) return text;
  return `${text.slice(0, MAX_STATEMENT_LENGTH / 2)} … ${text.slice(-MAX_STATEMENT_LENGTH / 2)}`;
}

/**
 * Returns the name as the server reads it: unquoted names are folded to lower case. null if the token is not a name.
 */
export function readIdentifier(token: SqlToken): string | null {
  if (token.type === 'word') return token.text.toLowerCase();
  if (token.type === 'quoted') return token.text.slice(1, -1).replaceAll('""', '"');
  return null;
}
