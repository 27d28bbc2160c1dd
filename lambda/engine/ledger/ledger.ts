/** The ledger's contents on which the engine bases its decisions. */
import type { ConvergeOutcome, Direction } from '../../contract/converge';
import type { ManifestEntry, StartedTarget } from '../../contract/manifest';

export interface LedgerMigration {
  readonly name: string;
  readonly kind: 'versioned' | 'repeatable';
  readonly state: 'applied' | 'unverified' | 'partial' | 'undone';
  readonly upChecksum: string;
  /** Checksum of `up` without comments and whitespace. @default - not known; older code recorded the row */
  readonly plainChecksum?: string | null;
  /** Number of statements done. */
  readonly statement: number;
  readonly statementChecksums: readonly string[];
  readonly running: number | null;
  /** The object that the running statement changes. */
  readonly target: StartedTarget | null;
  readonly attempts: number;
  readonly verified: boolean;
  /**
   * The parts of its verify section that were not checked, because they may run untrusted code.
   * @default - everything was checked
   */
  readonly notChecked?: string | null;
  /** Whether a baseline recorded it without running it, because the database already held it. */
  readonly baselined: boolean;
  readonly deployment: string;
  readonly appliedAt: string;
  readonly durationMs: number;
  /**
   * The number of rows that its batch has changed so far, while the batch is in progress.
   * @default - not known; older code recorded the row
   */
  readonly rowsChanged?: number | null;
}

export interface LedgerDeployment {
  readonly id: string;
  readonly direction: Direction;
  readonly manifestHash: string;
  /** `interrupted` means that the process died, as the next run found. */
  readonly outcome: 'running' | 'done' | 'failed' | 'interrupted';
  readonly result: ConvergeOutcome | null;
  /** {@link ConvergeRequest.startedAt}, by the requester's clock. */
  readonly requestedAt: string | null;
  readonly startedAt: string;
  readonly finishedAt: string | null;
  /** Whether a person ran it. @default false */
  readonly byHand?: boolean;
  /**
   * Whether it applies all migrations up to the newest and nothing else: no baseline, no undo, no Delete.
   * @default false
   */
  readonly appliesAll?: boolean;
  /** When its last slice began, by the server's clock, while it is recorded as running. @default - not known */
  readonly lastSignAt?: string | null;
  /** Hash of the guaranteed workload that its code carries. @default - not known */
  readonly workload?: string | null;
}

/** A failed deployment that a rollback may undo, as it was recorded. */
export interface UndoableDeployment {
  readonly id: string;
  readonly entries: readonly ManifestEntry[];
  /** The `down` section of each migration that it applied, by name. */
  readonly downs: Readonly<Record<string, string | null>>;
}

export interface LedgerServer {
  readonly version: string;
  readonly versionNumber: number;
  readonly inRecovery: boolean;
  readonly role: string;
  /** Whether the login has the privileges of RDS's master user (rds_superuser). @default - not read */
  readonly isMaster?: boolean;
  /**
   * Whether the login can act as the owner role; true if none is configured. `null` means that the role does not
   * exist.
   */
  readonly canActAsOwner: boolean | null;
}

export interface Ledger {
  readonly server: LedgerServer;
  /** The server's clock when the ledger was read. @default - not known */
  readonly readAt?: string;
  /** The role that created the ledger; `null` before the first run. */
  readonly schemaOwner: string | null;
  /** Whether the login may upgrade the ledger and its functions. */
  readonly mayInstall: boolean;
  /** The ledger's format; `null` before the first run. */
  readonly version: number | null;
  readonly readableBy: number | null;
  readonly verification: number | null;
  readonly owner: string | null;
  /**
   * The schemas in which a tenant's unqualified names are looked up, its own first.
   * @default - the login's search_path
   */
  readonly schemas?: readonly string[] | null;
  /**
   * Hash of the running application's guaranteed workload; `nextWorkload` is that of the deployment in progress.
   * @default - none
   */
  readonly runningWorkload?: string | null;
  readonly nextWorkload?: string | null;
  /** Sorted by the time at which they were applied. */
  readonly migrations: readonly LedgerMigration[];
  /** The request's own row, and the newest row of the namespace. */
  readonly deployment: LedgerDeployment | null;
  readonly newest: LedgerDeployment | null;
  /** Whether another request is recorded as running; its process may be working or dead. @default false */
  readonly hasOpen?: boolean;
  /** The newest rollback, if no deployment of the stack has succeeded since. @default - none */
  readonly rolledBack?: LedgerDeployment | null;
  /**
   * The newest failed run, if none has succeeded since. A manual run does not clear the failure of a stack's
   * deployment.
   */
  readonly failed?: LedgerDeployment | null;
  /**
   * Whether a run has applied the whole folder as it was then, so that the database has been in use since.
   * @default false
   */
  readonly completed?: boolean;
  /** Edited texts of applied files that a person declared to change nothing. @default - none */
  readonly accepted?: readonly AcceptedText[];
  /** Edited files because of which the newest deployment of a stack was refused. @default - none */
  readonly refused?: readonly (AcceptedText & {
    /** Whether it has a verify section. */
    readonly hasVerify: boolean;
    readonly plainChecksum?: string | null;
  })[];
  /** Files that were renamed after they were applied, in the order in which that was recorded. @default - none */
  readonly renames?: readonly {
    readonly from: string;
    readonly to: string;
    readonly deployment: string;
  }[];
  /**
   * A person's declarations about files that look like renamed ones. `was` is the former name, or `null` if the file
   * is new; the last declaration for a file counts.
   * @default - none
   */
  readonly declared?: readonly { readonly name: string; readonly was: string | null }[];
  /** New files of the newest deployment of a stack, if it was refused because of its files. @default - none */
  readonly refusedFiles?: readonly AcceptedText[];
  /** The oldest {@link GUARD_VERSION} whose code can keep the guaranteed workload. @default - any */
  readonly minGuardVersion?: number | null;
}

/** Another text of an applied migration. */
export interface AcceptedText {
  readonly name: string;
  readonly upChecksum: string;
}
