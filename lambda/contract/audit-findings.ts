/** The results of an audit, as JSON between the function that runs it, the pager and the command line. */

/** A line `id object  # reason` of the suppressions file. */
export interface Suppression {
  readonly id: string;
  readonly object: string;
  readonly reason: string;
  readonly line: number;
}

export interface AuditedFinding {
  /** Id of the check. */
  readonly id: string;
  readonly confidence: 'A' | 'B' | 'C' | 'D';
  /**
   * `schema.table`, `schema.table.column`, or the name of an object that belongs to no table; quoted only where
   * needed.
   */
  readonly object: string;
  /** A sentence that describes the finding. */
  readonly message: string;
  /** One line per element; never a value of a row. */
  readonly evidence: readonly string[];
}

/** Something that could not be checked, and why. */
export interface NotCheckedItem {
  readonly what: string;
  /** @default - it concerns the database as a whole */
  readonly of?: { readonly schema: string; readonly name: string };
  readonly why: string;
}

export interface AuditCoverage {
  /** Number of checks that were run. */
  readonly checks: number;
  /** Number of tables and objects in the database. */
  readonly tables: number;
  readonly objects: number;
  /** Number of objects of the source that were compared with the database. @default - there is no source */
  readonly compared: number | null;
  /** Number of statements that were planned, and of those with a result that is not undecided. */
  readonly statements: number;
  readonly decided: number;
}

/** An audit that a deployed function runs, without a source and without a parser. */
export interface FunctionAudit {
  /** The most certain findings first, including suppressed ones. */
  readonly findings: readonly AuditedFinding[];
  readonly notChecked: readonly NotCheckedItem[];
  readonly coverage: AuditCoverage;
  /** The suppressions that were deployed with the code. */
  readonly suppressions: readonly Suppression[];
}

/** The findings of the drift check's audit: confidences A to C, without suppressed ones. */
export interface AuditDrift {
  readonly found: number;
  /** Number of the findings that have not been paged yet. `null` if the ledger cannot record which ones were paged. */
  readonly unpaged: number | null;
  /** At most {@link MAX_NAMED_FINDINGS} of the findings, the most certain first. */
  readonly named: readonly AuditedFinding[];
  /** Number of suppressed findings. */
  readonly suppressed: number;
  /** Suppressions that match no finding. */
  readonly obsolete: readonly Suppression[];
  /** At most {@link MAX_NAMED_FINDINGS} of them. */
  readonly notChecked: readonly NotCheckedItem[];
  readonly notCheckedCount: number;
  /** A sentence that says why nothing was checked, or why nothing could be recorded. */
  readonly problem: string | null;
}

export const MAX_NAMED_FINDINGS = 20;

/** Findings that have not been paged yet, for a page. */
export interface NewFindings {
  /** The most certain first, at most {@link MAX_NEW_FINDINGS}, with as much evidence as a page shows. */
  readonly findings: readonly AuditedFinding[];
  /** Number of all new findings. */
  readonly count: number;
  /** Whether they were recorded as paged. */
  readonly marked: boolean;
}

export const MAX_NEW_FINDINGS = 200;
