/** Why ON CONFLICT finds no index: decided from the clause and the table's unique indexes. */
import { type Implication, implies } from './predicates';
import type { ConflictSeen } from './statement';

export interface UniqueIndex {
  /** `schema.table` and the index's name, quoted by the server. */
  readonly table: string;
  readonly name: string;
  /** Keys in order; `column` is null for an expression. */
  readonly keys: readonly { readonly column: string | null; readonly text: string }[];
  readonly predicate: string | null;
  readonly valid: boolean;
}

/**
 * - `no-index`: the table has no unique index
 * - `other-columns`: it has some, over other columns
 * - `invalid-index`: the one that would serve is INVALID
 * - `predicate-missing`, `predicate-differs`: the one that would serve is partial
 * - `bind-parameter`: its predicate stands in the statement with a parameter
 * - `unseen-values`: its predicate stands in the statement, but for literals that the log does not show
 * - `serves-now`: there is an index that serves; it is newer than the error, or the statement ran elsewhere
 */
export type ConflictCase =
  | 'no-index'
  | 'other-columns'
  | 'invalid-index'
  | 'predicate-missing'
  | 'predicate-differs'
  | 'bind-parameter'
  | 'unseen-values'
  | 'serves-now';

export interface ConflictFinding {
  readonly case: ConflictCase;
  /** The index that it is about; null in the first two cases. */
  readonly index: UniqueIndex | null;
}

export function explainConflict(target: ConflictSeen, indexes: readonly UniqueIndex[]): ConflictFinding {
  const fitting = indexes.filter((index) => coversTarget(index, target));
  if (fitting.length === 0) return { case: indexes.length === 0 ? 'no-index' : 'other-columns', index: null };
  const judged = fitting.map((index) => ({ case: judge(index, target), index }));
  return judged.reduce((best, next) => (RANK[next.case] < RANK[best.case] ? next : best));
}

/** Of several indexes the one that comes nearest explains the error. */
const RANK: Readonly<Record<ConflictCase, number>> = {
  'serves-now': 0,
  'bind-parameter': 1,
  'invalid-index': 2,
  'unseen-values': 3,
  'predicate-differs': 4,
  'predicate-missing': 5,
  'other-columns': 6,
  'no-index': 7,
};

function judge(index: UniqueIndex, target: ConflictSeen): ConflictCase {
  const implication: Implication =
    index.predicate === null ? 'implied' : implies(target.predicate, index.predicate);
  if (implication === 'not-implied')
    return target.predicate === null ? 'predicate-missing' : 'predicate-differs';
  if (!index.valid) return 'invalid-index';
  return implication === 'implied'
    ? 'serves-now'
    : implication === 'parameter'
      ? 'bind-parameter'
      : 'unseen-values';
}

/** The same keys in any order, as PostgreSQL's inference wants it; included columns do not count. */
function coversTarget(index: UniqueIndex, target: ConflictSeen): boolean {
  const wanted = new Set([
    ...target.columns.map((column) => `column ${column}`),
    ...target.expressions.map(plain),
  ]);
  const has = new Set(
    index.keys.map((key) => (key.column === null ? plain(key.text) : `column ${key.column}`)),
  );
  return wanted.size > 0 && wanted.size === has.size && [...wanted].every((key) => has.has(key));
}

/** An expression without brackets, blanks and case: enough to recognize `lower(email)`. */
const plain = (expression: string): string => expression.toLowerCase().replace(/[\s()]|::text/g, '');
