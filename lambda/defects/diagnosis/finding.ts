/** Result of the catalog queries, before the ledger is read. */
import type { DiagnosisVerdict, Repair } from '../../contract/diagnosis';
import type { DefectKind } from '../defect';
import { type DefectObject, NO_OBJECT } from '../object';

export interface DiagnosisFinding {
  readonly kind: DefectKind | null;
  readonly case: string | null;
  readonly verdict: DiagnosisVerdict | null;
  readonly object: DefectObject;
  /** See {@link Diagnosis.subject}. */
  readonly subject: string | null;
  readonly cause: readonly string[];
  readonly unseen: readonly string[];
  /**
   * Repair of this object.
   * @default - the repair of the check
   */
  readonly repair?: Repair;
  /**
   * Line of a verify section that verifies the repair.
   * @default - the verification of the check
   */
  readonly check?: string;
}

export const NO_STATEMENT_CAVEAT =
  'The log has no statement for this error (log_min_error_statement, or the line is missing)';

/** Returns a result that names no check. `cause` lists suspects. */
export const makeNotFound = (unseen: readonly string[], cause: readonly string[] = []): DiagnosisFinding => ({
  kind: null,
  case: null,
  verdict: null,
  object: NO_OBJECT,
  subject: null,
  cause,
  unseen,
});

/** The repair if the catalog shows nothing that would make the statement fail. */
export const NOTHING_NOW_REPAIR =
  'Nothing to repair in the schema as it is now. If the errors continue, the statement runs in another schema, ' +
  'database or session.';

/** Returns a repair that can be run as it is. */
export const makeRepair = (words: string, sql: readonly string[] = []): Repair => ({
  words,
  sql,
  decision: false,
});

/** Returns a repair that must not be run before a person has decided. */
export const makeManualDecision = (words: string, sql: readonly string[] = []): Repair => ({
  words: `A person must decide. ${words}`,
  sql,
  decision: true,
});

/** Joins names in a sentence: all of them, or the first `most` and the number of the rest. */
export function formatNameList(names: readonly string[], most = 5): string {
  const rest = names.length - most;
  return rest > 0 ? `${names.slice(0, most).join(', ')} and ${rest} more` : names.join(', ');
}
