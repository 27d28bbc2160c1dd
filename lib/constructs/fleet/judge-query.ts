/** Validates, at synth, the query that lists a fleet's tenants: it may only read, and has the columns of a tenant. */
import type { Node, SelectStmt } from 'libpg-query';
import { TENANT_FIELDS } from '../../../lambda/fleet/entries';
import { runJsonScript } from '../../compiler/child';
import { loadParser, ParseFailure, parseSql } from '../../compiler/read/parser';
import { unwrapNode, unwrapNodes } from '../../compiler/read/tree';

export interface QueryValidation {
  /** Problem with the query, as a clause; null if none was found. */
  readonly problem: string | null;
  /** Names of the query's columns; null if only the server knows them, e.g. for `*`. */
  readonly columns: readonly string[] | null;
}

const validatedQueries = new Map<string, QueryValidation>();

/** Validates a query synchronously, for constructs, and only once per process for the same text. */
export function validateQuerySync(sql: string): QueryValidation {
  // A program's argument cannot hold one either.
  if (sql.includes('\0')) return buildInvalidQuery('has a zero byte, which PostgreSQL does not take in text');
  const before = validatedQueries.get(sql);
  if (before) return before;
  const answer = runJsonScript<QueryValidation>(
    'lib/constructs/fleet/judge-query-child',
    [sql],
    'parses a query for tenants',
  );
  validatedQueries.set(sql, answer);
  return answer;
}

export async function validateQuery(sql: string): Promise<QueryValidation> {
  await loadParser();
  try {
    return validateParsedQuery(sql);
  } catch (error) {
    if (!(error instanceof ParseFailure)) throw error;
    return buildInvalidQuery(`is not SQL that PostgreSQL understands: ${error.message}`);
  }
}

const buildInvalidQuery = (problem: string, columns: QueryValidation['columns'] = null): QueryValidation => ({
  problem,
  columns,
});

function validateParsedQuery(sql: string): QueryValidation {
  const { statements } = parseSql(sql);
  if (statements.length !== 1)
    return buildInvalidQuery(`has ${statements.length} statements; it must be one query`);
  const select = unwrapNode(statements[0]!.node, 'SelectStmt');
  if (select === undefined) return buildInvalidQuery('is no query: it must be one SELECT');
  if (select.intoClause) return buildInvalidQuery('makes a table (INTO); it must be a query that only reads');
  if (containsNode(select, 'ParamRef'))
    return buildInvalidQuery('has a parameter ($1), and there is nothing to give for it');
  if (['InsertStmt', 'UpdateStmt', 'DeleteStmt', 'MergeStmt'].some((kind) => containsNode(select, kind)))
    return buildInvalidQuery('changes rows; it must be a query that only reads');
  if (containsNode(select, 'LockingClause'))
    return buildInvalidQuery('locks rows (FOR …); it must be a query that only reads');
  const [names, ...others] = listArms(select).map(listNames);
  const count = names!.length;
  if (![names, ...others].some((each) => each!.includes('*')) && others.some((each) => each.length !== count))
    return buildInvalidQuery('combines queries with different numbers of columns');
  const isComplete = names!.every((name) => name !== null && name !== '*');
  const columns = isComplete ? (names as string[]) : null;
  if (names!.includes(NO_NAME))
    return buildInvalidQuery('has a column without a name; give it one with AS', columns);
  const other = names!.find(
    (name) => name !== null && name !== '*' && !(TENANT_FIELDS as readonly string[]).includes(name),
  );
  if (other != null)
    return buildInvalidQuery(
      `has the column ${JSON.stringify(other)}; the columns of a tenant are ${TENANT_FIELDS.join(', ')}`,
      columns,
    );
  return columns === null || columns.includes('name')
    ? { problem: null, columns }
    : buildInvalidQuery('has no column `name`', columns);
}

/** Returns whether the tree contains a node of this kind at any depth. */
function containsNode(root: unknown, kind: string): boolean {
  const stack = [root];
  while (stack.length > 0) {
    const value = stack.pop();
    if (typeof value !== 'object' || value === null) continue;
    if (kind in value) return true;
    stack.push(...Object.values(value));
  }
  return false;
}

