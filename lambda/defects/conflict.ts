/** Explains why ON CONFLICT matches no index, from the clause and the table's unique indexes. */

import type { ConflictElement } from '../sql/conflict-clause';
import { classifyImplication, normalizeConjuncts, type PredicateImplication } from '../sql/predicates';

export interface UniqueIndex {
  /** `schema.table`. The index's `name` and its `sql` (`schema.index`) are also quoted by the server. */
  readonly table: string;
  readonly name: string;
  readonly sql: string;
  readonly keys: readonly UniqueIndexKey[];
  readonly predicate: string | null;
  readonly valid: boolean;
  readonly unique: boolean;
  /** The index belongs to an EXCLUDE constraint or to a key WITHOUT OVERLAPS. */
  readonly exclusion: boolean;
  /** False if the constraint of the index is DEFERRABLE. */
  readonly immediate: boolean;
  readonly primary: boolean;
  /** The index is on a partitioned table. */
  readonly partitioned: boolean;
  /** Name of its constraint, unquoted as in the catalog, or null. */
  readonly constraint: string | null;
  /** The index can become a constraint: a B-tree over columns and all rows, in default order and collation. */
  readonly plain: boolean;
}

export interface UniqueIndexKey {
  /** Name of the column, unquoted as in the catalog, or null for an expression. */
  readonly column: string | null;
  readonly text: string;
  readonly collation: string | null;
  /** Names of the operator classes that ON CONFLICT treats as equal to the key's, or null if there are none. */
  readonly classes: readonly string[] | null;
}

/** The ON CONFLICT clause, with the names of the table's own columns. */
export interface WantedConflictTarget {
  readonly elements: readonly ConflictElement[];
  readonly predicate: string | null;
}

/**
 * Reason why ON CONFLICT matches no index.
 * - `no-index`: the table has no unique index
 * - `other-columns`: its unique indexes are over other columns
 * - `narrower-key`: a unique index covers some of the columns, so the clause must name only these
 * - `other-spelling`: an index over the same columns has another expression
 * - `other-collation`: an index has another collation or operator class than the clause names
 * - `exclusion`: the index belongs to an exclusion constraint, which a list of columns never matches
 * - `invalid-index`: the matching index is INVALID
 * - `predicate-missing`, `predicate-differs`: the matching index is partial
 * - `bind-parameter`: the statement has the index's predicate, but with a parameter
 * - `unseen-values`: the statement may have it, but the log does not show its literals
 * - `not-reproduced`: an index matches in the current catalog
 */
export type ConflictCase =
  | 'no-index'
  | 'other-columns'
  | 'narrower-key'
  | 'other-spelling'
  | 'other-collation'
  | 'exclusion'
  | 'invalid-index'
  | 'predicate-missing'
  | 'predicate-differs'
  | 'bind-parameter'
  | 'unseen-values'
  | 'not-reproduced';

export interface ConflictFinding {
  readonly case: ConflictCase;
  /** Index that the case is about, or null if no single index is. */
  readonly index: UniqueIndex | null;
}

export function explainConflict(
  target: WantedConflictTarget,
  indexes: readonly UniqueIndex[],
): ConflictFinding {
  const usable = indexes.filter(({ unique, exclusion }) => unique && !exclusion);
  const judged = usable.flatMap((index) => {
    const fit = matchKeys(index, target);
    return fit === 'no' ? [] : [{ case: classifyIndex(index, target, fit), index }];
  });
  if (judged.length > 0)
    return judged.reduce((best, next) => (CASE_RANK[next.case] < CASE_RANK[best.case] ? next : best));
  const near = (which: ConflictCase, index: UniqueIndex | undefined): ConflictFinding | null =>
    index === undefined ? null : { case: which, index };
  const whole = usable.filter(({ predicate, valid, immediate }) => predicate === null && valid && immediate);
  return (
    near(
      'other-collation',
      usable.find((index) => hasSameColumns(index, target)),
    ) ??
    near(
      'narrower-key',
      whole.find((index) => isSubsetOfElements(index, target)),
    ) ??
    near(
      'exclusion',
      indexes.find((index) => index.exclusion && hasSameColumns(index, target)),
    ) ??
    near(
      'other-spelling',
      usable.find((index) => hasSameNames(index, target)),
    ) ?? {
      case: usable.length === 0 ? 'no-index' : 'other-columns',
      index: null,
    }
  );
}

/** Ranks the cases: of several indexes, the one with the lowest rank explains the error best. */
const CASE_RANK: Readonly<Record<ConflictCase, number>> = {
  'not-reproduced': 0,
  'bind-parameter': 1,
  'invalid-index': 2,
  'unseen-values': 3,
  'predicate-differs': 4,
  'predicate-missing': 5,
  'other-collation': 6,
  'narrower-key': 7,
  exclusion: 8,
  'other-spelling': 9,
  'other-columns': 10,
  'no-index': 11,
};

