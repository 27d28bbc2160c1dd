/**
 * Normalizes statements for the workload: the result can be parsed and planned, and it contains no data. PostgreSQL's own
 * parser decides what is a constant; a statement with a constant that cannot be replaced is left out.
 */
import type { Node } from 'libpg-query';
import { STATEMENT_MARK } from '../../lambda/audit/short-transactions';
import {
  type ParsedSql,
  ParseFailure,
  type ParserToken,
  parseSql,
  scanTokens,
} from '../compiler/read/parser';
import { getKindAndBody, unwrapNode } from '../compiler/read/tree';
import { inspectTree } from '../compiler/rules/inspect';
import { type ConstantPlaces, findConstants, type TypePrefix } from './constants';

export interface NormalizedStatement {
  /**
   * The statement on one line and without comments. Its constants are parameters, numbered in the order in which they
   * appear.
   */
  readonly text: string;
  readonly parameters: number;
}

/** Reports why a text is left out of the workload. The message never quotes the text. */
export class StatementExcluded extends Error {
  override readonly name = 'StatementExcluded';
}

/** Maximum number of parameters. The server accepts 65,535, but no real application sends more than a thousand. */
const MAX_PARAMETERS = 1_000;
const MAX_STATEMENT_BYTES = 1024 * 1024;

/** Statements that EXPLAIN accepts on every supported major version. */
const PLANNABLE_STATEMENTS: ReadonlySet<string> = new Set([
  'SelectStmt',
  'InsertStmt',
  'UpdateStmt',
  'DeleteStmt',
  'MergeStmt',
]);

/**
 * Normalizes one statement. The parser must be loaded.
 * @throws {StatementExcluded} if the statement cannot be part of a workload
 */
export function normalizeWorkloadStatement(sql: string): NormalizedStatement {
  if (Buffer.byteLength(sql) > MAX_STATEMENT_BYTES) throw new StatementExcluded('longer than 1 MiB');
  const parsed = parseOrExclude(sql);
  const [statement, ...more] = parsed.statements;
  if (statement === undefined) throw new StatementExcluded('no statement');
  if (more.length > 0) throw new StatementExcluded('several statements in one text');
  const [kind] = getKindAndBody(statement.node);
  if (!PLANNABLE_STATEMENTS.has(kind) || unwrapNode(statement.node, 'SelectStmt')?.intoClause)
    throw new StatementExcluded('a command that PostgreSQL does not plan');
  if (sql.includes(STATEMENT_MARK)) throw new StatementExcluded(OWN_STATEMENT_REASON);
  requireRelevant(statement.node);
  const tokens = scanOrExclude(sql).filter(({ comment, text }) => !comment && text !== ';');
  return writeNormalized(tokens, findConstants(statement.node, parsed.offset));
}

function scanOrExclude(sql: string): ParserToken[] {
  try {
    return scanTokens(sql);
  } catch (error) {
    if (error instanceof ParseFailure) throw new StatementExcluded('does not parse');
    throw error;
  }
}

/**
 * Splits one message into its statements, since the simple query protocol accepts several. A message that does not
 * parse is returned as one statement.
 */
export function splitStatements(sql: string): readonly string[] {
  if (Buffer.byteLength(sql) > MAX_STATEMENT_BYTES) return [sql];
  try {
    const { statements } = parseSql(sql);
    return statements.length < 2 ? [sql] : statements.map(({ start, end }) => sql.slice(start, end));
  } catch (error) {
    if (error instanceof ParseFailure) return [sql];
    throw error;
  }
}

function parseOrExclude(sql: string): ParsedSql {
  try {
    return parseSql(sql);
  } catch (error) {
    if (error instanceof ParseFailure) throw new StatementExcluded('does not parse');
    throw error;
  }
}

const isString = (text: string): boolean => /^(?:[bex]?'|u&'|\$(?!\d))/i.test(text);
const isNumber = (text: string): boolean => /^\.?\d/.test(text);

/** Relations of the server and of monitoring extensions. pg_stat_statements may be installed in any schema. */
const CATALOG_RELATION = /^(?:pg_catalog\.|information_schema\.|(?:[^.]+\.)?pg_)/;

const OWN_STATEMENT_REASON = "one of Trueup's own statements";

/**
 * Rejects Trueup's own statements, and those that no schema change can affect, such as SELECT 1.
 * @throws {StatementExcluded}
 */
function requireRelevant(node: Node): void {
  const { locks, calls } = inspectTree(node);
  const relations = [...locks.keys()];
  if (relations.some((name) => name.startsWith('trueup.')) || calls.some(({ name }) => name[0] === 'trueup'))
    throw new StatementExcluded(OWN_STATEMENT_REASON);
  const ofServer = calls.length > 0 && calls.every(({ name }) => name[0] === 'pg_catalog' && name.length > 1);
  if (relations.every((name) => CATALOG_RELATION.test(name)) && (relations.length > 0 || ofServer))
    throw new StatementExcluded('reads only the catalog');
  if (relations.length === 0 && calls.length === 0)
    throw new StatementExcluded('uses no table and calls no function');
}

