/** Why ON CONFLICT finds no index: decided from the clause and the table's unique indexes. */

import type { ConflictElement } from '../sql/conflict-clause';
import { clausesOf, type Implication, implies } from '../sql/predicates';

export interface UniqueIndex {
  /** `schema.table`, the index's name, and `schema.index`, quoted by the server. */
  readonly table: string;
  readonly name: string;
  readonly sql: string;
  readonly keys: readonly IndexKeySeen[];
  readonly predicate: string | null;
  readonly valid: boolean;
  readonly unique: boolean;
  /** Of an EXCLUDE constraint, or of a key WITHOUT OVERLAPS. */
  readonly exclusion: boolean;
  /** False for a DEFERRABLE constraint. */
  readonly immediate: boolean;
  readonly primary: boolean;
  /** On a partitioned table. */
  readonly partitioned: boolean;
  /** Of its constraint, as the catalogue has it; null where there is none. */
  readonly constraint: string | null;
  /** Can become a constraint: B-tree over columns, all rows, default order and collation. */
  readonly plain: boolean;
}

export interface IndexKeySeen {
  /** As the catalogue has it; null for an expression. */
  readonly column: string | null;
  readonly text: string;
  readonly collation: string | null;
  /** Names of the operator classes that are one to ON CONFLICT; null where there are none. */
  readonly classes: readonly string[] | null;
}

/** The clause, with the columns of the table. */
export interface WantedTarget {
  readonly elements: readonly ConflictElement[];
  readonly predicate: string | null;
}

/**
 * - `no-index`: the table has no unique index
 * - `other-columns`: it has some, over other columns
 * - `narrower-key`: some of the columns are unique already, so that the clause has to name only those
 * - `other-spelling`: an index over the same columns has another expression of them
 * - `other-collation`: one has another collation or operator class than the clause asks for
 * - `exclusion`: one belongs to an exclusion constraint, which a list of columns never finds
 * - `invalid-index`: the one that would serve is INVALID
 * - `predicate-missing`, `predicate-differs`: the one that would serve is partial
 * - `bind-parameter`: its predicate stands in the statement with a parameter
 * - `unseen-values`: it stands in the statement, but for literals that the log does not show
 * - `not-reproduced`: there is an index that serves, as the catalogue has it now
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
  /** The index that it is about; null in the first two cases. */
  readonly index: UniqueIndex | null;
}

export function explainConflict(target: WantedTarget, indexes: readonly UniqueIndex[]): ConflictFinding {
  const usable = indexes.filter(({ unique, exclusion }) => unique && !exclusion);
  const judged = usable.flatMap((index) => {
    const fit = fits(index, target);
    return fit === 'no' ? [] : [{ case: judge(index, target, fit), index }];
  });
  if (judged.length > 0)
    return judged.reduce((best, next) => (RANK[next.case] < RANK[best.case] ? next : best));
  const near = (which: ConflictCase, index: UniqueIndex | undefined): ConflictFinding | null =>
    index === undefined ? null : { case: which, index };
  const whole = usable.filter(({ predicate, valid, immediate }) => predicate === null && valid && immediate);
  return (
    near(
      'other-collation',
      usable.find((index) => sameColumns(index, target)),
    ) ??
    near(
      'narrower-key',
      whole.find((index) => isWithin(index, target)),
    ) ??
    near(
      'exclusion',
      indexes.find((index) => index.exclusion && sameColumns(index, target)),
    ) ??
    near(
      'other-spelling',
      usable.find((index) => sameNames(index, target)),
    ) ?? {
      case: usable.length === 0 ? 'no-index' : 'other-columns',
      index: null,
    }
  );
}

/** Of several indexes the one that comes nearest explains the error. */
const RANK: Readonly<Record<ConflictCase, number>> = {
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

type Fit = 'yes' | 'unseen' | 'no';

function judge(index: UniqueIndex, target: WantedTarget, fit: Fit): ConflictCase {
  const implication: Implication =
    index.predicate === null ? 'implied' : implies(target.predicate, index.predicate);
  if (implication === 'not-implied')
    return target.predicate === null ? 'predicate-missing' : 'predicate-differs';
  if (!index.valid) return 'invalid-index';
  if (implication === 'parameter') return 'bind-parameter';
  return implication === 'unseen-values' || fit === 'unseen' ? 'unseen-values' : 'not-reproduced';
}

/** The same keys in any order, as PostgreSQL's inference wants it; included columns do not count. */
function fits(index: UniqueIndex, { elements }: WantedTarget): Fit {
  const found = elements.map((element) => bestOf(index.keys.map((key) => matches(element, key))));
  const used = index.keys.map((key) => bestOf(elements.map((element) => matches(element, key))));
  const all = [...found, ...used];
  if (all.length === 0 || all.includes('no')) return 'no';
  return all.includes('unseen') ? 'unseen' : 'yes';
}

const bestOf = (each: readonly Fit[]): Fit =>
  each.includes('yes') ? 'yes' : each.includes('unseen') ? 'unseen' : 'no';

/** What the clause does not say (collation, operator class) may be anything. */
function matches(element: ConflictElement, key: IndexKeySeen): Fit {
  if (element.collation !== null && element.collation !== key.collation) return 'no';
  if (element.operatorClass !== null && !key.classes?.includes(element.operatorClass)) return 'no';
  if (element.column !== null || key.column !== null) return element.column === key.column ? 'yes' : 'no';
  if (spelled(element.text) !== spelled(key.text)) return 'no';
  // A number or string in it: the log does not show whether it is the index's.
  return spelled(element.text).includes('?') ? 'unseen' : 'yes';
}

/** An expression in one spelling, literals as `?`. */
const spelled = (expression: string): string => clausesOf(expression).join(' and ');

const sameColumns = (index: UniqueIndex, { elements }: WantedTarget): boolean => {
  const [wanted, has] = [elements, index.keys].map((list) =>
    [...new Set(list.map(({ column, text }) => column ?? `(${spelled(text)})`))].sort().join('\n'),
  );
  return wanted === has;
};

/** Every key of the index is an element, and there are more: what is unique by fewer columns is so by more. */
const isWithin = (index: UniqueIndex, { elements }: WantedTarget): boolean =>
  index.keys.length < elements.length &&
  index.keys.every((key) => elements.some((element) => matches(element, key) === 'yes'));

/** The same columns, plain in one and inside an expression in the other. */
const sameNames = (index: UniqueIndex, { elements }: WantedTarget): boolean => {
  const names = (
    list: readonly { readonly column: string | null; readonly text: string }[],
  ): readonly string[] => [...new Set(list.flatMap(({ column, text }) => column ?? identifiers(text)))];
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

const identifiers = (text: string): readonly string[] =>
  [...text.matchAll(/"((?:[^"]|"")+)"|[A-Za-z_\u0080-\uffff][\w$\u0080-\uffff]*/g)].map(
    ([word, quoted]) => quoted?.replaceAll('""', '"') ?? word.toLowerCase(),
  );

/** An index in words. */
export function describeIndex(index: UniqueIndex): string {
  const predicate = index.predicate === null ? '' : ` WHERE ${index.predicate}`;
  const state = `${index.exclusion ? ', an exclusion constraint' : ''}${index.valid ? '' : ', INVALID'}`;
  return `${index.name} (${index.keys.map((key) => key.text).join(', ')})${predicate}${state}`;
}

/** The clause that finds this index. */
export const clauseFor = (index: UniqueIndex): string =>
  `ON CONFLICT (${index.keys.map((key) => key.text).join(', ')})${index.predicate === null ? '' : ` WHERE ${index.predicate}`}`;
