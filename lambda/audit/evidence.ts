/** The data from which the checks decide. The checks run no further queries, and the data contain no values of rows. */
import type { StatementVerdict } from '../contract/workload';
import type { Catalog } from './catalog';
import type { Routine } from './catalog/functions';
import type { Reference } from './catalog/kind';
import type { Difference } from './compare/difference';
import type { SequenceValue } from './positions';
import type { RowCount } from './rows';

export interface Evidence {
  readonly target: DatabaseSide;
  /**
   * Source to compare with.
   * @default - null, no comparison
   */
  readonly source: DatabaseSide | null;
  /** Differences between source and target. Empty without a source. */
  readonly differences: readonly Difference[];
  /** Statements of the application that the target rejects. Empty if none were planned. */
  readonly failing: readonly FailingStatement[];
  readonly data: DataAnswers;
}

export interface DatabaseSide {
  readonly catalog: Catalog;
  readonly positions: readonly SequenceValue[];
  readonly rows: readonly RowCount[];
}

/** An object that the body of a function names. */
export interface ReferencedName {
  readonly what: 'function' | 'relation';
  /** Schema of the object, or null if the body relies on the search path. */
  readonly schema: string | null;
  readonly name: string;
}

/** A function that fails when it reaches an object that does not exist. */
export interface BrokenBody {
  readonly routine: Pick<Routine, 'schema' | 'name' | 'signature'>;
  readonly missing: readonly ReferencedName[];
  /** Objects that call the function: `policy own on shop.orders`. */
  readonly callers: readonly string[];
}

export interface FailingStatement {
  /** Normalized text of the statement. */
  readonly text: string;
  /** Number of calls, or null if it is unknown. */
  readonly calls: number | null;
  readonly verdict: Extract<StatementVerdict, { outcome: 'fails' | 'would-fail' }>;
  /** Difference to the source that explains the failure, or null. */
  readonly because: Difference | null;
}

/** Answers of the target beyond its catalog. They are only yes, no and counts. */
export interface DataAnswers {
  /** Sequences of which an upcoming value already exists in the column. */
  readonly behind: readonly SequenceBehind[];
  /** Tables that have rows in the source and none in the target. */
  readonly empty: readonly Reference[];
  /** Keys whose values are not unique, with the number of groups of rows that share a value. */
  readonly duplicates: readonly DuplicateRows[];
  readonly orphans: readonly OrphanedRows[];
  /** Rows that violate a CHECK or NOT NULL constraint that is NOT VALID, where they were counted. */
  readonly contradictions: readonly ContradictingRows[];
  /** Functions that name objects that do not exist. */
  readonly bodies: readonly BrokenBody[];
}

export interface SequenceBehind {
  readonly sequence: Reference;
  readonly table: Reference;
  readonly column: string;
}

export interface DuplicateRows {
  readonly table: Reference;
  /** Unique index that should prevent the duplicates, or that is missing. */
  readonly index: string;
  /** Whether the index exists but did not prevent the duplicates. */
  readonly damaged: boolean;
  readonly groups: number;
}

/** Rows that refer to rows that do not exist. */
export interface OrphanedRows {
  readonly table: Reference;
  readonly constraint: string;
  readonly columns: readonly string[];
  readonly rows: number;
}

/** Rows that violate a constraint. */
export interface ContradictingRows {
  readonly table: Reference;
  /**
   * Name of the constraint.
   * @default - NOT NULL of `column`
   */
  readonly constraint?: string;
  readonly column?: string;
  readonly rows: number;
}

export const NO_ANSWERS: DataAnswers = {
  behind: [],
  empty: [],
  duplicates: [],
  orphans: [],
  contradictions: [],
  bodies: [],
};
