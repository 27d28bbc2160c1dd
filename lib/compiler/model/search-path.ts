/**
 * Resolves names without a schema. The engine takes locks before the first statement of a file, under the session's
 * search_path, so a name after the file's own `SET LOCAL search_path` needs its schema.
 */
import type { Node, SelectStmt } from 'libpg-query';
import { ANY_RELATION } from '../../../lambda/contract/locks';
import { getKindAndBody, quoteIfNeeded, unwrapNode } from '../read/tree';
import { type FunctionCall, inspectTree } from '../rules/inspect';

/**
 * The schema in which unqualified names are looked up; `null` for the session's own search path, which the engine
 * shares.
 */
export type SearchPath = { readonly schema: string } | null;

/**
 * Placeholder for schemas that cannot be determined: several schemas, `"$user"` or an expression. Each gets its own
 * number.
 */
const UNKNOWN_SCHEMA = /^"\*\d+"\./;
const TEMPORARY_SCHEMA = /^pg_temp\./;

export const isQualified = (name: string): boolean => /^(?:"(?:[^"]|"")*"|[^".]+)\./.test(name);
export const stripSchema = (name: string): string =>
  name.slice(/^(?:"(?:[^"]|"")*"|[^".]+)\./.exec(name)![0].length);

/** Puts the schema of a relation before another name: an index is in the schema of its table. */
export const qualifyLike = (relation: string, word: string): string =>
  isQualified(relation) ? relation.slice(0, -stripSchema(relation).length) + word : word;

/**
 * Returns the key of a relation from its name as SQL has it.
 * @param created relations of this file; a temporary table among them is found before all others
 */
export function resolveOnPath(name: string, path: SearchPath, created: ReadonlySet<string>): string {
  if (name === ANY_RELATION || isQualified(name)) return name;
  if (created.has(`pg_temp.${name}`)) return `pg_temp.${name}`;
  // System relations are found first on any path.
  return path === null || /^pg_[a-z0-9_]+$/.test(name) ? name : `${path.schema}.${name}`;
}

/** Returns the name under which a relation can be reported before the file runs. */
export function toReportedName(key: string, created: boolean): string {
  if (!UNKNOWN_SCHEMA.test(key)) return created && TEMPORARY_SCHEMA.test(key) ? stripSchema(key) : key;
  return created ? stripSchema(key) : ANY_RELATION;
}

/**
 * Returns the search path after a statement.
 * @param next returns a new number, so that no two unknown paths are considered equal
 */
export function computePathAfter(node: Node, path: SearchPath, next: () => number): SearchPath {
  const unknown = () => ({ schema: `"*${next()}"` });
  const single = (schema: string | undefined): SearchPath =>
    schema && !/^(\$user|pg_temp)$/.test(schema) ? { schema: quoteIfNeeded(schema) } : unknown();
  const set = unwrapNode(node, 'VariableSetStmt');
  if (set) {
    if (set.name?.toLowerCase() !== 'search_path') return path;
    if (set.kind === 'VAR_SET_DEFAULT') return null;
    const [first, ...others] = set.args ?? [];
    return single(others.length === 0 ? unwrapNode(first, 'A_Const')?.sval?.sval : undefined);
  }
  // The SET LOCAL in a DO block also lasts until the end of the transaction, but its value is not read.
  const block = unwrapNode(node, 'DoStmt');
  if (block) return /search_path/i.test(JSON.stringify(block)) ? unknown() : path;
  const calls = findPathCalls(node);
  if (calls.length === 0) return path;
  return calls.length === 1 && isBareCall(unwrapNode(node, 'SelectStmt'))
    ? single(parseSingleSchema(calls[0]!))
    : unknown();
}

/** Statements that evaluate expressions when they run. */
const STATEMENTS_WITH_CALLS = /^(Select|Insert|Update|Delete|Merge|CreateTableAs|Explain|Call)Stmt$/;

const findPathCalls = (node: Node): FunctionCall[] =>
  STATEMENTS_WITH_CALLS.test(getKindAndBody(node)[0]) ? inspectTree(node).calls.filter(setsPath) : [];

/** Tells whether a statement calls set_config(), as in SELECT set_config(…, true). */
export const callsSetConfig = (node: Node): boolean =>
  STATEMENTS_WITH_CALLS.test(getKindAndBody(node)[0]) &&
  inspectTree(node).calls.some(({ name }) => name.at(-1) === 'set_config');

const readStringLiteral = (argument: unknown): string | undefined =>
  unwrapNode(argument as Node | undefined, 'A_Const')?.sval?.sval;

/** Tells whether a call may set the search path; a computed name of a setting may be that of the path. */
const setsPath = ({ name, args }: FunctionCall): boolean =>
  name.at(-1) === 'set_config' && /^(search_path|undefined)$/i.test(String(readStringLiteral(args[0])));

/** Tells whether the call is certainly evaluated exactly once. */
const isBareCall = (select: SelectStmt | undefined): boolean =>
  select?.targetList?.length === 1 &&
  unwrapNode(unwrapNode(select.targetList[0], 'ResTarget')?.val, 'FuncCall') !== undefined &&
  !select.fromClause &&
  !select.whereClause &&
  !select.limitCount &&
  !select.limitOffset;

function parseSingleSchema({ args }: FunctionCall): string | undefined {
  if (readStringLiteral(args[0]) === undefined) return undefined;
  const [, quoted, plain] =
    /^\s*(?:"((?:[^"]|"")+)"|([a-z_]\w*))\s*$/i.exec(readStringLiteral(args[1]) ?? '') ?? [];
  return quoted?.replaceAll('""', '"') ?? plain?.toLowerCase();
}
