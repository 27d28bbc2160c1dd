/** Shared results for errors of ON CONFLICT that concern a constraint. */
import type { DiagnosisVerdict, Repair } from '../../contract/diagnosis';
import type { UniqueIndex } from '../conflict';
import { missingConflictTarget } from '../kinds/missing-conflict-target';
import { NO_OBJECT } from '../object';
import type { Relation } from '../relations';
import type { DiagnosisFinding } from './finding';

/** Returns a result about one constraint, or about a missing one. */
export const makeConstraintFinding = (
  table: Relation,
  name: string | null,
  keys: readonly string[],
  which: string,
  verdict: DiagnosisVerdict,
  cause: string,
  repair: Repair,
): DiagnosisFinding => ({
  kind: missingConflictTarget,
  case: which,
  verdict,
  object: { ...NO_OBJECT, table: table.sql, columns: keys, name },
  subject: name === null ? table.sql : `${table.sql} (constraint ${name})`,
  cause: [cause],
  unseen: [],
  repair,
});

export const listKeyTexts = (index: UniqueIndex): readonly string[] => index.keys.map(({ text }) => text);
/** Whether ON CONFLICT can use the index. */
export const canBeArbiter = (index: UniqueIndex): boolean =>
  index.unique && !index.exclusion && index.valid && index.immediate;
