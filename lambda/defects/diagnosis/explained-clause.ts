/** An ON CONFLICT clause of a statement, with the table and the index that it is about. */

import type { ConflictElement } from '../../sql/conflict-clause';
import type { ParsedInsert } from '../../sql/insert';
import type { ConflictCase, UniqueIndex } from '../conflict';
import type { Relation } from '../relations';
import type { WrittenTable } from '../targets';
import type { DiagnosisFinding } from './finding';

export interface ExplainedClause {
  readonly found: DiagnosisFinding;
  readonly target: WrittenTable;
  readonly table: Relation;
  readonly case: ConflictCase;
  readonly index: UniqueIndex | null;
  readonly insert: ParsedInsert;
  /** Elements of the clause, with the names of the table's own columns. */
  readonly elements: readonly ConflictElement[];
  /** Elements as SQL. */
  readonly keys: readonly string[];
}