function writeNormalized(tokens: readonly ParserToken[], places: ConstantPlaces): NormalizedStatement {
  const numbers = new Map<string, number>();
  let count = 0;
  let out = '';
  /** End position, in `sql`, of the last token that was written. */
  let end = tokens[0]?.start ?? 0;
  const emit = (text: string, token: ParserToken): void => {
    const spaced = token.start > end || out.endsWith(',');
    const apart = spaced && out !== '' && !out.endsWith('(') && !/^[),]/.test(text);
    out += (apart ? ' ' : '') + text;
    end = token.end;
  };
  const skipped = findPrefixTokens(tokens, places.prefixes);
  for (let i = 0; i < tokens.length; i++) {
    const token = tokens[i]!;
    const prefix = places.prefixes.get(token.start);
    if (skipped.has(i)) continue;
    const parameter = /^\$\d+$/.test(token.text);
    const last = parameter ? i : findConstantEnd(tokens, i, places);
    if (last === undefined) {
      if ((isString(token.text) || isNumber(token.text)) && !places.form.has(token.start))
        throw new StatementExcluded('has a constant that cannot be replaced by a parameter');
      emit(token.text, token);
      continue;
    }
    const key = parameter ? token.text : `constant ${i}`;
    const number = numbers.get(key) ?? ++count;
    numbers.set(key, number);
    if (prefix) {
      // A literal may have its type in front, but a parameter needs it behind: `interval '1 day'` becomes
      // `$1::interval`.
      const qualified = prefix.interval ? findQualifierEnd(tokens, last) : last;
      const first = tokens.find(({ start }) => start === prefix.start)!;
      const type = formatType([
        ...tokens.filter((_, k) => skipped.get(k) === i),
        ...tokens.slice(last + 1, qualified + 1),
      ]);
      emit(`$${number}::${type}`, { ...first, end: tokens[qualified]!.end });
      i = qualified;
    } else {
      emit(`$${number}`, { ...token, end: tokens[last]!.end });
      i = last;
    }
  }
  if (count > MAX_PARAMETERS)
    throw new StatementExcluded(`more than ${MAX_PARAMETERS.toLocaleString('en')} parameters`);
  return { text: out, parameters: count };
}

/** Returns the index of the last token of the constant that begins at `i`; `undefined` if no constant begins there. */
function findConstantEnd(
  tokens: readonly ParserToken[],
  i: number,
  { values }: ConstantPlaces,
): number | undefined {
  const { start, text } = tokens[i]!;
  if (!values.has(start)) return undefined;
  // The sign is part of the number: the tree gives −5 the position of its sign.
  if (text === '-') return isNumber(tokens[i + 1]?.text ?? '') ? i + 1 : undefined;
  // In EXTRACT(epoch FROM …), `epoch` is a keyword, but the tree keeps it as a string constant.
  if (!isString(text) && !isNumber(text)) return undefined;
  return /^uescape$/i.test(tokens[i + 1]?.text ?? '') ? i + 2 : i;
}

/** Returns the tokens of types that are written in front of a constant, each with the index of that constant. */
function findPrefixTokens(
  tokens: readonly ParserToken[],
  prefixes: ReadonlyMap<number, TypePrefix>,
): ReadonlyMap<number, number> {
  const skipped = new Map<number, number>();
  tokens.forEach((token, i) => {
    const prefix = prefixes.get(token.start);
    if (!prefix) return;
    // In CAST ($1 AS …), the type follows the constant. Only the tokens between the type's start and the constant are a
    // prefix.
    for (let k = i - 1; k >= 0 && tokens[k]!.start >= prefix.start; k--) skipped.set(k, i);
  });
  return skipped;
}

const QUALIFIER = /^(?:year|month|day|hour|minute|second|to|\(|\)|\d+)$/i;

/** Returns the index of the last token of an interval's fields, as in `interval '1' day to second (3)`. */
function findQualifierEnd(tokens: readonly ParserToken[], constant: number): number {
  let end = constant;
  if (!/^(?:year|month|day|hour|minute|second)$/i.test(tokens[end + 1]?.text ?? '')) return end;
  let open = 0;
  for (let k = end + 1; k < tokens.length && QUALIFIER.test(tokens[k]!.text); k++) {
    if (tokens[k]!.text === '(') open++;
    if (tokens[k]!.text === ')' && --open < 0) break;
    if (/^\d+$/.test(tokens[k]!.text) && open === 0) break;
    end = k;
  }
  return end;
}

/** Returns the type as SQL, such as `interval day to second (3)`. The type of N'…' is `bpchar`. */
function formatType(tokens: readonly ParserToken[]): string {
  const text = tokens
    .map(({ text, start }, i) => (i > 0 && start > tokens[i - 1]!.end ? ` ${text}` : text))
    .join('');
  return /^n$/i.test(text) ? 'bpchar' : text;
}