/** Lists the parts of a query with UNION or the like. The column names of the first part count. */
const listArms = (select: SelectStmt): SelectStmt[] =>
  select.larg && select.rarg ? [...listArms(select.larg), ...listArms(select.rarg)] : [select];

/** The name that the server gives to a column without one. */
const NO_NAME = '?column?';

/** Lists the names of the columns: `*` for any number of columns, null if only the server knows the name. */
function listNames({ valuesLists = [], targetList }: SelectStmt): (string | null)[] {
  const [row] = valuesLists;
  if (row !== undefined) return (unwrapNode(row, 'List')?.items ?? []).map((_, i) => `column${i + 1}`);
  return unwrapNodes(targetList, 'ResTarget').map(({ name, val }) => {
    if (name) return name;
    const figured = figure(val);
    return figured === null ? null : (figured?.name ?? NO_NAME);
  });
}

interface Figured {
  readonly name: string;
  /** A type or CASE gives its own name only where nothing better is inside. */
  readonly weak?: boolean;
}

const getLastName = (names: readonly Node[] | undefined): string | undefined =>
  unwrapNode(names?.at(-1), 'String')?.sval;
const named = (name: string | undefined): Figured | undefined => (name === undefined ? undefined : { name });

/** Expressions whose column is named after them. */
const NAMED_AFTER = {
  CoalesceExpr: 'coalesce',
  RowExpr: 'row',
  A_ArrayExpr: 'array',
  GroupingFunc: 'grouping',
} as const;
/** Expressions whose column has no name. */
const NAMELESS = ['A_Const', 'BoolExpr', 'NullTest', 'BooleanTest'] as const;

/**
 * Returns the name that the server gives a column without AS (FigureColnameInternal in parse_target.c). Returns null if it
 * cannot be determined here, and undefined if the column has no name.
 */
function figure(node: Node | undefined): Figured | undefined | null {
  const kind = Object.keys(node ?? {})[0];
  const after = NAMED_AFTER[kind as keyof typeof NAMED_AFTER];
  if (after !== undefined) return { name: after };
  if (NAMELESS.includes(kind as (typeof NAMELESS)[number])) return undefined;
  const column = unwrapNode(node, 'ColumnRef')?.fields;
  if (column) return unwrapNode(column.at(-1), 'A_Star') ? { name: '*' } : named(getLastName(column));
  const part = unwrapNode(node, 'A_Indirection');
  if (part) {
    if (part.indirection?.some((each) => unwrapNode(each, 'A_Star'))) return { name: '*' };
    return (
      named(getLastName(part.indirection?.filter((each) => unwrapNode(each, 'String')))) ?? figure(part.arg)
    );
  }
  const call = unwrapNode(node, 'FuncCall');
  if (call) return named(getLastName(call.funcname));
  const operator = unwrapNode(node, 'A_Expr');
  if (operator) return operator.kind === 'AEXPR_NULLIF' ? { name: 'nullif' } : undefined;
  const collated = unwrapNode(node, 'CollateClause');
  if (collated) return figure(collated.arg);
  const cast = unwrapNode(node, 'TypeCast');
  if (cast) return orWeak(figure(cast.arg), getLastName(cast.typeName?.names));
  const choice = unwrapNode(node, 'CaseExpr');
  if (choice) return orWeak(choice.defresult ? figure(choice.defresult) : undefined, 'case');
  const query = unwrapNode(node, 'SubLink');
  if (query?.subLinkType === 'EXISTS_SUBLINK') return { name: 'exists' };
  if (query?.subLinkType === 'ARRAY_SUBLINK') return { name: 'array' };
  const inner = query?.subLinkType === 'EXPR_SUBLINK' ? unwrapNode(query.subselect, 'SelectStmt') : undefined;
  if (inner && (inner.valuesLists ?? []).length === 0) {
    const [first] = listNames(listArms(inner)[0]!);
    return first == null || first === '*' ? null : first === NO_NAME ? undefined : { name: first };
  }
  return null;
}

const orWeak = (inside: Figured | undefined | null, name: string | undefined): Figured | undefined | null =>
  inside === null || (inside && !inside.weak) ? inside : name === undefined ? null : { name, weak: true };
