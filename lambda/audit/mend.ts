/** What a migration that mends a finding is written from. */
import type { Column } from './catalogue/columns';
import type { Constraint } from './catalogue/constraints';
import type { Index } from './catalogue/indexes';
import type { Reference } from './catalogue/kind';
import type { Policy } from './catalogue/policies';
import type { ColumnReference, Sequence } from './catalogue/sequences';
import type { Difference } from './compare/difference';
import type { Duplicates, Orphans } from './evidence';

export type Mend =
  /** Bring back what the source has. */
  | { readonly what: 'difference'; readonly difference: Difference }
  | { readonly what: 'policies'; readonly policies: readonly Policy[] }
  | { readonly what: 'validate'; readonly constraint: Constraint }
  | { readonly what: 'validate not null'; readonly column: Column }
  | { readonly what: 'reindex'; readonly index: Index }
  /** A deferrable one is replaced by one that ON CONFLICT can decide by. */
  | { readonly what: 'immediate'; readonly index: Index }
  /** Set the sequence above the values of the column. */
  | { readonly what: 'catch up'; readonly sequence: Reference; readonly column: ColumnReference }
  /** Set the sequence to where that of the source stands. */
  | { readonly what: 'advance'; readonly sequence: Sequence; readonly to: string }
  | { readonly what: 'own'; readonly sequence: Sequence; readonly column: ColumnReference }
  | { readonly what: 'widen'; readonly sequence: Sequence }
  /** Build again what sorts by it, then take its version; null is the database's own. */
  | { readonly what: 'collation'; readonly collation: Reference | null }
  /** A person decides which rows stay; the file is that of the index or the foreign key. */
  | { readonly what: 'duplicates'; readonly duplicates: Duplicates }
  | { readonly what: 'orphans'; readonly orphans: Orphans }
  /** As the kind of this id repairs it. */
  | { readonly what: 'defect'; readonly id: string; readonly object: DefectNames };

/** As {@link DefectObject}, and its names as the catalogue has them. */
export interface DefectNames {
  readonly table: Reference | null;
  readonly column?: string;
  /** Columns and expressions of a conflict target, as SQL. */
  readonly columns?: readonly string[];
  readonly name?: string;
  readonly detail?: string;
  /** What somebody has to decide before it is repaired like this. @default - nothing */
  readonly decide?: string;
}
