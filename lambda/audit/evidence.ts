/** All that kinds decide from: nothing in it is asked again, and none of it is a value of a row. */
import type { Verdict } from '../contract/workload';
import type { Catalogue } from './catalogue';
import type { Routine } from './catalogue/functions';
import type { Reference } from './catalogue/kind';
import type { Difference } from './compare/difference';
import type { Position } from './positions';
import type { RowCount } from './rows';

export interface Evidence {
  readonly target: Side;
  /** @default - there is nothing to compare with */
  readonly source: Side | null;
  /** Between the two; empty without a source. */
  readonly differences: readonly Difference[];
  /** Statements of the application that the target refuses; empty where none were asked. */
  readonly failing: readonly FailingStatement[];
  readonly data: DataAnswers;
}

export interface Side {
  readonly catalogue: Catalogue;
  readonly positions: readonly Position[];
  readonly rows: readonly RowCount[];
}

/** What the body of a function names. */
export interface Named {
  readonly what: 'function' | 'relation';
  /** Null where the body leaves it to the search path. */
  readonly schema: string | null;
  readonly name: string;
}

/** A function that ends in an error as soon as it comes to what is not there. */
export interface BrokenBody {
  readonly routine: Pick<Routine, 'schema' | 'name' | 'signature'>;
  readonly missing: readonly Named[];
  /** Who calls it: `policy own on shop.orders`. */
  readonly callers: readonly string[];
}

export interface FailingStatement {
  /** Normalized. */
  readonly text: string;
  /** How often it was sent; null where nobody counted. */
  readonly calls: number | null;
  readonly verdict: Extract<Verdict, { outcome: 'fails' | 'would-fail' }>;
  /** The difference to the source that explains it; null where none does. */
  readonly because: Difference | null;
}

/** What the target was asked beside its catalogue: yes, no, and how many. */
export interface DataAnswers {
  /** One of the next values of the sequence is in the column already. */
  readonly behind: readonly SequenceBehind[];
  /** Tables without a row that have some in the source. */
  readonly empty: readonly Reference[];
  /** Keys that are no key: how many groups of rows share one. */
  readonly duplicates: readonly Duplicates[];
  readonly orphans: readonly Orphans[];
  /** Of a CHECK or a NOT NULL that is NOT VALID, where it was asked. */
  readonly contradictions: readonly Contradictions[];
  /** Functions that name what no schema has. */
  readonly bodies: readonly BrokenBody[];
}

export interface SequenceBehind {
  readonly sequence: Reference;
  readonly table: Reference;
  readonly column: string;
}

export interface Duplicates {
  readonly table: Reference;
  /** The index that says otherwise, or that was lost. */
  readonly index: string;
  /** The index is there, and did not prevent it. */
  readonly damaged: boolean;
  readonly groups: number;
}

/** Rows that refer to rows that are not there. */
export interface Orphans {
  readonly table: Reference;
  readonly constraint: string;
  readonly columns: readonly string[];
  readonly rows: number;
}

/** Rows that are not as a constraint says. */
export interface Contradictions {
  readonly table: Reference;
  /** Its name. @default - NOT NULL of the column */
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