type KeyMatch = 'yes' | 'unseen' | 'no';

function classifyIndex(index: UniqueIndex, target: WantedConflictTarget, fit: KeyMatch): ConflictCase {
  const implication: PredicateImplication =
    index.predicate === null ? 'implied' : classifyImplication(target.predicate, index.predicate);
  if (implication === 'not-implied')
    return target.predicate === null ? 'predicate-missing' : 'predicate-differs';
  if (!index.valid) return 'invalid-index';
  if (implication === 'parameter') return 'bind-parameter';
  return implication === 'unseen-values' || fit === 'unseen' ? 'unseen-values' : 'not-reproduced';
}

/** Whether the keys are the same in any order, as PostgreSQL's inference requires. Included columns do not count. */
function matchKeys(index: UniqueIndex, { elements }: WantedConflictTarget): KeyMatch {
  const found = elements.map((element) => pickBestMatch(index.keys.map((key) => matchKey(element, key))));
  const used = index.keys.map((key) => pickBestMatch(elements.map((element) => matchKey(element, key))));
  const all = [...found, ...used];
  if (all.length === 0 || all.includes('no')) return 'no';
  return all.includes('unseen') ? 'unseen' : 'yes';
}

const pickBestMatch = (each: readonly KeyMatch[]): KeyMatch =>
  each.includes('yes') ? 'yes' : each.includes('unseen') ? 'unseen' : 'no';

/** A clause without a collation or operator class matches every one. */
function matchKey(element: ConflictElement, key: UniqueIndexKey): KeyMatch {
  if (element.collation !== null && element.collation !== key.collation) return 'no';
  if (element.operatorClass !== null && !key.classes?.includes(element.operatorClass)) return 'no';
  if (element.column !== null || key.column !== null) return element.column === key.column ? 'yes' : 'no';
  if (normalizeExpression(element.text) !== normalizeExpression(key.text)) return 'no';
  // The expression contains a number or string, which the log does not show.
  return normalizeExpression(element.text).includes('?') ? 'unseen' : 'yes';
}

/** Returns an expression in normalized form, with literals as `?`. */
const normalizeExpression = (expression: string): string => normalizeConjuncts(expression).join(' and ');

const hasSameColumns = (index: UniqueIndex, { elements }: WantedConflictTarget): boolean => {
  const [wanted, has] = [elements, index.keys].map((list) =>
    [...new Set(list.map(({ column, text }) => column ?? `(${normalizeExpression(text)})`))]
      .sort()
      .join('\n'),
  );
  return wanted === has;
};

/**
 * Whether the clause lists all key columns of the index and at least one more element. What is unique by some of the
 * columns is also unique by all of them.
 */
const isSubsetOfElements = (index: UniqueIndex, { elements }: WantedConflictTarget): boolean =>
  index.keys.length < elements.length &&
  index.keys.every((key) => elements.some((element) => matchKey(element, key) === 'yes'));

/** Whether both name the same columns, but one has a plain column where the other has an expression. */
const hasSameNames = (index: UniqueIndex, { elements }: WantedConflictTarget): boolean => {
  const names = (
    list: readonly { readonly column: string | null; readonly text: string }[],
  ): readonly string[] => [...new Set(list.flatMap(({ column, text }) => column ?? listIdentifiers(text)))];
  const columns = new Set([...elements, ...index.keys].flatMap(({ column }) => column ?? []));
  const [wanted, has] = [names(elements), names(index.keys)].map((list) =>
    list
      .filter((name) => columns.has(name))
      .sort()
      .join('\n'),
  );
  return (
    wanted !== '' && wanted === has && [...elements, ...index.keys].some(({ column }) => column === null)
  );
};

const listIdentifiers = (text: string): readonly string[] =>
  [...text.matchAll(/"((?:[^"]|"")+)"|[A-Za-z_\u0080-\uffff][\w$\u0080-\uffff]*/g)].map(
    ([word, quoted]) => quoted?.replaceAll('""', '"') ?? word.toLowerCase(),
  );

/** Describes an index in words. */
export function describeIndex(index: UniqueIndex): string {
  const predicate = index.predicate === null ? '' : ` WHERE ${index.predicate}`;
  const state = `${index.exclusion ? ', an exclusion constraint' : ''}${index.valid ? '' : ', INVALID'}`;
  return `${index.name} (${index.keys.map((key) => key.text).join(', ')})${predicate}${state}`;
}

/** Returns the ON CONFLICT clause that matches the index. */
export const buildConflictClause = (index: UniqueIndex): string =>
  `ON CONFLICT (${index.keys.map((key) => key.text).join(', ')})${index.predicate === null ? '' : ` WHERE ${index.predicate}`}`;
