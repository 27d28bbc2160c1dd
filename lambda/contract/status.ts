/** What `status`, `plan` and `verify` answer: data for a terminal, a log line, or JSON. */

import type { Kept } from './converge';
import type { ErrorInfo } from './errors';

/**
 * - `applied`, `pending`: as they say
 * - `unverified`: everything ran, but it is not proved yet; the next run verifies first
 * - `partial`: stopped half way, outside a transaction; the next run resumes
 * - `edited`: applied, and its file has changed since
 * - `missing`: applied, and its file is gone
 * - `late`: pending, and older than the newest applied one
 * - `changed`: a repeatable whose content changed; the next run applies it again
 * - `superseded`: applied; a later one declares that its verify no longer holds
 */
export type MigrationState =
  | 'applied'
  | 'pending'
  | 'unverified'
  | 'partial'
  | 'edited'
  | 'missing'
  | 'late'
  | 'changed'
  | 'superseded';

export interface MigrationStatus {
  readonly name: string;
  readonly kind: 'versioned' | 'repeatable';
  readonly state: MigrationState;
  /** False when it has no verify section. */
  readonly provable: boolean;
  /** ISO time; null while it is not applied. */
  readonly appliedAt: string | null;
  readonly durationMs: number | null;
  /** The request that applied it. */
  readonly deployment: string | null;
  /** It was there before: recorded, never run. @default false */
  readonly baselined?: boolean;
}

export interface DeploymentStatus {
  readonly id: string;
  readonly direction: string;
  readonly manifestHash: string;
  /** `running`, `done` or `failed`. */
  readonly outcome: string;
  readonly startedAt: string;
  readonly finishedAt: string | null;
  readonly kept: readonly Kept[];
  readonly undone: readonly string[];
}

export interface Status {
  readonly namespace: string;
  /** Null before the first run. */
  readonly ledgerVersion: number | null;
  readonly serverVersion: string;
  readonly manifestHash: string;
  readonly position: string;
  readonly migrations: readonly MigrationStatus[];
  readonly lastDeployment: DeploymentStatus | null;
  /** The newest rollback, as long as no deployment of the stack has succeeded since. @default - none */
  readonly lastRollback?: DeploymentStatus | null;
  /** What the last deployment is at, while it is recorded as running. @default - nothing runs */
  readonly activity?: Activity | null;
}

export interface Activity {
  /** Who holds the lock between runners, and is at what; null when nobody does just now. */
  readonly runner: string | null;
  /** The migration whose turn it is; null when that is not known. */
  readonly next: string | null;
  /** What its next transaction locks, e.g. `ACCESS EXCLUSIVE on orders`. */
  readonly locks: readonly string[];
  /** Who holds a lock that stands in the way. */
  readonly heldBy: readonly string[];
}

export interface PlannedStep {
  readonly action: 'apply' | 'resume' | 'verify' | 'baseline' | 'undo' | 'keep';
  readonly migration: string;
  /** E.g. `late`, `changed`, or why something is kept; empty otherwise. */
  readonly note: string;
  /** How long its transaction may hold locks that writers queue behind, milliseconds; null where it takes none. */
  readonly holdsMs: number | null;
  readonly statements: readonly {
    readonly sql: string;
    readonly command: string;
    readonly line: number;
    readonly execution: string;
    /** Locks that the application feels, e.g. `ACCESS EXCLUSIVE on orders`. */
    readonly locks: readonly string[];
    readonly destroys: string | null;
    readonly rewrites: string | null;
  }[];
}

export interface Plan {
  readonly namespace: string;
  readonly manifestHash: string;
  readonly steps: readonly PlannedStep[];
  readonly warnings: readonly string[];
  /** What stands in the way, e.g. an edited file; then nothing would be applied. */
  readonly errors: readonly ErrorInfo[];
}

export interface VerifyFinding {
  readonly migration: string;
  /** What is wrong, a sentence. */
  readonly sentence: string;
}

export interface Verification {
  readonly namespace: string;
  /** Names whose verify section ran and returned no row. */
  readonly proved: readonly string[];
  readonly findings: readonly VerifyFinding[];
  /** Applied, but without a verify section. */
  readonly unproved: readonly string[];
  /** In the manifest, but not applied. */
  readonly pending: readonly string[];
  /** Verify sections that could not run. */
  readonly errors: readonly ErrorInfo[];
}
