/** What an audit finds, where it travels as JSON: from the function that looks to the pager and to the command line. */

/** A finding that somebody accepted: a line `id object  # reason`. */
export interface Accepted {
  readonly id: string;
  readonly object: string;
  readonly reason: string;
  readonly line: number;
}

export interface AuditedFinding {
  /** Of its kind. */
  readonly id: string;
  readonly grade: 'A' | 'B' | 'C' | 'D';
  /** `schema.table`, `schema.table.column`, or the name of what belongs to no table; quoted only where needed. */
  readonly object: string;
  /** A sentence. */
  readonly message: string;
  /** Lines; never a value of a row. */
  readonly evidence: readonly string[];
}

/** What could not be looked at, and why. */
export interface Unseen {
  readonly what: string;
  /** @default - it is about the database as a whole */
  readonly of?: { readonly schema: string; readonly name: string };
  readonly why: string;
}

export interface Looked {
  /** Kinds of findings that were looked for. */
  readonly kinds: number;
  /** Of the database. */
  readonly tables: number;
  readonly objects: number;
  /** Of the source, each looked up in the database. @default - there is no source */
  readonly compared: number | null;
  /** Statements that were planned, and how many of them say something. */
  readonly statements: number;
  readonly decided: number;
}

/** An audit by a deployed function: without a source, and without a parser. */
export interface FunctionAudit {
  /** The surest first; those that are accepted as well. */
  readonly findings: readonly AuditedFinding[];
  readonly notSeen: readonly Unseen[];
  readonly looked: Looked;
  /** By the code that is deployed. */
  readonly accepted: readonly Accepted[];
}

/** What the drift check's audit found: grades A to C, without those that are accepted. */
export interface AuditDrift {
  readonly found: number;
  /** Of these, not paged yet. Null where the ledger cannot remember it: what was paged is not known. */
  readonly unpaged: number | null;
  /** Up to {@link NAMED_FINDINGS} of `found`, the surest first. */
  readonly named: readonly AuditedFinding[];
  /** Findings that are accepted. */
  readonly accepted: number;
  /** Accepted, and found no more. */
  readonly gone: readonly Accepted[];
  /** Up to {@link NAMED_FINDINGS}. */
  readonly notSeen: readonly Unseen[];
  readonly unseen: number;
  /** Why nothing was looked at, or nothing remembered, a sentence. */
  readonly problem: string | null;
}

export const NAMED_FINDINGS = 20;

/** For a page: what nobody was told of. */
export interface NewFindings {
  /** The surest first, at most {@link MOST_NEW}; with evidence as far as a page shows it. */
  readonly findings: readonly AuditedFinding[];
  /** All that are new. */
  readonly count: number;
  /** They count as paged from now on. */
  readonly marked: boolean;
}

export const MOST_NEW = 200;
