/** Statements of the application, and the planner's results for them. Neither contains a value of a row. */

import type { Diagnosis, Repair } from './diagnosis';

/** A statement as one sender sends it. */
export interface StatementUse {
  /** A single normalized statement, in which constants are `$1`, `$2`, … */
  readonly text: string;
  /**
   * The role that sends it; `null` if it is not known. The statement is always planned as the connected role; the
   * sender's privileges are looked up.
   */
  readonly role: string | null;
  /**
   * The search path as SHOW search_path prints it. `null` means the connection's search path, with the sender's own
   * schema for `"$user"`.
   */
  readonly searchPath: string | null;
}

/** A statement of a guaranteed workload. */
export interface WorkloadStatement extends StatementUse {
  /** How often it was seen to run; `null` if that was not counted. */
  readonly calls: number | null;
}

/** The guaranteed workload of an application: the statements that it sends, as listed in its reviewed file. */
export interface GuaranteedWorkload {
  /** {@link hashWorkload} of the statements, in order. */
  readonly hash: string;
  readonly statements: readonly WorkloadStatement[];
}

/** A statement of the guaranteed workload that no longer plans, or plans differently. */
export interface BrokenStatement {
  /** The statement's text, shortened. */
  readonly text: string;
  readonly role: string | null;
  readonly calls: number | null;
  readonly sqlstate: string | null;
  /** The reason, in words from a fixed list. */
  readonly why: string;
  /** The migration that broke it; `null` if no migration of this deployment did. */
  readonly migration: string | null;
  /**
   * The kind of the finding:
   * - `consent`: its migration consents to breaking it
   * - `non-transactional`: a non-transactional statement broke it, which cannot be undone
   * - `before`: it did not plan before this deployment either
   * - `warning`: it still plans, but something about it has changed that may matter
   * - `undecided`: it planned before, and it is not known whether it still does
   * - `open`: a pending file affects it, and it was already undecided before this deployment
   * - `idle`: it no longer plans; the database ran it before the last deployment, but has not run it since
   */
  readonly as: 'consent' | 'non-transactional' | 'before' | 'warning' | 'undecided' | 'open' | 'idle';
}

/**
 * The effects of a deployment on the guaranteed workloads. Absent if neither the running nor the new application has
 * one.
 */
export interface WorkloadReport {
  /** Number of statements of the application that was running. */
  readonly running: number;
  /** Number of live statements that the guard also planned and that are not in the workload. @default - none */
  readonly live?: number;
  /**
   * Number of statements of the deployed application, and of those that plan; `null` if it has no guaranteed
   * workload.
   */
  readonly deployed: { readonly statements: number; readonly plan: number } | null;
  /** Number of undecided statements of the new application by reason, e.g. `untyped`. */
  readonly undecided: Readonly<Record<string, number>>;
  /**
   * Number of statements that were not planned again in a migration's transaction, by reason: `budget`, `lock`,
   * `slow`. It is the largest number of any migration.
   */
  readonly notGuarded: Readonly<Record<string, number>>;
  /**
   * Number of undecided statements that pending files affect and whose state at the last deployment is not in the
   * ledger. Their state before the first migration is used instead.
   * @default - none
   */
  readonly notRecorded?: number;
  /** At most {@link MAX_NAMED_STATEMENTS} for each migration and kind. */
  readonly broken: readonly BrokenStatement[];
}

/**
 * Statements that were planned on a live database, one part at a time, since an invocation is limited to 6 MB in each
 * direction.
 */
export interface WorkloadCheckResult {
  /**
   * The part of the guaranteed workload that was planned, with its texts.
   * @default - the statements in the request were planned
   */
  readonly part?: WorkloadPart;
  /** One verdict for each statement, in order. */
  readonly verdicts: readonly StatementVerdict[];
  /** The causes of failing statements in the catalog, for those that run most often. `at` is the statement's index. */
  readonly causes: readonly {
    readonly at: number;
    readonly cause: readonly string[];
    readonly repair: Repair;
  }[];
}

/** A part of the running application's guaranteed workload, in the order of its file. */
export interface WorkloadPart {
  /** `null` if there is none. If it differs from that of the previous part, there was a deployment in between. */
  readonly hash: string | null;
  readonly statements: readonly WorkloadStatement[];
  /** Where the next part begins; `null` after the last one. */
  readonly next: number | null;
}

/** The drift check's findings about the guaranteed workload of the running application. */
export interface WorkloadDrift {
  /** Number of all its statements. */
  readonly statements: number;
  readonly plan: number;
  /**
   * Number of statements that are worse than at deployment: they fail, or their types, privileges or row security are
   * worse.
   */
  readonly broken: number;
  /** Number of statements that fail and already failed at deployment, or that a deployment broke with consent. */
  readonly failing: number;
  /** Number of undecided statements by reason, e.g. `untyped`, `budget`. */
  readonly undecided: Readonly<Record<string, number>>;
  /** Number of statements whose state at deployment was not recorded, so that there is nothing to compare with. */
  readonly notRecorded: number;
  /** At most {@link MAX_DRIFTED_STATEMENTS} of `broken`, the most frequent first. */
  readonly named: readonly DriftedStatement[];
  /** A sentence that says why nothing could be checked. All numbers are then 0. `null` if the check ran. */
  readonly problem: string | null;
}

export interface DriftedStatement
  extends Pick<BrokenStatement, 'text' | 'role' | 'calls' | 'sqlstate' | 'why'> {
  readonly diagnosis: Diagnosis;
}

export const MAX_DRIFTED_STATEMENTS = 10;

/** How many statements an error, or a report for one migration, names; the rest are only counted. */
export const MAX_NAMED_STATEMENTS = 5;

/** Facts about a statement besides its verdict. */
export interface PlanningFacts {
  /** Types by parameter number: `integer`, `text`; empty if the statement could not be analyzed. */
  readonly parameterTypes: readonly string[];
  /** `null` before PostgreSQL 16, and if the statement returns no rows. */
  readonly resultTypes: readonly string[] | null;
  /** Tables and views that it uses, also through views, as `schema.name`. */
  readonly relations: readonly string[];
  /** Unique indexes that its ON CONFLICT may use as arbiters. */
  readonly arbiters: readonly string[];
}

export type PlanningOutcome =
  | { readonly outcome: 'plans' }
  /** The server rejects it. `why` is from a fixed list and never the server's message, which may quote values. */
  | { readonly outcome: 'fails'; readonly sqlstate: string; readonly why: string }
  /** It plans, but every execution of it fails. */
  | {
      readonly outcome: 'would-fail';
      readonly sqlstate: '23502' | '55000' | '42P01';
      readonly why: string;
      /** `relation` is `schema.table`; `object` is the column (23502, 42P01) or the index (55000). */
      readonly relation: string;
      readonly object: string;
    }
  | { readonly outcome: 'undecided'; readonly why: string };

export type StatementVerdict = PlanningOutcome & PlanningFacts;
