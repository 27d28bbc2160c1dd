/** An ON CONFLICT clause of a statement, with the table and the index that it is about. */

import type { ConflictElement } from '../../sql/conflict-clause';
import type { InsertSeen } from '../../sql/insert';
import type { ConflictCase, UniqueIndex } from '../conflict';
import type { Relation } from '../relations';
import type { WrittenTable } from '../targets';
import type { Found } from './finding';

export interface ExplainedClause {
  readonly found: Found;
  readonly target: WrittenTable;
  readonly table: Relation;
  readonly case: ConflictCase;
  readonly index: UniqueIndex | null;
  readonly insert: InsertSeen;
  /** With the table's columns. */
  readonly elements: readonly ConflictElement[];
  /** Elements as SQL writes them. */
  readonly keys: readonly string[];
}
