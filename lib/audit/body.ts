/** The statements of one function's body, and what they name. Pure; the parser must be ready. */

import type { Routine } from '../../lambda/audit/catalogue/functions';
import type { Named } from '../../lambda/audit/evidence';
import { key } from '../../lambda/audit/names';
import { ParseFailure, parse, parsePlpgsql } from '../compiler/read/parser';

export interface Body {
  readonly statements: readonly string[];
  /** As it is written: names in its literals are asked for before they are used, or are run by EXECUTE. */
  readonly text: string;
}

/** Null where there is nothing to read: another language, or a body whose names the server keeps track of. */
export function bodyOf({ language, definition }: Routine): Body | null {
  try {
    if (language === 'plpgsql') {
      const tree = parsePlpgsql(definition);
      // What goes wrong is expected, and dealt with.
      if (contains(tree, 'PLpgSQL_exception_block')) return null;
      return { statements: expressionsIn(tree), text: definition };
    }
    if (language !== 'sql') return null;
    const text = textOf(definition);
    return text === null ? null : { statements: [text], text };
  } catch (error) {
    if (error instanceof ParseFailure) return null;
    throw error;
  }
}

type Tree = Readonly<Record<string, unknown>>;

const isTree = (value: unknown): value is Tree => typeof value === 'object' && value !== null;

function* every(value: unknown): Generator<Tree> {
  if (!isTree(value)) return;
  if (!Array.isArray(value)) yield value;
  for (const each of Object.values(value)) yield* every(each);
}

const contains = (tree: unknown, field: string): boolean => {
  for (const each of every(tree)) if (field in each) return true;
  return false;
};

/** Of CREATE FUNCTION … AS; null of BEGIN ATOMIC. */
function textOf(definition: string): string | null {
  for (const each of every(parse(definition).statements[0]?.node))
    if (each.defname === 'as')
      for (const string of every(each.arg)) if (typeof string.sval === 'string') return string.sval;
  return null;
}

/** As statements: of `x := f(y)` the right side. */
function expressionsIn(tree: unknown): string[] {
  const found: string[] = [];
  for (const each of every(tree)) {
    const expression = each.PLpgSQL_expr;
    if (!isTree(expression) || typeof expression.query !== 'string') continue;
    const { query, parseMode } = expression as { query: string; parseMode?: number };
    if (!parseMode) found.push(query);
    else if (parseMode === 2) found.push(`SELECT ${query}`);
    else {
      const at = query.search(/:?=/);
      if (at >= 0) found.push(`SELECT ${query.slice(at).replace(/^:?=/, '')}`);
    }
  }
  return found;
}

/** @returns `made`: relations that the body makes itself */
export function namedIn({ statements, text }: Body): { named: readonly Named[]; made: readonly string[] } {
  const named = new Map<string, Named>();
  const own = new Set<string>();
  for (const statement of statements) {
    const nodes = [...every(nodesOf(statement))];
    for (const each of nodes) {
      if (typeof each.ctename === 'string') own.add(each.ctename);
      const made = isTree(each.CreateStmt)
        ? each.CreateStmt.relation
        : isTree(each.into)
          ? each.into.rel
          : null;
      if (isTree(made)) own.add(String(made.relname));
      const use = calls(each) ?? relates(each);
      if (use !== null) named.set(key(use.what, use.schema ?? '', use.name), use);
    }
  }
  return {
    named: [...named.values()].filter(
      (each) =>
        !isOfServer(each) && !(each.schema === null && own.has(each.name)) && !isSaid(text, each.name),
    ),
    made: [...own],
  };
}

const isOfServer = ({ schema }: Named): boolean =>
  schema !== null && /^(pg_catalog|information_schema|pg_temp)$/.test(schema);

/** In a literal: `to_regclass('audit_log')`, `EXECUTE 'CREATE TEMP TABLE found …'`. */
const isSaid = (text: string, name: string): boolean =>
  [...text.matchAll(/'(?:[^']|'')*'/g)].some(([literal]) => literal.includes(name));

function nodesOf(statement: string): unknown {
  try {
    return parse(statement).statements.map(({ node }) => node);
  } catch (error) {
    if (error instanceof ParseFailure) return [];
    throw error;
  }
}

function calls({ FuncCall: call }: Tree): Named | null {
  if (!isTree(call) || !Array.isArray(call.funcname)) return null;
  const names = call.funcname.map((each) => String((each as { String?: { sval?: string } }).String?.sval));
  const name = names.at(-1);
  return name === undefined ? null : { what: 'function', schema: names.at(-2) ?? null, name };
}

const relates = ({ relname, schemaname }: Tree): Named | null =>
  typeof relname !== 'string'
    ? null
    : { what: 'relation', schema: typeof schemaname === 'string' ? schemaname : null, name: relname };
