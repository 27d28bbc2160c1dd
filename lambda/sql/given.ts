/** What a statement in a log gives its columns: the rows of VALUES, a SELECT list, the settings of an UPDATE. */
import { closing, findWord, isSymbol, isWord, type Placed, split } from './clauses';
import { identifierOf } from './tokens';

/**
 * What a statement gives a column. `literal` is a value that the log does not show and that is not NULL; an `expression`
 * (a parameter, a call, another column) may have been NULL; `mixed` where its rows differ.
 */
export type Given = 'default' | 'null' | 'literal' | 'expression' | 'mixed';

/** What VALUES, DEFAULT VALUES or a SELECT list gives. */
export function givenBy(
  all: readonly Placed[],
  from: number,
  to: number,
  depth: number,
): readonly Given[] | null {
  let at = from;
  if (isWord(all[at], 'overriding')) at += 3;
  if (isWord(all[at], 'default') && isWord(all[at + 1], 'values')) return [];
  if (isWord(all[at], 'values')) return rowsGive(all, at + 1, to, depth);
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
  // DISTINCT and ALL come before the list, and a union's other arms may give something else.
  if (isWord(all[at + 1], 'distinct', 'all')) return null;
  if (findWord(all, { from: at, to, depth }, 'union', 'intersect', 'except') < to) return null;
  const items = split(all.slice(at + 1, end), depth);
  return items.some((item) => isSymbol(item.at(-1), '*')) ? null : items.map(given);
}

function rowsGive(all: readonly Placed[], from: number, to: number, depth: number): readonly Given[] | null {
  let gives: Given[] | null = null;
  for (let at = from; at < to && isSymbol(all[at], '('); ) {
    const close = closing(all, at);
    const row = split(all.slice(at + 1, close), depth + 1).map(given);
    gives = gives === null ? row : gives.map((each, i) => (each === row[i] ? each : 'mixed'));
    at = isSymbol(all[close + 1], ',') ? close + 2 : close + 1;
  }
  return gives;
}

function given(expression: readonly Placed[]): Given {
  const [first, second] = expression;
  const alone = second === undefined || isSymbol(second, ':');
  if (isWord(first, 'default') && second === undefined) return 'default';
  if (isWord(first, 'null') && alone) return 'null';
  return alone && (first?.type === 'literal' || isSymbol(first, '?')) ? 'literal' : 'expression';
}

/** `a = 1, (b, c) = (…)` */
export function settings(
  all: readonly Placed[],
  from: number,
  to: number,
  depth: number,
): ReadonlyMap<string, Given> {
  const end = findWord(all, { from, to, depth }, 'from', 'where', 'returning', 'when');
  const sets = new Map<string, Given>();
  for (const part of split(all.slice(from, end), depth)) {
    const equals = part.findIndex((token) => token.depth === depth && isSymbol(token, '='));
    if (equals < 0) continue;
    const value = given(part.slice(equals + 1));
    if (isSymbol(part[0], '(')) {
      for (const element of split(part.slice(1, equals - 1), depth + 1))
        put(sets, identifierOf(element[0]!), 'expression');
    } else put(sets, part[0] ? identifierOf(part[0]) : null, value);
  }
  return sets;
}

const put = (sets: Map<string, Given>, column: string | null, value: Given): void => {
  if (column !== null) sets.set(column, value);
};
