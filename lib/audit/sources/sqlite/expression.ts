/** Compares SQLite expressions with PostgreSQL expressions, as far as PostgreSQL's parser can read both. Pure. */
import type { Node } from 'libpg-query';
import { ParseFailure, parseSql } from '../../../compiler/read/parser';
import { listNameParts, unwrapNode } from '../../../compiler/read/tree';

/** Puts names in double quotes; SQLite also accepts `` `a` `` and [a]. */
export const convertQuotes = (sql: string): string =>
  sql.replace(
    /'(?:[^']|'')*'|"(?:[^"]|"")*"|`((?:[^`]|``)*)`|\[([^\]]*)\]/g,
    (all, tick?: string, square?: string) => {
      const name = tick?.replaceAll('``', '`') ?? square;
      return name === undefined ? all : `"${name.replaceAll('"', '""')}"`;
    },
  );

/**
 * Returns the normal form of an expression; `null` if it does not parse. Expressions with the same form mean the same,
 * except for types and letter case.
 */
export function normalizeExpression(expression: string): string | null {
  try {
    const [statement] = parseSql(`SELECT (${expression})`).statements;
    const target = unwrapNode(unwrapNode(statement?.node, 'SelectStmt')?.targetList?.[0], 'ResTarget')?.val;
    return target === undefined ? null : JSON.stringify(normalizeNode(target));
  } catch (error) {
    if (error instanceof ParseFailure) return null;
    throw error;
  }
}

/** Returns the condition of a partial index. */
export function readIndexCondition(createIndex: string): string | null {
  const sql = convertQuotes(createIndex);
  const at = /\)\s*WHERE\s+([\s\S]+)$/i.exec(sql)?.[1];
  return at?.replace(/;\s*$/, '').trim() ?? null;
}

type NormalForm = string | number | boolean | null | readonly NormalForm[];

const NUMBER_TYPE = /^(int[248]|numeric|float[48])$/;

/**
 * Normalizes a node: without casts, parentheses and positions. SQLite compares boolean columns with 0 and 1, so `flag =
 * 1` becomes `flag`.
 */
function normalizeNode(node: Node): NormalForm {
  const cast = unwrapNode(node, 'TypeCast');
  if (cast?.arg) {
    const value = normalizeNode(cast.arg);
    const number =
      Array.isArray(value) &&
      value[0] === 'text' &&
      NUMBER_TYPE.test(listNameParts(cast.typeName?.names).at(-1) ?? '');
    return number ? Number(value[1]) : value;
  }
  const collated = unwrapNode(node, 'CollateClause');
  if (collated?.arg) return normalizeNode(collated.arg);
  const column = unwrapNode(node, 'ColumnRef');
  if (column) {
    const name = unwrapNode(column.fields?.at(-1), 'String')?.sval?.toLowerCase() ?? '*';
    return name === 'true' || name === 'false' ? name === 'true' : ['column', name];
  }
  const constant = unwrapNode(node, 'A_Const');
  if (constant) return normalizeConstant(constant);
  const test = unwrapNode(node, 'BooleanTest');
  if (test?.arg)
    return /IS_TRUE|IS_NOT_FALSE/.test(test.booltesttype ?? '')
      ? normalizeNode(test.arg)
      : negate(normalizeNode(test.arg));
  const bool = unwrapNode(node, 'BoolExpr');
  if (bool) {
    const parts = (bool.args ?? []).map(normalizeNode);
    if (bool.boolop === 'NOT_EXPR') return negate(parts[0]!);
    const op = bool.boolop === 'AND_EXPR' ? 'and' : 'or';
    return [
      op,
      ...sortForms(parts.flatMap((each) => (Array.isArray(each) && each[0] === op ? each.slice(1) : [each]))),
    ];
  }
  const expression = unwrapNode(node, 'A_Expr');
  if (expression) return normalizeOperation(expression);
  const call = unwrapNode(node, 'FuncCall');
  if (call)
    return [
      'call',
      unwrapNode(call.funcname?.at(-1), 'String')?.sval?.toLowerCase() ?? '',
      ...(call.args ?? []).map(normalizeNode),
    ];
  return normalizeOther(node);
}

const sortForms = (parts: readonly NormalForm[]): NormalForm[] =>
  [...parts].sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));

