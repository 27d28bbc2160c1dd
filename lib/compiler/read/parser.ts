/**
 * PostgreSQL's own parser (libpg-query, WebAssembly), with its positions converted to offsets in JavaScript strings.
 */
import type { Node, ParseResult, ScanResult } from 'libpg-query';

interface Library {
  loadModule(): Promise<void>;
  parseSync(sql: string): ParseResult;
  scanSync(sql: string): ScanResult;
  parsePlPgSQLSync(sql: string): unknown;
}

let library: Library | undefined;
/**
 * Set after the call stack overflowed inside the parser, since the memory of that instance can no longer be trusted.
 */
let isLibrarySpoiled = false;
let loading: Promise<void> | undefined;

export const isParserReady = (): boolean => library !== undefined && !isLibrarySpoiled;

/** Loads the parser, or a new instance of it after a stack overflow. */
export function loadParser(): Promise<void> {
  if (isParserReady()) return Promise.resolve();
  loading ??= loadLibrary().finally(() => {
    loading = undefined;
  });
  return loading;
}

async function loadLibrary(): Promise<void> {
  for (const path of Object.keys(require.cache))
    if (/[\\/]libpg-query[\\/]wasm[\\/]/.test(path)) delete require.cache[path];
  const fresh = require('libpg-query') as Library;
  await fresh.loadModule();
  library = fresh;
  isLibrarySpoiled = false;
}

export interface RawStatement {
  readonly node: Node;
  /** Offset in UTF-16 units. The range may include white space and comments around the statement. */
  readonly start: number;
  readonly end: number;
}

export class ParseFailure extends Error {
  override readonly name = 'ParseFailure';
  constructor(
    message: string,
    /** Offset in UTF-16 units. */
    readonly at: number,
  ) {
    super(message);
  }
}

export interface ParsedSql {
  readonly statements: readonly RawStatement[];
  /** Converts a byte position of the tree to an offset in UTF-16 units. */
  readonly offset: (bytes: number) => number;
}

/**
 * Parses SQL. The parser must be ready.
 * @throws {ParseFailure} with the parser's own message
 */
export function parseSql(text: string): ParsedSql {
  if (text.trim() === '') return { statements: [], offset: (bytes) => bytes };
  let result: ParseResult;
  try {
    result = library!.parseSync(text);
  } catch (error) {
    throw toParseFailure(error, text);
  }
  const offset = createOffsetMapper(text);
  const statements = (result.stmts ?? []).map(({ stmt, stmt_location = 0, stmt_len }) => ({
    node: stmt!,
    start: offset(stmt_location),
    // The last statement has no length if no semicolon ends it.
    end: stmt_len ? offset(stmt_location + stmt_len) : text.length,
  }));
  return { statements, offset };
}

/**
 * Parses CREATE FUNCTION … LANGUAGE plpgsql, and returns the parser's tree of the body, which has no types.
 * @throws {ParseFailure} with the parser's own message
 */
export function parsePlpgsql(definition: string): unknown {
  try {
    return library!.parsePlPgSQLSync(definition);
  } catch (error) {
    throw toParseFailure(error, definition);
  }
}

function toParseFailure(error: unknown, text: string): ParseFailure {
  if (error instanceof RangeError || isWasmTrap(error)) {
    isLibrarySpoiled = true;
    return new ParseFailure('the SQL is nested too deeply for the parser', findFirstCharacter(text));
  }
  // The parser's output is not JSON: it is a message, or contains text that is not escaped.
  if (error instanceof SyntaxError)
    return new ParseFailure('the parser gives no readable answer for it', findFirstCharacter(text));
  const { message, sqlDetails } = error as Error & { sqlDetails?: { cursorPosition?: number } };
  if (/^memory exhausted/.test(message))
    return new ParseFailure('the SQL is nested too deeply for the parser', findFirstCharacter(text));
  // Positions in errors count characters (code points), those in trees count bytes.
  const characters = sqlDetails?.cursorPosition ?? 0;
  return new ParseFailure(message, Array.from(text).slice(0, characters).join('').length);
}

const isWasmTrap = (error: unknown): boolean =>
  error instanceof Error && error.constructor.name === 'RuntimeError' && !('sqlDetails' in error);

const findFirstCharacter = (text: string): number => text.length - text.trimStart().length;

export interface ParserToken {
  readonly text: string;
  /** Offsets in UTF-16 units. */
  readonly start: number;
  readonly end: number;
  readonly comment: boolean;
}

/**
 * Returns the parser's own tokens of valid SQL.
 * @throws {ParseFailure} with the parser's own message
 */
export function scanTokens(text: string): ParserToken[] {
  const offset = createOffsetMapper(text);
  return scanReadable(text).tokens.map((token) => {
    const [start, end] = [offset(token.start), offset(token.end)];
    return { text: text.slice(start, end), start, end, comment: COMMENTS.has(token.tokenName) };
  });
}

/**
 * Scans SQL. libpg-query does not escape control characters in its JSON output. Each is a single byte and is white
 * space, or part of a comment or quoted text, so replacing them keeps all positions.
 */
function scanReadable(text: string): ScanResult {
  const readable = text.replace(/\p{Cc}/gu, (character) => {
    if (character > ' ' || '\t\n\r'.includes(character)) return character;
    return '\v\f'.includes(character) ? ' ' : '_';
  });
  try {
    return library!.scanSync(readable);
  } catch (error) {
    throw toParseFailure(error, text);
  }
}

const COMMENTS: ReadonlySet<string> = new Set(['SQL_COMMENT', 'C_COMMENT']);

/** Returns a function that converts byte offsets to offsets in UTF-16 code units. */
export function createOffsetMapper(text: string): (bytes: number) => number {
  const size = Buffer.byteLength(text);
  if (size === text.length) return (bytes) => bytes;
  const table = new Uint32Array(size + 1);
  let bytes = 0;
  let units = 0;
  for (const character of text) {
    const length = Buffer.byteLength(character);
    table.fill(units, bytes, bytes + length);
    bytes += length;
    units += character.length;
  }
  table[size] = units;
  return (offset) => table[Math.min(offset, size)]!;
}

/** Tells whether an identifier needs quotes, by the rule of the server's quote_ident(). */
export function needsQuotes(identifier: string): boolean {
  if (!/^[a-z_][a-z0-9_]*$/.test(identifier)) return true;
  const known = keywords.get(identifier);
  if (known !== undefined) return known;
  if (isLibrarySpoiled) return true; // the file is rejected anyway
  const kind = library!.scanSync(identifier).tokens[0]?.keywordName;
  const quoted = kind !== 'NO_KEYWORD' && kind !== 'UNRESERVED_KEYWORD';
  keywords.set(identifier, quoted);
  return quoted;
}

const keywords = new Map<string, boolean>();
