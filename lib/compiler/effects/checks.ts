/** Extracts the calls of Trueup's verification functions from a query, as data. */
import type { Node, SelectStmt } from 'libpg-query';
import type { VerificationArgument, VerificationCall } from '../../../lambda/contract/effects';
import type { QueryReads } from '../../../lambda/contract/manifest';
import { listNameParts, unwrapNode, unwrapNodes } from '../read/tree';
import { inspectTree } from '../rules/inspect';

export const listChecks = (query: Node): VerificationCall[] =>
  inspectTree(query)
    .calls.filter(({ name }) => name.length === 2 && name[0] === 'trueup')
    .sort((a, b) => a.at - b.at)
    .map(({ name, args }) => {
      const given = args as readonly Node[];
      const named = given.flatMap((node) => unwrapNode(node, 'NamedArgExpr') ?? []);
      const check = {
        function: name[1]!,
        arguments: given.filter((node) => !unwrapNode(node, 'NamedArgExpr')).map(readCheckArgument),
      };
      if (named.length === 0) return check;
      return {
        ...check,
        named: Object.fromEntries(named.map(({ name, arg }) => [name, readCheckArgument(arg)])),
      };
    });

/**
 * Tells whether a query consists only of calls of those functions with literals. Then the calls can be made without the
 * query and have the same result.
 */
export const isChecksOnly = (query: Node): boolean => selectsChecks(unwrapNode(query, 'SelectStmt'));

const CALL_FIELDS = new Set(['funcname', 'args', 'funcformat', 'location']);
const SELECT_FIELDS = new Set(['targetList', 'fromClause', 'limitOption', 'op', 'all', 'larg', 'rarg']);

function selectsChecks(select: SelectStmt | undefined): boolean {
  if (!select || Object.keys(select).some((field) => !SELECT_FIELDS.has(field))) return false;
  if (select.op === 'SETOP_UNION') return selectsChecks(select.larg) && selectsChecks(select.rarg);
  const [from, ...others] = select.fromClause ?? [];
  const targets = unwrapNodes(select.targetList, 'ResTarget');
  if (select.op !== 'SETOP_NONE' || targets.length !== 1 || others.length > 0) return false;
  if (from === undefined) return isCheck(targets[0]!.val);
  const list = unwrapNode(from, 'RangeFunction')?.functions ?? [];
  const [call, columns] = unwrapNode(list[0], 'List')?.items ?? [];
  return (
    list.length === 1 &&
    !unwrapNode(columns, 'List') &&
    unwrapNode(targets[0]!.val, 'ColumnRef') !== undefined &&
    isCheck(call)
  );
}

function isCheck(node: Node | undefined): boolean {
  const call = unwrapNode(node, 'FuncCall');
  const name = listNameParts(call?.funcname);
  return (
    call !== undefined &&
    name.length === 2 &&
    name[0] === 'trueup' &&
    Object.keys(call).every((field) => CALL_FIELDS.has(field)) &&
    (call.args ?? []).every((arg) => isLiteral(unwrapNode(arg, 'NamedArgExpr')?.arg ?? arg))
  );
}

function isLiteral(node: Node | undefined): boolean {
  const bare = stripCast(node);
  const elements = unwrapNode(bare, 'A_ArrayExpr')?.elements;
  return elements
    ? elements.every((each) => readLiteral(each) !== null)
    : unwrapNode(bare, 'A_Const') !== undefined;
}

/** Returns the relations and columns that a query names; `undefined` if it names no relation. */
export function findQueryReads(query: Node): QueryReads | undefined {
  const { relations, columns } = inspectTree(query);
  if (relations.length === 0) return undefined;
  return { relations, columns: [...columns].sort() };
}

function readCheckArgument(node: Node | undefined): VerificationArgument {
  const elements = unwrapNode(stripCast(node), 'A_ArrayExpr')?.elements;
  if (!elements) return readLiteral(node);
  const literals = elements.map(readLiteral);
  return literals.every((each) => each !== null) ? literals : null;
}

function readLiteral(node: Node | undefined): string | null {
  const constant = unwrapNode(stripCast(node), 'A_Const');
  if (!constant || constant.isnull) return null;
  const { sval, ival, fval, boolval } = constant;
  if (sval) return sval.sval ?? '';
  if (boolval) return String(boolval.boolval ?? false);
  if (ival) return String(ival.ival ?? 0);
  return fval?.fval ?? null;
}

const stripCast = (node: Node | undefined): Node | undefined => {
  const cast = unwrapNode(node, 'TypeCast');
  return cast ? stripCast(cast.arg) : node;
};
