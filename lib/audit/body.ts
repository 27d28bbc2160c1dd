/** Extracts the statements of a function's body and the objects that they name. Pure; the parser must be loaded. */

import type { Routine } from '../../lambda/audit/catalog/functions';
import type { ReferencedName } from '../../lambda/audit/evidence';
import { joinKey } from '../../lambda/audit/names';
import { ParseFailure, parsePlpgsql, parseSql } from '../compiler/read/parser';

export interface RoutineBody {
  readonly statements: readonly string[];
  /**
   * Source text of the body. A name in one of its literals may belong to an object that the body checks for before it
   * uses it, or that it creates with EXECUTE.
   */
  readonly text: string;
}

/** Returns the body; `null` if it is in another language, or in a form whose dependencies the server tracks itself. */
export function parseRoutineBody({ language, definition }: Routine): RoutineBody | null {
  try {
    if (language === 'plpgsql') {
      const tree = parsePlpgsql(definition);
      // A body with an exception block expects errors and handles them.
      if (containsField(tree, 'PLpgSQL_exception_block')) return null;
      return { statements: listExpressions(tree), text: definition };
    }
    if (language !== 'sql') return null;
    const text = readBodyText(definition);
    return text === null ? null : { statements: [text], text };
  } catch (error) {
    if (error instanceof ParseFailure) return null;
    throw error;
  }
}

type PlpgsqlTree = Readonly<Record<string, unknown>>;

const isTree = (value: unknown): value is PlpgsqlTree => typeof value === 'object' && value !== null;

function* walkTree(value: unknown): Generator<PlpgsqlTree> {
  if (!isTree(value)) return;
  if (!Array.isArray(value)) yield value;
  for (const each of Object.values(value)) yield* walkTree(each);
}

const containsField = (tree: unknown, field: string): boolean => {
  for (const each of walkTree(tree)) if (field in each) return true;
  return false;
};

/** Returns the text after AS of CREATE FUNCTION; `null` for BEGIN ATOMIC. */
function readBodyText(definition: string): string | null {
  for (const each of walkTree(parseSql(definition).statements[0]?.node))
    if (each.defname === 'as')
      for (const string of walkTree(each.arg)) if (typeof string.sval === 'string') return string.sval;
  return null;
}

/** Returns the expressions of a PL/pgSQL body as statements; for `x := f(y)` this is the right-hand side. */
function listExpressions(tree: unknown): string[] {
  const found: string[] = [];
  for (const each of walkTree(tree)) {
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

/**
 * Returns the objects that a body names.
 * @returns `named`: functions and relations that must exist; `made`: relations that the body creates itself
 */
export function findReferencedNames({ statements, text }: RoutineBody): {
  named: readonly ReferencedName[];
  made: readonly string[];
} {
  const named = new Map<string, ReferencedName>();
  const own = new Set<string>();
  for (const statement of statements) {
    const nodes = [...walkTree(parseNodes(statement))];
    for (const each of nodes) {
      if (typeof each.ctename === 'string') own.add(each.ctename);
      const made = isTree(each.CreateStmt)
        ? each.CreateStmt.relation
        : isTree(each.into)
          ? each.into.rel
          : null;
      if (isTree(made)) own.add(String(made.relname));
      const use = readCalledFunction(each) ?? readRelation(each);
      if (use !== null) named.set(joinKey(use.what, use.schema ?? '', use.name), use);
    }
  }
  return {
    named: [...named.values()].filter(
      (each) =>
        !isSystemName(each) && !(each.schema === null && own.has(each.name)) && !isInLiteral(text, each.name),
    ),
    made: [...own],
  };
}

const isSystemName = ({ schema }: ReferencedName): boolean =>
  schema !== null && /^(pg_catalog|information_schema|pg_temp)$/.test(schema);

/**
 * Returns whether the name occurs in a string literal, as in `to_regclass('audit_log')` or `EXECUTE 'CREATE TEMP TABLE found
 * …'`.
 */
const isInLiteral = (text: string, name: string): boolean =>
  [...text.matchAll(/'(?:[^']|'')*'/g)].some(([literal]) => literal.includes(name));

function parseNodes(statement: string): unknown {
  try {
    return parseSql(statement).statements.map(({ node }) => node);
  } catch (error) {
    if (error instanceof ParseFailure) return [];
    throw error;
  }
}

function readCalledFunction({ FuncCall: call }: PlpgsqlTree): ReferencedName | null {
  if (!isTree(call) || !Array.isArray(call.funcname)) return null;
  const names = call.funcname.map((each) => String((each as { String?: { sval?: string } }).String?.sval));
  const name = names.at(-1);
  return name === undefined ? null : { what: 'function', schema: names.at(-2) ?? null, name };
}

const readRelation = ({ relname, schemaname }: PlpgsqlTree): ReferencedName | null =>
  typeof relname !== 'string'
    ? null
    : { what: 'relation', schema: typeof schemaname === 'string' ? schemaname : null, name: relname };
