/** The engine's requests and outcomes. They travel as JSON between the functions and are stored in the ledger. */
import type { ErrorInfo } from './errors';
import type { NotChecked } from './not-checked';
import type { WorkloadReport } from './workload';

/**
 * The owner of a namespace. It does not contain the stack's id, which changes when a failed first deployment is
 * repeated.
 */
export interface StackOwner {
  readonly account: string;
  readonly region: string;
  readonly stackName: string;
}

export type Direction = 'forward' | 'rollback' | 'unknown';

/** The deployment that CloudFormation is rolling back, as identified by its event. */
export interface FailedDeployment {
  /** The manifest hash of OldResourceProperties (Update), or of ResourceProperties (Delete after a failed Create). */
  readonly manifestHash: string;
  /** Whether Trueup's own resource had already reported success, so that the new application may be running. */
  readonly reportedSuccess: boolean | 'unknown';
  /**
   * ISO time in UTC before which the failed deployment cannot have begun. It rules out an older deployment of the
   * same manifest.
   * @default - not known
   */
  readonly since?: string | null;
}

export interface ConvergeRequest {
  /**
   * CloudFormation's RequestId, or an id that the command line generated. A request that is repeated with the same id
   * has no further effect.
   */
  readonly id: string;
  readonly namespace: string;
  /**
   * ISO time in UTC at which the stack's event was first seen. A request that began before the newest one in the
   * ledger has been overtaken, and stops before it does anything.
   * @default - not known
   */
  readonly startedAt?: string | null;
  /** The stack that owns the namespace; `null` when a person runs the request. */
  readonly owner: StackOwner | null;
  /**
   * Other namespaces that are expected in this database, so that this one is not taken for a renamed one of them.
   * @default - no other namespaces are expected; a renamed namespace is not looked for
   */
  readonly otherNamespaces?: readonly string[];
  /** The previous namespace of the same resource. @default - the same */
  readonly formerNamespace?: string | null;
  /** Whether to take over the namespace from another stack. @default false */
  readonly adopt?: boolean;
  /** Recorded in the ledger when the request is first seen; later slices keep it. */
  readonly direction: Direction;
  /** Hash of the manifest that the event is about; code with another manifest never applies anything. */
  readonly manifestHash: string;
  /**
   * Hash of the guaranteed workload in the event's code; `null` for none. Code with another workload never applies
   * anything either.
   * @default - not known
   */
  readonly workload?: string | null;
  readonly failed?: FailedDeployment | null;
  /** Whether to undo even if Trueup's own resource had reported success. @default false */
  readonly rollbackAfterSuccess?: boolean;
  /** Whether a rollback leaves migrations in place whose `down` only drops plain indexes. @default false */
  readonly keepPlainIndexes?: boolean;
  /**
   * Whether the custom resource is being deleted. Nothing is applied; with `failed`, migrations are undone by the same
   * rules as in a rollback.
   * @default false
   */
  readonly remove?: boolean;
  /** The role that owns the application's tables, set with SET LOCAL ROLE around `up`. @default - the login role */
  readonly ownerRole?: string | null;
  /**
   * The schemas of the search path for schema-per-tenant: the tenant's own first, then those that it shares with
   * others. The ledger records them.
   * @default - those that the ledger has recorded; without any, the login's search_path
   */
  readonly schemas?: readonly string[] | null;
  /** Whether the namespace is a tenant in a fleet's list, so that a remedy names the command for fleets. @default false */
  readonly fleet?: boolean;
  /**
   * The name of the last migration that the database already holds. Migrations up to it are recorded as applied,
   * without being run, if their verify sections pass. Migrations that the ledger already contains do not change.
   * @default - none
   */
  readonly baseline?: string | null;
  /**
   * Whether to only record the baseline and apply nothing. Since a person named the baseline file, an edit of that
   * file is accepted if its verify section passes.
   * @default false
   */
  readonly baselineOnly?: boolean;
  /**
   * With `baselineOnly`, a person's declaration about a new file: it is the applied migration `was` under another
   * name, or, with `null`, a new one.
   * @default - no declaration
   */
  readonly declared?: { readonly name: string; readonly was: string | null };
}

/** A migration that a rollback did not undo, and the reason. */
export interface KeptMigration {
  readonly name: string;
  readonly reason: string;
}

export interface ConvergeReport {
  readonly applied: readonly string[];
  /** Applied migrations that have no verify section. */
  readonly withoutVerify: readonly string[];
  /**
   * Applied migrations whose verify sections were not run, because they may run code that is not trusted with the
   * login's privileges.
   * @default - none
   */
  readonly notChecked?: readonly NotChecked[];
  readonly baselined: readonly string[];
  /** Applied migrations whose edited text was verified and recorded. @default - none */
  readonly recordedEdits?: readonly string[];
  /**
   * Migrations whose new text is not in this folder. The next deployment that contains it verifies and records it.
   * @default - none
   */
  readonly approvedEdits?: readonly string[];
  /** The new file for which a declaration was recorded. The next run uses the declaration. @default - none */
  readonly declared?: string;
  readonly undone: readonly string[];
  readonly kept: readonly KeptMigration[];
  readonly pending: readonly string[];
  /** The newest applied versioned migration; empty if there is none. */
  readonly position: string;
  readonly warnings: readonly string[];
  /** @default - neither the running nor the new application has a guaranteed workload */
  readonly workload?: WorkloadReport;
}

export type ConvergeOutcome =
  | { readonly status: 'done'; readonly report: ConvergeReport }
  /** Call again with the same request. `progress` describes the current state. */
  | {
      readonly status: 'continue';
      readonly progress: string;
      /** The error with which the request fails if it is not called again. */
      readonly waitingFor?: ErrorInfo;
      /**
       * How long the database has been unreachable, after it had been reached in this slice, in milliseconds. Absent
       * if it was not reached at all, or if `waitingFor` is something else.
       */
      readonly unreachableMs?: number;
      readonly report: ConvergeReport;
    }
  | { readonly status: 'failed'; readonly error: ErrorInfo; readonly report: ConvergeReport };

/**
 * The step that a run executes for a migration. `record` runs nothing, because another tool's ledger has the
 * migration as applied.
 */
export type MigrationAction = 'apply' | 'record' | 'undo' | 'verify';

/** An event that the engine reports while it works, for a terminal or a log. */
export type ProgressEvent =
  | { readonly type: 'waiting'; readonly for: 'database' | 'runner' | 'lock'; readonly message: string }
  | { readonly type: 'started'; readonly migration: string; readonly action: MigrationAction }
  | {
      readonly type: 'statement';
      readonly migration: string;
      readonly statement: number;
      readonly of: number;
      readonly command: string;
    }
  | { readonly type: 'batch'; readonly migration: string; readonly rows: number; readonly total: number }
  | {
      readonly type: 'finished';
      readonly migration: string;
      readonly action: MigrationAction;
      /** `null` if the migration was sent in one message with others; its duration is then only in the ledger. */
      readonly durationMs: number | null;
    }
  | { readonly type: 'warning'; readonly message: string };

export type ProgressListener = (event: ProgressEvent) => void;
