/**
 * What a name without a schema means. The engine takes locks before a file's first statement, under the session's
 * search_path, so a name behind the file's own `SET LOCAL search_path` has to be known with its schema.
 */
import type { Node, SelectStmt } from 'libpg-query';
import { ANY_RELATION } from '../../../lambda/contract/locks';
import { as, kindOf, quoteIfNeeded } from '../read/tree';
import { type FunctionCall, inspect } from '../rules/inspect';

/** Where names without a schema lead; null for the session's own path, which the engine has too. */
export type SearchPath = { readonly schema: string } | null;

/** Schemas that nobody can name: several, `"$user"`, an expression. Each is another one. */
const UNKNOWN = /^"\*\d+"\./;
const TEMPORARY = /^pg_temp\./;

export const isQualified = (name: string): boolean => /^(?:"(?:[^"]|"")*"|[^".]+)\./.test(name);
export const withoutSchema = (name: string): string =>
  name.slice(/^(?:"(?:[^"]|"")*"|[^".]+)\./.exec(name)![0].length);

/** The schema of a qualified name put before another word: an index is in the schema of its table. */
export const beside = (relation: string, word: string): string =>
  isQualified(relation) ? relation.slice(0, -withoutSchema(relation).length) + word : word;

/**
 * The key under which a relation is known, from its name as SQL writes it.
 * @param created a temporary table among them is found before all others
 */
export function onPath(name: string, path: SearchPath, created: ReadonlySet<string>): string {
  if (name === ANY_RELATION || isQualified(name)) return name;
  if (created.has(`pg_temp.${name}`)) return `pg_temp.${name}`;
  // The system's own relations are found first on any path.
  return path === null || /^pg_[a-z0-9_]+$/.test(name) ? name : `${path.schema}.${name}`;
}

/** From a key to what can be said of the relation beforehand. */
export function outside(key: string, created: boolean): string {
  if (!UNKNOWN.test(key)) return created && TEMPORARY.test(key) ? withoutSchema(key) : key;
  return created ? withoutSchema(key) : ANY_RELATION;
}

/** The path behind this statement. @param next counts, so that no two unknown paths are taken for one */
export function pathAfter(node: Node, path: SearchPath, next: () => number): SearchPath {
  const unknown = () => ({ schema: `"*${next()}"` });
  const single = (schema: string | undefined): SearchPath =>
    schema && !/^(\$user|pg_temp)$/.test(schema) ? { schema: quoteIfNeeded(schema) } : unknown();
  const set = as(node, 'VariableSetStmt');
  if (set) {
    if (set.name?.toLowerCase() !== 'search_path') return path;
    if (set.kind === 'VAR_SET_DEFAULT') return null;
    const [first, ...others] = set.args ?? [];
    return single(others.length === 0 ? as(first, 'A_Const')?.sval?.sval : undefined);
  }
  // A block's SET LOCAL reaches to the transaction's end too; what it sets is not read.
  const block = as(node, 'DoStmt');
  if (block) return /search_path/i.test(JSON.stringify(block)) ? unknown() : path;
  const calls = pathCalls(node);
  if (calls.length === 0) return path;
  return calls.length === 1 && isBareCall(as(node, 'SelectStmt')) ? single(oneSchema(calls[0]!)) : unknown();
}

/** Statements that evaluate expressions when they run. */
const HOLDS_CALLS = /^(Select|Insert|Update|Delete|Merge|CreateTableAs|Explain|Call)Stmt$/;

const pathCalls = (node: Node): FunctionCall[] =>
  HOLDS_CALLS.test(kindOf(node)[0]) ? inspect(node).calls.filter(setsPath) : [];

/** SELECT set_config(…, true) */
export const setsByCall = (node: Node): boolean =>
  HOLDS_CALLS.test(kindOf(node)[0]) && inspect(node).calls.some(({ name }) => name.at(-1) === 'set_config');

const text = (argument: unknown): string | undefined =>
  as(argument as Node | undefined, 'A_Const')?.sval?.sval;

/** The name of a setting that is computed may be the path's as well. */
const setsPath = ({ name, args }: FunctionCall): boolean =>
  name.at(-1) === 'set_config' && /^(search_path|undefined)$/i.test(String(text(args[0])));

/** It is evaluated, once and for certain. */
const isBareCall = (select: SelectStmt | undefined): boolean =>
  select?.targetList?.length === 1 &&
  as(as(select.targetList[0], 'ResTarget')?.val, 'FuncCall') !== undefined &&
  !select.fromClause &&
  !select.whereClause &&
  !select.limitCount &&
  !select.limitOffset;

function oneSchema({ args }: FunctionCall): string | undefined {
  if (text(args[0]) === undefined) return undefined;
  const [, quoted, plain] = /^\s*(?:"((?:[^"]|"")+)"|([a-z_]\w*))\s*$/i.exec(text(args[1]) ?? '') ?? [];
  return quoted?.replaceAll('""', '"') ?? plain?.toLowerCase();
}
