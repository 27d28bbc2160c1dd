/**
 * Compares the predicate of a statement with that of a partial index by their texts. PostgreSQL proves the implication
 * clause by clause (predicate_implied_by); here, the statement must contain each clause of the index.
 */

import { formatTokens } from './clauses';
import { type SqlToken, tokenizeSql } from './tokens';

export type PredicateImplication =
  /** The statement contains every clause of the index, with constants. */
  | 'implied'
  /** A bind parameter is in place of the index's constant. */
  | 'parameter'
  /** The log does not show literals that may be the index's. */
  | 'unseen-values'
  | 'not-implied';

export function classifyImplication(statement: string | null, index: string): PredicateImplication {
  const given = statement === null ? [] : normalizeConjuncts(statement);
  const found = normalizeConjuncts(index).map((clause) => classifyClause(clause, given));
  return WORST_FIRST.find((implication) => found.includes(implication)) ?? 'implied';
}

const WORST_FIRST: readonly PredicateImplication[] = ['not-implied', 'parameter', 'unseen-values', 'implied'];

function classifyClause(clause: string, given: readonly string[]): PredicateImplication {
  if (given.includes(clause)) return clause.includes('?') ? 'unseen-values' : 'implied';
  // `is_active = $3` means `is_active` if the parameter is true.
  const truth = clause.startsWith('not ') ? `${clause.slice(4)} = ?` : `${clause} = ?`;
  const likely = given.filter((each) => [clause, truth].includes(each.replace(/\$\d+/g, '?')));
  if (likely.length === 0) return 'not-implied';
  return likely.some((each) => each.includes('$')) ? 'parameter' : 'unseen-values';
}

/**
 * Returns the conjuncts of a predicate in normalized form: without casts, redundant parentheses and qualifiers. `x =
 * true` becomes `x`, `x = false` becomes `not x`, and literals become `?`.
 */
export function normalizeConjuncts(predicate: string): readonly string[] {
  return splitConjuncts(stripCasts([...tokenizeSql(predicate)])).map(formatClause);
}

function splitConjuncts(list: readonly SqlToken[]): readonly (readonly SqlToken[])[] {
  const inner = stripBrackets(list);
  const parts: SqlToken[][] = [[]];
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
  return parts.length === 1 ? [inner] : parts.flatMap(splitConjuncts);
}

/** Removes parentheses around the whole list. */
function stripBrackets(list: readonly SqlToken[]): readonly SqlToken[] {
  if (list[0]?.text !== '(' || list.at(-1)?.text !== ')') return list;
  let depth = 0;
  for (let at = 0; at < list.length; at++) {
    if (list[at]!.text === '(') depth++;
    if (list[at]!.text === ')') depth--;
    if (depth === 0 && at < list.length - 1) return list;
  }
  return stripBrackets(list.slice(1, -1));
}

/** Removes casts, which the server adds: `(status)::text = 'a'::character varying` → `(status) = ?`. */
function stripCasts(list: readonly SqlToken[]): readonly SqlToken[] {
  const kept: SqlToken[] = [];
  for (let at = 0; at < list.length; at++) {
    if (list[at]!.text !== ':' || list[at + 1]?.text !== ':') {
      kept.push(list[at]!);
      continue;
    }
    at += 2;
    // Further words of the type's name, its length, and its array brackets.
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

function formatClause(list: readonly SqlToken[]): string {
  const inner = stripBrackets(list);
  // Parentheses around a single name, and qualifiers, are redundant.
  const idle = (open: number): boolean =>
    inner[open]?.text === '(' &&
    isNameToken(inner[open + 1]) &&
    inner[open + 2]?.text === ')' &&
    !isNameToken(inner[open - 1]);
  const bare = inner.filter(
    (token, at) =>
      !idle(at) &&
      !idle(at - 2) &&
      token.text !== '.' &&
      !(isNameToken(token) && inner[at + 1]?.text === '.'),
  );
  const text = formatTokens(bare.map((token) => ({ ...token, spaced: true, text: foldToken(token) })))
    .replace(/! =/g, '<>')
    .replace(/< >/g, '<>')
    .replace(/([<>]) =/g, '$1=')
    .replace(/= any \((?: \()? array \[ (.*?) \](?: \))? \)/, 'in ( $1 )');
  return text
    .replace(/^(\S+) = true$/, '$1')
    .replace(/^true = (\S+)$/, '$1')
    .replace(/^(\S+) = false$/, 'not $1');
}

const isNameToken = (token: SqlToken | undefined): boolean =>
  token?.type === 'quoted' ||
  (token?.type === 'word' && !/^(and|or|not|in|is|between|like|any|all)$/i.test(token.text));

const foldToken = (token: SqlToken): string =>
  token.type === 'quoted' && /^"[a-z_][a-z0-9_$]*"$/.test(token.text)
    ? token.text.slice(1, -1)
    : token.type === 'word'
      ? token.text.toLowerCase()
      : token.text;
