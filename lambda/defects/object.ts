/**
 * The object of a finding: under the names in the catalog, and under those that it had at one point of the
 * migrations.
 */
import type { ObjectName } from '../contract/effects';

/** The object of a finding. All names are quoted as needed in SQL. */
export interface DefectObject {
  readonly table: string | null;
  readonly column: string | null;
  /** Columns of a conflict target or of a key. */
  readonly columns: readonly string[];
  /** Name of an index, a constraint or a function. */
  readonly name: string | null;
  /** Further information for the repair, for example the predicate of a partial index or the type of a column. */
  readonly detail: string | null;
}

export const NO_OBJECT: DefectObject = { table: null, column: null, columns: [], name: null, detail: null };

/**
 * The object with the names that it had at one point in the migrations. Names are unquoted as in the catalog;
 * expressions are as written.
 */
export interface HistoricalObject {
  readonly table: ObjectName | null;
  readonly column: string | null;
  readonly columns: readonly string[];
  /** Name of an index, a constraint or a function. */
  readonly name: string | null;
}
