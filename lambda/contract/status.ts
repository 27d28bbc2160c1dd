/** Results of `status`, `plan` and `verify`, as data for a terminal, a log line or JSON. */

import type { KeptMigration } from './converge';
import type { ErrorInfo } from './errors';
import type { NotChecked } from './not-checked';

/**
 * The state of a migration:
 * - `applied`: it is applied
 * - `pending`: it is not applied yet
 * - `unverified`: everything ran, but it is not verified yet; the next run verifies it first
 * - `partial`: it stopped half way, after a statement that was committed separately; the next run resumes it
 * - `edited`: it is applied, and its file was edited since
 * - `missing`: it is applied, but the folder has no file of it, because the file was removed or a rollback restored
 *   older code
 * - `out-of-order`: it is pending, and older than the newest applied migration
 * - `changed`: a repeatable migration whose content changed; the next run applies it again
 * - `superseded`: it is applied, and a later migration declares that its verify section no longer holds
 */
export type MigrationState =
  | 'applied'
  | 'pending'
  | 'unverified'
  | 'partial'
  | 'edited'
  | 'missing'
  | 'out-of-order'
  | 'changed'
  | 'superseded';

export interface MigrationStatus {
  readonly name: string;
  readonly kind: 'versioned' | 'repeatable';
  readonly state: MigrationState;
  /** False if it has no verify section. */
  readonly hasVerify: boolean;
  /** ISO time; `null` if it is not applied. */
  readonly appliedAt: string | null;
  readonly durationMs: number | null;
  /** Id of the request that applied it. */
  readonly deployment: string | null;
  /** Whether a baseline recorded it without running it, because the database already held it. @default false */
  readonly baselined?: boolean;
  /**
   * The code because of which its verify section was not fully checked, as `role: object`.
   * @default - everything was checked
   */
  readonly notChecked?: readonly string[];
  /** Names that its file had before. @default - it was never renamed */
  readonly formerNames?: readonly string[];
}

export interface DeploymentStatus {
  readonly id: string;
  readonly direction: string;
  readonly manifestHash: string;
  /** `running`, `done`, `failed`, or `interrupted`, which means that it began but no end was recorded. */
  readonly outcome: string;
  readonly startedAt: string;
  readonly finishedAt: string | null;
  readonly kept: readonly KeptMigration[];
  readonly undone: readonly string[];
  /** Whether a person ran it, outside a stack's deployment. @default false */
  readonly byHand?: boolean;
  /** Why it failed. @default - it did not fail */
  readonly error?: ErrorInfo;
}

export interface Status {
  readonly namespace: string;
  /** `null` before the first run. */
  readonly ledgerVersion: number | null;
  readonly serverVersion: string;
  readonly manifestHash: string;
  readonly position: string;
  readonly migrations: readonly MigrationStatus[];
  readonly lastDeployment: DeploymentStatus | null;
  /** The newest rollback, if no deployment of the stack has succeeded since. @default - none */
  readonly lastRollback?: DeploymentStatus | null;
  /** The newest run that failed or was interrupted, if none has succeeded since. @default - none */
  readonly lastFailure?: DeploymentStatus | null;
  /** The work that the last deployment is doing, while it is recorded as running. @default - nothing is running */
  readonly activity?: Activity | null;
}

export interface Activity {
  /** The session that holds the runner lock, and what it is doing; `null` if there is none at the moment. */
  readonly runner: string | null;
  /** The migration that is applied next; `null` if that is not known. */
  readonly next: string | null;
  /** The locks that its next transaction takes, e.g. `ACCESS EXCLUSIVE on orders`. */
  readonly locks: readonly string[];
  /** Sessions that hold a conflicting lock. */
  readonly heldBy: readonly string[];
}

export interface PlannedStep {
  readonly action: 'apply' | 'resume' | 'verify' | 'baseline' | 'undo' | 'keep';
  readonly migration: string;
  /** For example `out-of-order`, `changed`, or the reason why something is kept; otherwise empty. */
  readonly note: string;
  /** How long its transaction may hold locks that writers queue behind, in milliseconds; `null` if it takes none. */
  readonly holdsMs: number | null;
  readonly statements: readonly {
    readonly sql: string;
    readonly command: string;
    readonly line: number;
    readonly execution: string;
    /** Locks that block writers, e.g. `ACCESS EXCLUSIVE on orders`. */
    readonly locks: readonly string[];
    readonly destroys: string | null;
    readonly rewrites: string | null;
    /** Index builds on tables that exist now. @default - it builds none, or nothing is known */
    readonly builds?: readonly IndexBuild[];
    /** Counts for constraints that it adds or validates on tables that exist now. @default - none */
    readonly violations?: readonly ViolationCount[];
  }[];
}

/** The amount of data that an index build reads. */
export interface IndexBuild {
  readonly table: string;
  /** Size of the table with its partitions and without its indexes; `null` if the table is locked. */
  readonly bytes: number | null;
  /** The server's estimate; `null` if the table was never analyzed. */
  readonly rows: number | null;
  /** Durations of earlier builds in this ledger, of the same table or else of any. @default - there were none */
  readonly before?: {
    readonly sameTable: boolean;
    readonly builds: number;
    readonly shortestMs: number;
    readonly longestMs: number;
  };
}

export interface ViolationCount {
  /** The constraint, e.g. `NOT NULL of orders.note`. */
  readonly constraint: string;
  /** Number of rows that violate it now; `null` if they were not counted. */
  readonly rows: number | null;
  /** Whether there may be more. @default false */
  readonly atLeast?: boolean;
  /** Why they were not counted. */
  readonly why?: string;
}

export interface Plan {
  readonly namespace: string;
  readonly manifestHash: string;
  readonly steps: readonly PlannedStep[];
  readonly warnings: readonly string[];
  /** Errors that prevent the run, e.g. an edited file; nothing would be applied. */
  readonly errors: readonly ErrorInfo[];
}

export interface VerifyFinding {
  readonly migration: string;
  /** A sentence that says what is wrong. */
  readonly sentence: string;
}

/** A failed check whose object a later migration changed on purpose. */
export interface ChangedLater extends VerifyFinding {
  /** The later migration. */
  readonly by: string;
}

export interface Verification {
  readonly namespace: string;
  /** Names of migrations whose verify section ran and returned no rows. */
  readonly verified: readonly string[];
  readonly findings: readonly VerifyFinding[];
  /** Failures that later migrations caused on purpose; they are not drift. @default - none */
  readonly changed?: readonly ChangedLater[];
  /**
   * Verify sections that were not run, because they may run code that is not trusted with the login's privileges.
   * They count neither as verified nor as drifted.
   * @default - none
   */
  readonly notChecked?: readonly NotChecked[];
  /** Names of applied migrations without a verify section. */
  readonly withoutVerify: readonly string[];
  /** Names of migrations in the manifest that are not applied. */
  readonly pending: readonly string[];
  /** Errors of verify sections that could not run. */
  readonly errors: readonly ErrorInfo[];
}
