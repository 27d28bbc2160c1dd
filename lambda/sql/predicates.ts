/**
 * Whether a predicate of a statement implies the predicate of a partial index, as far as their text tells. PostgreSQL
 * proves it clause by clause (predicate_implied_by); here a clause of the index has to stand in the statement.
 */

import { textOf } from './clauses';
import { type Token, tokens } from './tokens';

export type Implication =
  /** Every clause of the index stands in the statement, in constants. */
  | 'implied'
  /** It would, if a bind parameter had the value of the index's constant. */
  | 'parameter'
  /** It would, if literals that the log does not show are the same. */
  | 'unseen-values'
  | 'not-implied';

export function implies(statement: string | null, index: string): Implication {
  const given = statement === null ? [] : clausesOf(statement);
  const found = clausesOf(index).map((clause) => lookFor(clause, given));
  return WORST_FIRST.find((implication) => found.includes(implication)) ?? 'implied';
}

const WORST_FIRST: readonly Implication[] = ['not-implied', 'parameter', 'unseen-values', 'implied'];

function lookFor(clause: string, given: readonly string[]): Implication {
  if (given.includes(clause)) return clause.includes('?') ? 'unseen-values' : 'implied';
  // `is_active = $3` stands for `is_active` when the parameter is true.
  const truth = clause.startsWith('not ') ? `${clause.slice(4)} = ?` : `${clause} = ?`;
  const likely = given.filter((each) => [clause, truth].includes(each.replace(/\$\d+/g, '?')));
  if (likely.length === 0) return 'not-implied';
  return likely.some((each) => each.includes('$')) ? 'parameter' : 'unseen-values';
}

/**
 * The conjuncts of a predicate in one spelling: without casts, superfluous brackets and qualifiers; `x = true` as `x`,
 * `x = false` as `not x`; literals as `?`.
 */
export function clausesOf(predicate: string): readonly string[] {
  return conjuncts(withoutCasts([...tokens(predicate)])).map(spell);
}

function conjuncts(list: readonly Token[]): readonly (readonly Token[])[] {
  const inner = unwrap(list);
  const parts: Token[][] = [[]];
  let depth = 0;
  let between = false;
  for (const token of inner) {
    if (token.text === '(') depth++;
    if (token.text === ')') depth--;
    const word = token.type === 'word' ? token.text.toLowerCase() : '';
    if (depth === 0 && word === 'or') return [inner];
    if (word === 'between') between = true;
    if (depth === 0 && word === 'and' && !between) parts.push([]);
    else {
      if (word === 'and') between = false;
      parts.at(-1)!.push(token);
    }
  }
  return parts.length === 1 ? [inner] : parts.flatMap(conjuncts);
}

/** Without brackets around the whole. */
function unwrap(list: readonly Token[]): readonly Token[] {
  if (list[0]?.text !== '(' || list.at(-1)?.text !== ')') return list;
  let depth = 0;
  for (let at = 0; at < list.length; at++) {
    if (list[at]!.text === '(') depth++;
    if (list[at]!.text === ')') depth--;
    if (depth === 0 && at < list.length - 1) return list;
  }
  return unwrap(list.slice(1, -1));
}

/** `(status)::text = 'a'::character varying` → `(status) = ?`: the server writes casts that nobody wrote. */
function withoutCasts(list: readonly Token[]): readonly Token[] {
  const kept: Token[] = [];
  for (let at = 0; at < list.length; at++) {
    if (list[at]!.text !== ':' || list[at + 1]?.text !== ':') {
      kept.push(list[at]!);
      continue;
    }
    at += 2;
    // The words of the type's name, its length, its array brackets.
    while (
      list[at + 1]?.type === 'word' &&
      /^(varying|precision|with|without|time|zone)$/i.test(list[at + 1]!.text)
    )
      at++;
    if (list[at + 1]?.text === '(') while (list[at] && list[at]!.text !== ')') at++;
    if (list[at + 1]?.text === '[') while (list[at] && list[at]!.text !== ']') at++;
  }
  return kept;
}

function spell(list: readonly Token[]): string {
  const inner = unwrap(list);
  // A bracket around one name, and the qualifier in front of one, say nothing.
  const idle = (open: number): boolean =>
    inner[open]?.text === '(' &&
    isName(inner[open + 1]) &&
    inner[open + 2]?.text === ')' &&
    !isName(inner[open - 1]);
  const bare = inner.filter(
    (token, at) =>
      !idle(at) && !idle(at - 2) && token.text !== '.' && !(isName(token) && inner[at + 1]?.text === '.'),
  );
  const text = textOf(bare.map((token) => ({ ...token, spaced: true, text: fold(token) })))
    .replace(/! =/g, '<>')
    .replace(/< >/g, '<>')
    .replace(/([<>]) =/g, '$1=')
    .replace(/= any \((?: \()? array \[ (.*?) \](?: \))? \)/, 'in ( $1 )');
  return text
    .replace(/^(\S+) = true$/, '$1')
    .replace(/^true = (\S+)$/, '$1')
    .replace(/^(\S+) = false$/, 'not $1');
}

const isName = (token: Token | undefined): boolean =>
  token?.type === 'quoted' ||
  (token?.type === 'word' && !/^(and|or|not|in|is|between|like|any|all)$/i.test(token.text));

const fold = (token: Token): string =>
  token.type === 'quoted' && /^"[a-z_][a-z0-9_$]*"$/.test(token.text)
    ? token.text.slice(1, -1)
    : token.type === 'word'
      ? token.text.toLowerCase()
      : token.text;
