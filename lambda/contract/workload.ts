/** What is asked about the application's statements, and what a server's planner answered. None of it holds a value of a row. */

import type { Diagnosis, Repair } from './diagnosis';

/** A statement as one sender sends it. */
export interface Asked {
  /** Normalized: one statement, constants are `$1`, `$2`, … */
  readonly text: string;
  /** Who sends it; null where nobody knows. It is planned as the connected role all the same, and its privileges are looked up. */
  readonly role: string | null;
  /** As SHOW search_path prints it. Null: that of the connection, with the sender's own schema for `"$user"`. */
  readonly searchPath: string | null;
}

/** A statement of a promise. */
export interface PromisedStatement extends Asked {
  /** How often it was seen to run; null where nobody counted. */
  readonly calls: number | null;
}

/** What an application relies on: the statements that it sends, as its reviewed file has them. */
export interface WorkloadPromise {
  /** {@link hashOfPromise} of the statements, in order. */
  readonly hash: string;
  readonly statements: readonly PromisedStatement[];
}

/** A promised statement that no longer plans. */
export interface BrokenPromise {
  /** Shortened. */
  readonly text: string;
  readonly role: string | null;
  readonly calls: number | null;
  readonly sqlstate: string | null;
  /** In words from a list of our own. */
  readonly why: string;
  /** The migration that broke it; null where it is not one of this deployment's. */
  readonly migration: string | null;
  /**
   * - `consent`: its migration says that it breaks it
   * - `outside`: broken by a statement outside a transaction, which cannot be taken back
   * - `before`: it did not plan before this deployment either
   * - `warning`: it still plans, and something about it has changed that may matter
   * - `undecided`: it planned before, and whether it still does cannot be told
   * - `idle`: it no longer plans; the database ran it before the last deployment, and was not seen to since
   */
  readonly as: 'consent' | 'outside' | 'before' | 'warning' | 'undecided' | 'idle';
}

/** What a deployment did with its promises. Absent where there is neither a running nor a new one. */
export interface WorkloadReport {
  /** Statements of the application that was running. */
  readonly running: number;
  /** Statements that the database was seen to run, and that are not among these. @default - none */
  readonly live?: number;
  /** Statements of the application that is deployed, and how many of them plan; null where it promises none. */
  readonly deployed: { readonly statements: number; readonly plan: number } | null;
  /** Of the new application's, by the reason for which nothing is known, e.g. `untyped`. */
  readonly undecided: Readonly<Record<string, number>>;
  /** Not planned again in a migration's transaction, by reason: `budget`, `lock`, `slow`. The largest number of one migration. */
  readonly notGuarded: Readonly<Record<string, number>>;
  /** Up to {@link NAMED_STATEMENTS} of each migration and kind. */
  readonly broken: readonly BrokenPromise[];
}

/** Statements that were planned on a live database, part after part: an invocation takes and answers 6 MB. */
export interface Rehearsed {
  /** What was planned, where it was the running promise; its texts. @default - the statements that were given */
  readonly promised?: PromisePart;
  /** One for each statement, in order. */
  readonly verdicts: readonly Verdict[];
  /** What the catalogue says of those that fail, by their place from 0: the ones that run most often. */
  readonly causes: readonly {
    readonly at: number;
    readonly cause: readonly string[];
    readonly repair: Repair;
  }[];
}

/** Of the running promise, in the order of its file. */
export interface PromisePart {
  /** Null where nothing is promised. Another one than in the part before: a deployment has come in between. */
  readonly hash: string | null;
  readonly statements: readonly PromisedStatement[];
  /** Where the next part begins; null after the last. */
  readonly next: number | null;
}

/** What the drift check found of the statements that the running application promises. */
export interface WorkloadDrift {
  /** All that are promised. */
  readonly statements: number;
  readonly plan: number;
  /** No longer as when they were promised: they fail, or their types, privileges or row security are worse. */
  readonly broken: number;
  /** They fail, and did so when they were promised, or a deployment has broken them with consent. */
  readonly failing: number;
  /** By the reason for which nothing is known, e.g. `untyped`, `budget`. */
  readonly undecided: Readonly<Record<string, number>>;
  /** How they planned when they were promised was not kept, so they are compared with nothing. */
  readonly unkept: number;
  /** Up to {@link DRIFTED_STATEMENTS} of `broken`; those that run most often first. */
  readonly named: readonly DriftedStatement[];
  /** Why nothing could be asked, a sentence: all numbers are 0 then. */
  readonly problem: string | null;
}

export interface DriftedStatement
  extends Pick<BrokenPromise, 'text' | 'role' | 'calls' | 'sqlstate' | 'why'> {
  readonly diagnosis: Diagnosis;
}

export const DRIFTED_STATEMENTS = 10;

/** How many statements an error, or one migration of a report, names; the rest is counted. */
export const NAMED_STATEMENTS = 5;

/** What was learned about a statement beside its verdict. */
export interface PlannedFacts {
  /** By number: `integer`, `text`; empty where it could not be analysed. */
  readonly parameterTypes: readonly string[];
  /** Null before PostgreSQL 16, and where it returns no rows. */
  readonly resultTypes: readonly string[] | null;
  /** Tables and views that it names, also through views, as `schema.name`. */
  readonly relations: readonly string[];
  /** Unique indexes by which its ON CONFLICT may decide. */
  readonly arbiters: readonly string[];
}

export type Planned =
  | { readonly outcome: 'plans' }
  /** The server refuses it. `why` is from a list of our own, never the server's words: those quote. */
  | { readonly outcome: 'fails'; readonly sqlstate: string; readonly why: string }
  /** It plans, and every execution of it fails. */
  | {
      readonly outcome: 'would-fail';
      readonly sqlstate: '23502' | '55000' | '42P01';
      readonly why: string;
      /** `schema.table`, and the column (23502, 42P01) or the index (55000). */
      readonly relation: string;
      readonly object: string;
    }
  | { readonly outcome: 'undecided'; readonly why: string };

export type Verdict = Planned & PlannedFacts;
