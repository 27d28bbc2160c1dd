/** What a defect is about: by the names of the catalogue, and by those that it had at one moment. */
import type { ObjectName } from '../contract/effects';

/** What a defect is about. Names are ready for SQL. */
export interface DefectObject {
  readonly table: string | null;
  readonly column: string | null;
  /** Conflict target, or the columns of a key. */
  readonly columns: readonly string[];
  /** An index, a constraint or a function. */
  readonly name: string | null;
  /** Predicate of a partial index; type of a column; whatever the kind's repair needs. */
  readonly detail: string | null;
}

export const NO_OBJECT: DefectObject = { table: null, column: null, columns: [], name: null, detail: null };

/** The object under the names that it has at one moment; all as the catalogue keeps them, expressions as written. */
export interface ObjectThen {
  readonly table: ObjectName | null;
  readonly column: string | null;
  readonly columns: readonly string[];
  /** Index, constraint or function. */
  readonly name: string | null;
}
