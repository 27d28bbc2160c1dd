/** Calls of Trueup's own verification functions in a query: what it proves, as data. */
import type { Node } from 'libpg-query';
import type { Check, CheckArgument } from '../../../lambda/contract/effects';
import { as } from '../read/tree';
import { inspect } from '../rules/inspect';

export const checksOf = (query: Node): Check[] =>
  inspect(query)
    .calls.filter(({ name }) => name.length === 2 && name[0] === 'trueup')
    .sort((a, b) => a.at - b.at)
    .map(({ name, args }) => {
      const given = args as readonly Node[];
      const named = given.flatMap((node) => as(node, 'NamedArgExpr') ?? []);
      const check = {
        function: name[1]!,
        arguments: given.filter((node) => !as(node, 'NamedArgExpr')).map(argument),
      };
      if (named.length === 0) return check;
      return { ...check, named: Object.fromEntries(named.map(({ name, arg }) => [name, argument(arg)])) };
    });

function argument(node: Node | undefined): CheckArgument {
  const elements = as(withoutCast(node), 'A_ArrayExpr')?.elements;
  if (!elements) return literal(node);
  const literals = elements.map(literal);
  return literals.every((each) => each !== null) ? literals : null;
}

function literal(node: Node | undefined): string | null {
  const constant = as(withoutCast(node), 'A_Const');
  if (!constant || constant.isnull) return null;
  const { sval, ival, fval, boolval } = constant;
  if (sval) return sval.sval ?? '';
  if (boolval) return String(boolval.boolval ?? false);
  if (ival) return String(ival.ival ?? 0);
  return fval?.fval ?? null;
}

const withoutCast = (node: Node | undefined): Node | undefined => {
  const cast = as(node, 'TypeCast');
  return cast ? withoutCast(cast.arg) : node;
};
