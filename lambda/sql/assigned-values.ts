/**
 * Reads what a logged statement supplies for its columns: the rows of VALUES, a SELECT list, the SET list of an UPDATE.
 */
import { findClosingBracket, findWord, isSymbol, isWord, type NestedToken, splitAtCommas } from './clauses';
import { readIdentifier } from './tokens';

/**
 * Describes what a statement supplies for a column. A `literal` is a value that the log does not show and that is not NULL. An
 * `expression` (a parameter, a call, another column) may have been NULL. If rows differ, it is `mixed` if some leave
 * the column to its default, or else `some-null` if some supply NULL, or else `expression`.
 */
export type AssignedValue = 'default' | 'null' | 'literal' | 'expression' | 'mixed' | 'some-null';

/** Returns what VALUES, DEFAULT VALUES or a SELECT list supplies, or null if that is not visible. */
export function readInsertedValues(
  all: readonly NestedToken[],
  from: number,
  to: number,
  depth: number,
): readonly AssignedValue[] | null {
  let at = from;
  if (isWord(all[at], 'overriding')) at += 3;
  if (isWord(all[at], 'default') && isWord(all[at + 1], 'values')) return [];
  if (isWord(all[at], 'values')) return readValuesRows(all, at + 1, to, depth);
  if (!isWord(all[at], 'select')) return null;
  const end = findWord(
    all,
    { from: at, to, depth },
    'from',
    'where',
    'group',
    'order',
    'limit',
    'union',
    'returning',
  );
  // DISTINCT and ALL precede the list, and the other arms of a UNION may supply something else.
  if (isWord(all[at + 1], 'distinct', 'all')) return null;
  if (findWord(all, { from: at, to, depth }, 'union', 'intersect', 'except') < to) return null;
  const items = splitAtCommas(all.slice(at + 1, end), depth);
  return items.some((item) => isSymbol(item.at(-1), '*')) ? null : items.map(classifyExpression);
}

function readValuesRows(
  all: readonly NestedToken[],
  from: number,
  to: number,
  depth: number,
): readonly AssignedValue[] | null {
  let gives: AssignedValue[] | null = null;
  for (let at = from; at < to && isSymbol(all[at], '('); ) {
    const close = findClosingBracket(all, at);
    const row = splitAtCommas(all.slice(at + 1, close), depth + 1).map(classifyExpression);
    gives = gives === null ? row : gives.map((each, i) => combineValues(each, row[i]));
    at = isSymbol(all[close + 1], ',') ? close + 2 : close + 1;
  }
  return gives;
}

function combineValues(one: AssignedValue, other: AssignedValue | undefined): AssignedValue {
  if (one === other) return one;
  const both = [one, other];
  if (other === undefined || both.includes('default') || both.includes('mixed')) return 'mixed';
  return both.includes('null') || both.includes('some-null') ? 'some-null' : 'expression';
}

function classifyExpression(expression: readonly NestedToken[]): AssignedValue {
  const [first, second] = expression;
  const alone = second === undefined || isSymbol(second, ':');
  if (isWord(first, 'default') && second === undefined) return 'default';
  if (isWord(first, 'null') && alone) return 'null';
  return alone && (first?.type === 'literal' || isSymbol(first, '?')) ? 'literal' : 'expression';
}

/** Parses a SET list: `a = 1, (b, c) = (…)`. */
export function readAssignments(
  all: readonly NestedToken[],
  from: number,
  to: number,
  depth: number,
): ReadonlyMap<string, AssignedValue> {
  const end = findWord(all, { from, to, depth }, 'from', 'where', 'returning', 'when');
  const sets = new Map<string, AssignedValue>();
  for (const part of splitAtCommas(all.slice(from, end), depth)) {
    const equals = part.findIndex((token) => token.depth === depth && isSymbol(token, '='));
    if (equals < 0) continue;
    const value = classifyExpression(part.slice(equals + 1));
    if (isSymbol(part[0], '(')) {
      for (const element of splitAtCommas(part.slice(1, equals - 1), depth + 1))
        setColumn(sets, readIdentifier(element[0]!), 'expression');
    } else setColumn(sets, part[0] ? readIdentifier(part[0]) : null, value);
  }
  return sets;
}

const setColumn = (sets: Map<string, AssignedValue>, column: string | null, value: AssignedValue): void => {
  if (column !== null) sets.set(column, value);
};
