/** PostgreSQL's own parser (libpg-query, WebAssembly), with its positions turned into offsets of our strings. */
import { createRequire } from 'node:module';
import type { Node, ParseResult, ScanResult } from 'libpg-query';

interface Library {
  loadModule(): Promise<void>;
  parseSync(sql: string): ParseResult;
  scanSync(sql: string): ScanResult;
  parsePlPgSQLSync(sql: string): unknown;
}

const requireHere = createRequire(__filename);
let library: Library | undefined;
/** Set after the call stack ran out inside the parser: that instance's memory is not to be trusted any more. */
let spoiled = false;
let loading: Promise<void> | undefined;

export const isReady = (): boolean => library !== undefined && !spoiled;

/** Loads the parser; after a stack overflow, a new instance of it. */
export function loadParser(): Promise<void> {
  if (isReady()) return Promise.resolve();
  loading ??= load().finally(() => {
    loading = undefined;
  });
  return loading;
}

async function load(): Promise<void> {
  for (const path of Object.keys(requireHere.cache))
    if (/[\\/]libpg-query[\\/]wasm[\\/]/.test(path)) delete requireHere.cache[path];
  const fresh = requireHere('libpg-query') as Library;
  await fresh.loadModule();
  library = fresh;
  spoiled = false;
}

export interface RawStatement {
  readonly node: Node;
  /** Offsets in UTF-16 units; white space and comments around the statement may still be within. */
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

export interface Parsed {
  readonly statements: readonly RawStatement[];
  /** From one of the tree's byte positions to an offset in UTF-16 units. */
  readonly offset: (bytes: number) => number;
}

/**
 * The parser must be ready.
 * @throws {ParseFailure} with the parser's own words
 */
export function parse(text: string): Parsed {
  if (text.trim() === '') return { statements: [], offset: (bytes) => bytes };
  let result: ParseResult;
  try {
    result = library!.parseSync(text);
  } catch (error) {
    throw failureOf(error, text);
  }
  const offset = byteOffsets(text);
  const statements = (result.stmts ?? []).map(({ stmt, stmt_location = 0, stmt_len }) => ({
    node: stmt!,
    start: offset(stmt_location),
    // The last statement has no length where no semicolon ends it.
    end: stmt_len ? offset(stmt_location + stmt_len) : text.length,
  }));
  return { statements, offset };
}

/**
 * CREATE FUNCTION … LANGUAGE plpgsql, as the parser gives its body: a tree without types.
 * @throws {ParseFailure} with the parser's own words
 */
export function parsePlpgsql(definition: string): unknown {
  try {
    return library!.parsePlPgSQLSync(definition);
  } catch (error) {
    throw failureOf(error, definition);
  }
}

function failureOf(error: unknown, text: string): ParseFailure {
  if (error instanceof RangeError || isWasmTrap(error)) {
    spoiled = true;
    return new ParseFailure('the SQL is nested too deeply for the parser', firstCharacter(text));
  }
  const { message, sqlDetails } = error as Error & { sqlDetails?: { cursorPosition?: number } };
  if (/^memory exhausted/.test(message))
    return new ParseFailure('the SQL is nested too deeply for the parser', firstCharacter(text));
  // Positions in errors are characters (code points), those in trees are bytes.
  const characters = sqlDetails?.cursorPosition ?? 0;
  return new ParseFailure(message, Array.from(text).slice(0, characters).join('').length);
}

const isWasmTrap = (error: unknown): boolean =>
  error instanceof Error && error.constructor.name === 'RuntimeError' && !('sqlDetails' in error);

const firstCharacter = (text: string): number => text.length - text.trimStart().length;

export interface Token {
  readonly text: string;
  /** Offsets in UTF-16 units. */
  readonly start: number;
  readonly end: number;
  readonly comment: boolean;
}

/** The parser's own tokens of SQL that parses. */
export function scan(text: string): Token[] {
  const offset = byteOffsets(text);
  return library!.scanSync(text).tokens.map((token) => {
    const [start, end] = [offset(token.start), offset(token.end)];
    return { text: text.slice(start, end), start, end, comment: COMMENTS.has(token.tokenName) };
  });
}

const COMMENTS: ReadonlySet<string> = new Set(['SQL_COMMENT', 'C_COMMENT']);

/** From a byte offset to an offset in UTF-16 units. */
export function byteOffsets(text: string): (bytes: number) => number {
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

/** Whether an identifier stands without quotes: the rule of the server's quote_ident(). */
export function needsQuotes(identifier: string): boolean {
  if (!/^[a-z_][a-z0-9_]*$/.test(identifier)) return true;
  const known = keywords.get(identifier);
  if (known !== undefined) return known;
  if (spoiled) return true; // the file is refused anyway
  const kind = library!.scanSync(identifier).tokens[0]?.keywordName;
  const quoted = kind !== 'NO_KEYWORD' && kind !== 'UNRESERVED_KEYWORD';
  keywords.set(identifier, quoted);
  return quoted;
}

const keywords = new Map<string, boolean>();