function normalizeConstant(constant: NonNullable<ReturnType<typeof unwrapNode<'A_Const'>>>): NormalForm {
  if (constant.isnull) return null;
  if (constant.boolval) return constant.boolval.boolval ?? false;
  if (constant.ival) return constant.ival.ival ?? 0;
  if (constant.fval) return Number(constant.fval.fval);
  return ['text', constant.sval?.sval ?? ''];
}

const negate = (of: NormalForm): NormalForm => (Array.isArray(of) && of[0] === 'not' ? of[1]! : ['not', of]);
const isColumn = (of: NormalForm): boolean => Array.isArray(of) && of[0] === 'column';

function stripCasts(node: Node | undefined): Node | undefined {
  const inner = unwrapNode(node, 'TypeCast')?.arg;
  return inner === undefined ? node : stripCasts(inner);
}

function normalizeOperation(expression: NonNullable<ReturnType<typeof unwrapNode<'A_Expr'>>>): NormalForm {
  const { kind, lexpr, rexpr, name } = expression;
  const op = unwrapNode(name?.at(-1), 'String')?.sval ?? '';
  const left = lexpr === undefined ? null : normalizeNode(lexpr);
  const many = unwrapNode(rexpr, 'List')?.items ?? unwrapNode(stripCasts(rexpr), 'A_ArrayExpr')?.elements;
  if (kind === 'AEXPR_IN' || kind === 'AEXPR_OP_ANY' || kind === 'AEXPR_OP_ALL') {
    const values = ['in', left, ...sortForms((many ?? (rexpr ? [rexpr] : [])).map(normalizeNode))];
    return op === '<>' ? negate(values) : values;
  }
  if (/^AEXPR_(NOT_)?BETWEEN/.test(kind ?? '') && many?.length === 2) {
    const within = [
      'and',
      ...sortForms([
        ['>=', left, normalizeNode(many[0]!)],
        ['<=', left, normalizeNode(many[1]!)],
      ]),
    ];
    return kind!.includes('NOT') ? negate(within) : within;
  }
  const right = rexpr === undefined ? null : normalizeNode(rexpr);
  const unequal = op === '<>' || op === '!=';
  if (
    (op === '=' || op === '==' || unequal) &&
    isColumn(left) &&
    (right === 1 || right === 0 || typeof right === 'boolean')
  )
    return Boolean(right) === !unequal ? left : negate(left);
  if (op === '==' || op === '=') return ['=', left, right];
  if (unequal) return ['<>', left, right];
  return [op, left, right];
}

/** Copies nodes without a rule of their own, leaving out positions. */
function normalizeOther(value: unknown): NormalForm {
  if (Array.isArray(value)) return value.map(normalizeOther);
  if (typeof value !== 'object' || value === null) return value as NormalForm;
  return Object.entries(value)
    .filter(([name]) => !/location$/.test(name))
    .map(([name, each]): NormalForm => [name, isNode(each) ? normalizeNode(each) : normalizeOther(each)]);
}

const isNode = (value: unknown): value is Node =>
  typeof value === 'object' &&
  value !== null &&
  !Array.isArray(value) &&
  /^[A-Z]/.test(Object.keys(value)[0] ?? '');

/** Returns the CHECK constraints in a CREATE TABLE statement. */
export function parseChecks(
  createTable: string,
): { readonly name: string | null; readonly expression: string }[] {
  const found: { name: string | null; expression: string }[] = [];
  const sql = convertQuotes(createTable);
  const token = /'(?:[^']|'')*'|"(?:[^"]|"")*"|--[^\n]*|\/\*[\s\S]*?\*\/|[A-Za-z_][\w$]*|[()]/g;
  let begins: number | null = null;
  let depth = 0;
  let opened = 0;
  let before: string[] = [];
  for (let each = token.exec(sql); each !== null; each = token.exec(sql)) {
    const [word] = each;
    if (word === '(') {
      depth++;
      if (begins === null && /^check$/i.test(before.at(-1) ?? ''))
        [begins, opened] = [token.lastIndex, depth];
    } else if (word === ')') {
      if (begins !== null && depth === opened) {
        const named = /^constraint$/i.test(before.at(-3) ?? '') ? before.at(-2)! : null;
        found.push({
          name: named?.replace(/^"|"$/g, '').toLowerCase() ?? null,
          expression: sql.slice(begins, each.index).trim(),
        });
        begins = null;
      }
      depth--;
    }
    if (begins === null) before = [...before.slice(-2), word];
  }
  return found;
}
