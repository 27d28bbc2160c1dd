/**
 * A scanner for SQL text that nobody has parsed: statements out of a log, possibly cut short, possibly not even SQL. It
 * knows where literals, identifiers and comments begin and end by PostgreSQL's lexical rules
 * (https://www.postgresql.org/docs/current/sql-syntax-lexical.html), and where it cannot know, it withholds the rest.
 */
export type TokenType = 'word' | 'quoted' | 'literal' | 'parameter' | 'symbol' | 'withheld';

export interface Token {
  readonly type: TokenType;
  /** As written; `?` for a literal, `…` for what is withheld. A quoted identifier keeps its quotes. */
  readonly text: string;
  /** White space or a comment comes before it. */
  readonly spaced: boolean;
}

const WORD = /[A-Za-z_\u0080-\uffff][\w$\u0080-\uffff]*/y;
/** Whatever follows a digit without a break belongs to the number: 1.5e+10, 0x1F, 1_000, and junk such as 12ab. */
const NUMBER = /(?:\d|\.\d)[\w.\u0080-\uffff]*(?:(?<=[eE])[+-]\d[\w.]*)?/y;
const DOLLAR_TAG = /\$(?:[A-Za-z_\u0080-\uffff][\w\u0080-\uffff]*)?\$/y;
const PARAMETER = /\$\d+/y;

export function* tokens(sql: string): Generator<Token> {
  let at = 0;
  let spaced = false;
  const take = (pattern: RegExp): string | null => {
    pattern.lastIndex = at;
    const found = pattern.exec(sql)?.[0] ?? null;
    if (found !== null) at += found.length;
    return found;
  };
  while (at < sql.length) {
    const next = afterBlank(sql, at);
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
      const end = plainStringEnd(sql, at);
      yield literal;
      if (end === null) return yield { type: 'withheld', text: '…', spaced: true };
      at = end;
    } else if (char === '"') {
      const end = quotedEnd(sql, at, '"');
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
        const end = /^[eE]$/.test(word) ? escapeStringEnd(sql, at) : plainStringEnd(sql, at);
        yield literal;
        if (end === null) return yield { type: 'withheld', text: '…', spaced: true };
        at = end;
      } else if (/^[uU]$/.test(word) && /^&['"]/.test(sql.slice(at, at + 2))) {
        // U&'…' and U&"…": what they spell is not worked out here, so neither is shown.
        const end = sql[at + 1] === "'" ? plainStringEnd(sql, at + 1) : quotedEnd(sql, at + 1, '"');
        yield literal;
        if (end === null) return yield { type: 'withheld', text: '…', spaced: true };
        at = end;
      } else {
        yield { type: 'word', text: word, ...before };
      }
    }
  }
}

/** Where white space and comments end. */
function afterBlank(sql: string, start: number): number {
  let at = start;
  while (at < sql.length) {
    if (/\s/.test(sql[at]!)) {
      at++;
    } else if (sql.startsWith('--', at)) {
      const end = sql.indexOf('\n', at);
      at = end < 0 ? sql.length : end;
    } else if (sql.startsWith('/*', at)) {
      at = blockCommentEnd(sql, at);
    } else {
      break;
    }
  }
  return at;
}

/** Block comments nest. */
function blockCommentEnd(sql: string, start: number): number {
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

/** After the closing quote; null when there is none. A doubled quote is one inside. */
function quotedEnd(sql: string, start: number, quote: string): number | null {
  for (let at = start + 1; at < sql.length; at++) {
    if (sql[at] !== quote) continue;
    if (sql[at + 1] !== quote) return at + 1;
    at++;
  }
  return null;
}

/**
 * After the closing quote of '…'; null when there is none, or when a backslash stands before a quote: where that string
 * ends depends on standard_conforming_strings, which a log does not tell.
 */
function plainStringEnd(sql: string, start: number): number | null {
  const end = quotedEnd(sql, start, "'");
  const text = sql.slice(start + 1, end ?? sql.length);
  return /(?<!\\)(?:\\\\)*\\'/.test(text) ? null : end;
}

/** After the closing quote of E'…'. */
function escapeStringEnd(sql: string, start: number): number | null {
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
 * Names are shown as they are, in whatever script; what else stands between double quotes may be a value that somebody
 * quoted wrongly.
 */
const LOOKS_LIKE_A_NAME = /^"[\p{L}_][\p{L}\p{M}\p{N}_ .$:-]{0,62}"$/u;

const LONGEST_STATEMENT = 16_000;

const VALUE = '(?:[?]|\\$\\d+|NULL|DEFAULT)';
const ROW = `\\(${VALUE}(?:, ?${VALUE})*\\)`;
const ROWS = new RegExp(`(${ROW})((?:, ?${ROW})+)`, 'gi');
/** More are not told apart. */
const MOST_SHAPES = 4;

/** Two rows differ where one gives NULL or DEFAULT and the other a value; which parameter it is makes no difference. */
function oneOfEachShape(first: string, rest: string): string {
  const shapeOf = (row: string): string => row.replace(/\$\d+/g, '$').replace(/ /g, '').toUpperCase();
  const shown = new Map([[shapeOf(first), first]]);
  let left = false;
  for (const [row] of rest.matchAll(/\([^)]*\)/g)) {
    const shape = shapeOf(row);
    if (!shown.has(shape) && shown.size < MOST_SHAPES) shown.set(shape, row);
    else left = true;
  }
  return [...shown.values(), ...(left ? ['…'] : [])].join(', ');
}

/**
 * A statement without its values and comments, on one line: literals become `?`. Rows of one shape in a VALUES list are
 * shown once. Of a very long one the middle is left out.
 */
export function normalize(sql: string): string {
  let text = '';
  for (const token of tokens(sql)) {
    const shown = token.type === 'quoted' && !LOOKS_LIKE_A_NAME.test(token.text) ? '"?"' : token.text;
    text += (token.spaced && text !== '' ? ' ' : '') + shown;
  }
  text = text.replace(ROWS, (_all, first: string, rest: string) => oneOfEachShape(first, rest));
  if (text.length <= LONGEST_STATEMENT) return text;
  return `${text.slice(0, LONGEST_STATEMENT / 2)} … ${text.slice(-LONGEST_STATEMENT / 2)}`;
}

/** As the server reads a name: unquoted ones are folded to lower case. */
export function identifierOf(token: Token): string | null {
  if (token.type === 'word') return token.text.toLowerCase();
  if (token.type === 'quoted') return token.text.slice(1, -1).replaceAll('""', '"');
  return null;
}
