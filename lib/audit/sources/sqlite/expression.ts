/** Whether an expression of SQLite and one of PostgreSQL mean the same, as far as PostgreSQL's parser reads both. Pure. */
import type { Node } from 'libpg-query';
import { ParseFailure, parse } from '../../../compiler/read/parser';
import { as, words } from '../../../compiler/read/tree';

/** Names in PostgreSQL's quotes; SQLite also takes `a` and [a]. */
export const inOurQuotes = (sql: string): string =>
  sql.replace(
    /'(?:[^']|'')*'|"(?:[^"]|"")*"|`((?:[^`]|``)*)`|\[([^\]]*)\]/g,
    (all, tick?: string, square?: string) => {
      const name = tick?.replaceAll('``', '`') ?? square;
      return name === undefined ? all : `"${name.replaceAll('"', '""')}"`;
    },
  );

/** Null where the parser does not read it. Two expressions of one form mean the same, but for types and case. */
export function formOf(expression: string): string | null {
  try {
    const [statement] = parse(`SELECT (${expression})`).statements;
    const target = as(as(statement?.node, 'SelectStmt')?.targetList?.[0], 'ResTarget')?.val;
    return target === undefined ? null : JSON.stringify(plain(target));
  } catch (error) {
    if (error instanceof ParseFailure) return null;
    throw error;
  }
}

/** The condition of a partial index. */
export function conditionOf(createIndex: string): string | null {
  const sql = inOurQuotes(createIndex);
  const at = /\)\s*WHERE\s+([\s\S]+)$/i.exec(sql)?.[1];
  return at?.replace(/;\s*$/, '').trim() ?? null;
}

type Plain = string | number | boolean | null | readonly Plain[];

const NUMBER = /^(int[248]|numeric|float[48])$/;

/** Without casts, brackets and places; a boolean column is what SQLite compares with 0 and 1. */
function plain(node: Node): Plain {
  const cast = as(node, 'TypeCast');
  if (cast?.arg) {
    const value = plain(cast.arg);
    const number =
      Array.isArray(value) && value[0] === 'text' && NUMBER.test(words(cast.typeName?.names).at(-1) ?? '');
    return number ? Number(value[1]) : value;
  }
  const collated = as(node, 'CollateClause');
  if (collated?.arg) return plain(collated.arg);
  const column = as(node, 'ColumnRef');
  if (column) {
    const name = as(column.fields?.at(-1), 'String')?.sval?.toLowerCase() ?? '*';
    return name === 'true' || name === 'false' ? name === 'true' : ['column', name];
  }
  const constant = as(node, 'A_Const');
  if (constant) return constantOf(constant);
  const test = as(node, 'BooleanTest');
  if (test?.arg)
    return /IS_TRUE|IS_NOT_FALSE/.test(test.booltesttype ?? '') ? plain(test.arg) : not(plain(test.arg));
  const bool = as(node, 'BoolExpr');
  if (bool) {
    const parts = (bool.args ?? []).map(plain);
    if (bool.boolop === 'NOT_EXPR') return not(parts[0]!);
    const op = bool.boolop === 'AND_EXPR' ? 'and' : 'or';
    return [
      op,
      ...sorted(parts.flatMap((each) => (Array.isArray(each) && each[0] === op ? each.slice(1) : [each]))),
    ];
  }
  const expression = as(node, 'A_Expr');
  if (expression) return operation(expression);
  const call = as(node, 'FuncCall');
  if (call)
    return [
      'call',
      as(call.funcname?.at(-1), 'String')?.sval?.toLowerCase() ?? '',
      ...(call.args ?? []).map(plain),
    ];
  return anything(node);
}

const sorted = (parts: readonly Plain[]): Plain[] =>
  [...parts].sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));

function constantOf(constant: NonNullable<ReturnType<typeof as<'A_Const'>>>): Plain {
  if (constant.isnull) return null;
  if (constant.boolval) return constant.boolval.boolval ?? false;
  if (constant.ival) return constant.ival.ival ?? 0;
  if (constant.fval) return Number(constant.fval.fval);
  return ['text', constant.sval?.sval ?? ''];
}

const not = (of: Plain): Plain => (Array.isArray(of) && of[0] === 'not' ? of[1]! : ['not', of]);
const isColumn = (of: Plain): boolean => Array.isArray(of) && of[0] === 'column';

function bare(node: Node | undefined): Node | undefined {
  const inner = as(node, 'TypeCast')?.arg;
  return inner === undefined ? node : bare(inner);
}

function operation(expression: NonNullable<ReturnType<typeof as<'A_Expr'>>>): Plain {
  const { kind, lexpr, rexpr, name } = expression;
  const op = as(name?.at(-1), 'String')?.sval ?? '';
  const left = lexpr === undefined ? null : plain(lexpr);
  const many = as(rexpr, 'List')?.items ?? as(bare(rexpr), 'A_ArrayExpr')?.elements;
  if (kind === 'AEXPR_IN' || kind === 'AEXPR_OP_ANY' || kind === 'AEXPR_OP_ALL') {
    const values = ['in', left, ...sorted((many ?? (rexpr ? [rexpr] : [])).map(plain))];
    return op === '<>' ? not(values) : values;
  }
  if (/^AEXPR_(NOT_)?BETWEEN/.test(kind ?? '') && many?.length === 2) {
    const within = [
      'and',
      ...sorted([
        ['>=', left, plain(many[0]!)],
        ['<=', left, plain(many[1]!)],
      ]),
    ];
    return kind!.includes('NOT') ? not(within) : within;
  }
  const right = rexpr === undefined ? null : plain(rexpr);
  const unequal = op === '<>' || op === '!=';
  if (
    (op === '=' || op === '==' || unequal) &&
    isColumn(left) &&
    (right === 1 || right === 0 || typeof right === 'boolean')
  )
    return Boolean(right) === !unequal ? left : not(left);
  if (op === '==' || op === '=') return ['=', left, right];
  if (unequal) return ['<>', left, right];
  return [op, left, right];
}

/** Of what has no rule here: the same tree, without places. */
function anything(value: unknown): Plain {
  if (Array.isArray(value)) return value.map(anything);
  if (typeof value !== 'object' || value === null) return value as Plain;
  return Object.entries(value)
    .filter(([name]) => !/location$/.test(name))
    .map(([name, each]): Plain => [name, isNode(each) ? plain(each) : anything(each)]);
}

const isNode = (value: unknown): value is Node =>
  typeof value === 'object' &&
  value !== null &&
  !Array.isArray(value) &&
  /^[A-Z]/.test(Object.keys(value)[0] ?? '');

/** CHECK constraints in CREATE TABLE. */
export function checksIn(
  createTable: string,
): { readonly name: string | null; readonly expression: string }[] {
  const found: { name: string | null; expression: string }[] = [];
  const sql = inOurQuotes(createTable);
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
