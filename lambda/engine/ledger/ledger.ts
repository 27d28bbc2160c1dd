/** The ledger, as the engine decides by it. */
import type { Direction, Outcome } from '../../contract/converge';
import type { BegunTarget, ManifestEntry } from '../../contract/manifest';

export interface LedgerMigration {
  readonly name: string;
  readonly kind: 'versioned' | 'repeatable';
  readonly state: 'applied' | 'unverified' | 'partial' | 'undone';
  readonly upChecksum: string;
  /** Statements done. */
  readonly statement: number;
  readonly statementChecksums: readonly string[];
  readonly running: number | null;
  /** What the running statement is about. */
  readonly target: BegunTarget | null;
  readonly attempts: number;
  readonly proved: boolean;
  /** It was there before, and a baseline recorded it without running it. */
  readonly baselined: boolean;
  readonly deployment: string;
  readonly appliedAt: string;
  readonly durationMs: number;
}

export interface LedgerDeployment {
  readonly id: string;
  readonly direction: Direction;
  readonly manifestHash: string;
  readonly outcome: 'running' | 'done' | 'failed';
  readonly result: Outcome | null;
  /** {@link ConvergeRequest.startedAt}, by the clock of whoever asked. */
  readonly requestedAt: string | null;
  readonly startedAt: string;
  readonly finishedAt: string | null;
}

/** What a rollback may undo: the deployment that failed, as it recorded itself. */
export interface UndoableDeployment {
  readonly id: string;
  readonly entries: readonly ManifestEntry[];
  /** `down` of what it applied, by name. */
  readonly downs: Readonly<Record<string, string | null>>;
}

export interface Server {
  readonly version: string;
  readonly versionNumber: number;
  readonly inRecovery: boolean;
  readonly role: string;
  /** Null: there is no such role. True when no owner role is asked for. */
  readonly canActAsOwner: boolean | null;
}

export interface Ledger {
  readonly server: Server;
  /** The role that made the ledger; null before the first run. */
  readonly schemaOwner: string | null;
  /** The login may bring the ledger and its functions up to date. */
  readonly mayInstall: boolean;
  /** Null before the first run. */
  readonly version: number | null;
  readonly readableBy: number | null;
  readonly verification: number | null;
  readonly owner: string | null;
  /** What the namespace's unqualified names mean, where it is a tenant in a schema of its own. @default - the login's search_path */
  readonly schemas?: readonly string[] | null;
  /** Hash of what the running application promises, and of what is being deployed. @default - nothing */
  readonly promise?: string | null;
  readonly nextPromise?: string | null;
  /** In the order in which they were applied. */
  readonly migrations: readonly LedgerMigration[];
  /** The request's own row, and the newest of the namespace. */
  readonly deployment: LedgerDeployment | null;
  readonly newest: LedgerDeployment | null;
  /** The newest rollback, as long as no deployment of the stack has succeeded since. @default - none */
  readonly rolledBack?: LedgerDeployment | null;
  /** A run has applied all of the folder as it was then: the database has been in use since. @default false */
  readonly completed?: boolean;
  /** Texts of applied files that a person has said change nothing. @default - none */
  readonly accepted?: readonly EditedText[];
  /** Edited files for which the newest deployment of a stack was refused. @default - none */
  readonly refused?: readonly (EditedText & {
    /** It has a verify section. */
    readonly provable: boolean;
  })[];
}

/** Another text of an applied migration. */
export interface EditedText {
  readonly name: string;
  readonly upChecksum: string;
}
