/** What a look into the catalogue found, before the ledger is asked. */
import type { DefectKind, DefectObject } from '../defect';

export interface Found {
  readonly kind: DefectKind | null;
  readonly case: string | null;
  readonly object: DefectObject;
  /** See {@link Diagnosis.subject}. */
  readonly subject: string | null;
  readonly cause: readonly string[];
  readonly unseen: readonly string[];
  /** In place of the kind's own, where no change of the schema helps. */
  readonly repairWords?: string;
}

export const NO_STATEMENT =
  'The log has no statement for this error (log_min_error_statement, or the line is missing)';
