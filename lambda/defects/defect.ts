/**
 * A defect kind: everything that is known of one failure, in one file. Alarms, the pager, the audit and docs/defects
 * are derived from it; a new file in this folder, named in index.ts, adds the kind everywhere.
 */
import type { Database } from '../postgres/database';

export interface DefectKind {
  /** Stable, kebab-case: part of metric and alarm names and of the documentation's file name. */
  readonly id: string;
  readonly title: string;
  /** Null where the server raises no error of its own (an unvalidated constraint, say). */
  readonly sqlstate: string | null;
  /**
   * How PostgreSQL words it in an ERROR line, with lc_messages in English; null where it logs nothing. All the
   * phrases have to be on the line.
   */
  readonly log: LogSignature | null;
  /** One sentence: what this failure does to the application. */
  readonly impact: string;
  /** What repairs it, for a person who was woken. */
  readonly repair: string;
  /** A verify section's line that proves the repair, e.g. `SELECT trueup.column_default(…)`. */
  readonly verification: string;
}

export interface LogSignature {
  readonly phrases: readonly string[];
  /** Finds the object in the message, by named groups: table, column, function, constraint. */
  readonly message: RegExp;
}

/** One error out of the log: ERROR with the DETAIL, CONTEXT and STATEMENT of the same backend. No row data. */
export interface LoggedError {
  readonly kind: string;
  readonly sqlstate: string | null;
  readonly message: string;
  readonly database: string;
  readonly user: string;
  readonly table: string | null;
  readonly column: string | null;
  /** Literals replaced by `?`; null when the server does not log statements. */
  readonly statement: string | null;
  readonly count: number;
  /** ISO times. */
  readonly first: string;
  readonly last: string;
}

/** What the pager asks `migrate` to look up. */
export interface DiagnosisQuestion {
  readonly kind: string;
  readonly database: string;
  readonly table: string | null;
  readonly column: string | null;
  readonly message: string;
  readonly statement: string | null;
}

export interface Diagnosis {
  readonly kind: string;
  /** What the catalogue says, sentences. Empty when the database did not answer. */
  readonly cause: readonly string[];
  readonly repair: string;
  /** Migrations whose verify covers it, and how they stand. */
  readonly migrations: readonly { readonly name: string; readonly state: string }[];
  /** What could not be looked up, and why. */
  readonly unseen: readonly string[];
}

/** Looks into the catalogue, read only. */
export type Diagnose = (db: Database, question: DiagnosisQuestion) => Promise<Diagnosis>;
