/**
 * A statement as the workload keeps it: it can be read and planned, and it holds no value. PostgreSQL's own parser says
 * what is a constant; one that cannot be taken out keeps the statement out.
 */
import type { Node } from 'libpg-query';
import { MARK } from '../../lambda/audit/short-transactions';
import { type Parsed, ParseFailure, parse, scan, type Token } from '../compiler/read/parser';
import { as, kindOf } from '../compiler/read/tree';
import { inspect } from '../compiler/rules/inspect';
import { type Places, type Prefix, placesOf } from './constants';

export interface Normalized {
  /** On one line, without comments; constants are parameters, numbered in the order in which they stand. */
  readonly text: string;
  readonly parameters: number;
}

/** Why a text is no part of a workload. It never holds any of the text. */
export class LeftOut extends Error {
  override readonly name = 'LeftOut';
}

/** The server takes 65,535; no application sends a thousand. */
export const MAX_PARAMETERS = 1_000;
export const MAX_BYTES = 1024 * 1024;

/** What EXPLAIN plans on every major. */
const PLANNABLE: ReadonlySet<string> = new Set([
  'SelectStmt',
  'InsertStmt',
  'UpdateStmt',
  'DeleteStmt',
  'MergeStmt',
]);

/**
 * The parser must be ready.
 * @throws {LeftOut}
 */
export function normalize(sql: string): Normalized {
  if (Buffer.byteLength(sql) > MAX_BYTES) throw new LeftOut('longer than 1 MiB');
  const parsed = parseOrLeaveOut(sql);
  const [statement, ...more] = parsed.statements;
  if (statement === undefined) throw new LeftOut('no statement');
  if (more.length > 0) throw new LeftOut('several statements in one text');
  const [kind] = kindOf(statement.node);
  if (!PLANNABLE.has(kind) || as(statement.node, 'SelectStmt')?.intoClause)
    throw new LeftOut('a command that is not planned');
  if (sql.includes(MARK)) throw new LeftOut(OWN);
  requireRelevant(statement.node);
  const tokens = scan(sql).filter(({ comment, text }) => !comment && text !== ';');
  return write(tokens, placesOf(statement.node, parsed.offset));
}

/** The statements of one message: the simple protocol takes several. What does not parse is one. */
export function statementsIn(sql: string): readonly string[] {
  if (Buffer.byteLength(sql) > MAX_BYTES) return [sql];
  try {
    const { statements } = parse(sql);
    return statements.length < 2 ? [sql] : statements.map(({ start, end }) => sql.slice(start, end));
  } catch (error) {
    if (error instanceof ParseFailure) return [sql];
    throw error;
  }
}

function parseOrLeaveOut(sql: string): Parsed {
  try {
    return parse(sql);
  } catch (error) {
    if (error instanceof ParseFailure) throw new LeftOut('does not parse');
    throw error;
  }
}

const isString = (text: string): boolean => /^(?:[bex]?'|u&'|\$(?!\d))/i.test(text);
const isNumber = (text: string): boolean => /^\.?\d/.test(text);

/** Of the server, and of those who watch it: pg_stat_statements lies in any schema. */
const CATALOGUE = /^(?:pg_catalog\.|information_schema\.|(?:[^.]+\.)?pg_)/;

const OWN = "a statement of Trueup's own";

/** Trueup's own statements, and those that no change of a schema concerns: SELECT 1. */
function requireRelevant(node: Node): void {
  const { locks, calls } = inspect(node);
  const relations = [...locks.keys()];
  if (relations.some((name) => name.startsWith('trueup.')) || calls.some(({ name }) => name[0] === 'trueup'))
    throw new LeftOut(OWN);
  const ofServer = calls.length > 0 && calls.every(({ name }) => name[0] === 'pg_catalog' && name.length > 1);
  if (relations.every((name) => CATALOGUE.test(name)) && (relations.length > 0 || ofServer))
    throw new LeftOut('reads the catalogue alone');
  if (relations.length === 0 && calls.length === 0)
    throw new LeftOut('touches no table and calls no function');
}

function write(tokens: readonly Token[], places: Places): Normalized {
  const numbers = new Map<string, number>();
  let count = 0;
  let out = '';
  /** What was last written ends here in `sql`. */
  let end = tokens[0]?.start ?? 0;
  const emit = (text: string, token: Token): void => {
    const spaced = token.start > end || out.endsWith(',');
    const apart = spaced && out !== '' && !out.endsWith('(') && !/^[),]/.test(text);
    out += (apart ? ' ' : '') + text;
    end = token.end;
  };
  const skipped = prefixTokens(tokens, places.prefixes);
  for (let i = 0; i < tokens.length; i++) {
    const token = tokens[i]!;
    const prefix = places.prefixes.get(token.start);
    if (skipped.has(i)) continue;
    const parameter = /^\$\d+$/.test(token.text);
    const last = parameter ? i : constantEnd(tokens, i, places);
    if (last === undefined) {
      if ((isString(token.text) || isNumber(token.text)) && !places.form.has(token.start))
        throw new LeftOut('holds a constant that cannot be taken out');
      emit(token.text, token);
      continue;
    }
    const key = parameter ? token.text : `constant ${i}`;
    const number = numbers.get(key) ?? ++count;
    numbers.set(key, number);
    if (prefix) {
      // The type stands in front of what was a literal: a parameter has it behind.
      const qualified = prefix.interval ? qualifierEnd(tokens, last) : last;
      const first = tokens.find(({ start }) => start === prefix.start)!;
      const type = typeOf([
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
    throw new LeftOut(`more than ${MAX_PARAMETERS.toLocaleString('en')} parameters`);
  return { text: out, parameters: count };
}

/** Index of the last token of the constant that begins at `i`; undefined where none does. */
function constantEnd(tokens: readonly Token[], i: number, { values }: Places): number | undefined {
  const { start, text } = tokens[i]!;
  if (!values.has(start)) return undefined;
  // A sign is part of a number: the tree has −5 at the place of its sign.
  if (text === '-') return isNumber(tokens[i + 1]?.text ?? '') ? i + 1 : undefined;
  // EXTRACT(epoch FROM …): a word that the tree keeps as a string.
  if (!isString(text) && !isNumber(text)) return undefined;
  return /^uescape$/i.test(tokens[i + 1]?.text ?? '') ? i + 2 : i;
}

/** The tokens of types that stand in front of their constant, each with the index of that constant. */
function prefixTokens(
  tokens: readonly Token[],
  prefixes: ReadonlyMap<number, Prefix>,
): ReadonlyMap<number, number> {
  const skipped = new Map<number, number>();
  tokens.forEach((token, i) => {
    const prefix = prefixes.get(token.start);
    if (!prefix) return;
    // CAST ($1 AS …) has its type behind; only what touches the constant is in front of it.
    for (let k = i - 1; k >= 0 && tokens[k]!.start >= prefix.start; k--) skipped.set(k, i);
  });
  return skipped;
}

const QUALIFIER = /^(?:year|month|day|hour|minute|second|to|\(|\)|\d+)$/i;

/** `interval '1' day to second (3)` */
function qualifierEnd(tokens: readonly Token[], constant: number): number {
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

/** `interval day to second (3)`; N'…' is of type bpchar. */
function typeOf(tokens: readonly Token[]): string {
  const text = tokens
    .map(({ text, start }, i) => (i > 0 && start > tokens[i - 1]!.end ? ` ${text}` : text))
    .join('');
  return /^n$/i.test(text) ? 'bpchar' : text;
}
