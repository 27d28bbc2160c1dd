/** The data from which the migration that repairs a finding is written. */
import type { Column } from './catalog/columns';
import type { Constraint } from './catalog/constraints';
import type { Index } from './catalog/indexes';
import type { Reference } from './catalog/kind';
import type { Policy } from './catalog/policies';
import type { ColumnReference, Sequence } from './catalog/sequences';
import type { Difference } from './compare/difference';
import type { DuplicateRows, OrphanedRows } from './evidence';

export type RepairInput =
  /** Restore what the source has. */
  | { readonly what: 'difference'; readonly difference: Difference }
  | { readonly what: 'policies'; readonly policies: readonly Policy[] }
  | { readonly what: 'validate'; readonly constraint: Constraint }
  | { readonly what: 'validate not null'; readonly column: Column }
  /** Enforce an existing constraint that is not enforced. */
  | { readonly what: 'enforce'; readonly constraint: Constraint }
  | { readonly what: 'reindex'; readonly index: Index }
  /** Replace a deferrable constraint with one that ON CONFLICT can use as an arbiter. */
  | { readonly what: 'immediate'; readonly index: Index }
  /** Set the sequence above the values of the column. */
  | { readonly what: 'catch up'; readonly sequence: Reference; readonly column: ColumnReference }
  /** Set the sequence to the position of the source's. */
  | { readonly what: 'advance'; readonly sequence: Sequence; readonly to: string }
  | { readonly what: 'own'; readonly sequence: Sequence; readonly column: ColumnReference }
  | { readonly what: 'widen'; readonly sequence: Sequence }
  /** Rebuild what the collation sorts, then refresh its version. null means the database's default collation. */
  | { readonly what: 'collation'; readonly collation: Reference | null }
  /** A person decides which rows stay. The migration then creates the index or the foreign key. */
  | { readonly what: 'duplicates'; readonly duplicates: DuplicateRows }
  | { readonly what: 'orphans'; readonly orphans: OrphanedRows }
  /** Repair as the check of this id does. */
  | { readonly what: 'defect'; readonly id: string; readonly object: DefectNames };

/** Names of the object as in the catalog, unquoted. See {@link DefectObject}. */
export interface DefectNames {
  readonly table: Reference | null;
  readonly column?: string;
  /** Columns and expressions of a conflict target, as SQL. */
  readonly columns?: readonly string[];
  readonly name?: string;
  readonly detail?: string;
  /**
   * Question that a person has to answer before the repair.
   * @default - none
   */
  readonly decide?: string;
}
