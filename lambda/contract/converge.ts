/** What the engine is asked, and what it answers. These travel as JSON between the functions and in the ledger. */
import type { ErrorInfo } from './errors';
import type { WorkloadReport } from './workload';

/** The owner of a namespace. Never the stack's id: it changes when a failed first deployment is repeated. */
export interface StackOwner {
  readonly account: string;
  readonly region: string;
  readonly stackName: string;
}

export type Direction = 'forward' | 'rollback' | 'unknown';

/** The deployment that CloudFormation is rolling back, as its event names it. */
export interface FailedDeployment {
  /** OldResourceProperties' manifest hash (Update) or ResourceProperties' (Delete after a failed Create). */
  readonly manifestHash: string;
  /** Whether our own resource had already reported success: the new application may then be running. */
  readonly reportedSuccess: boolean | 'unknown';
  /**
   * ISO time in UTC before which it cannot have begun: an older deployment of the same manifest is not the one that
   * failed.
   * @default - not known
   */
  readonly since?: string | null;
}

export interface ConvergeRequest {
  /** CloudFormation's RequestId, or one made by the command line. Called again with the same id, nothing happens twice. */
  readonly id: string;
  readonly namespace: string;
  /**
   * ISO time in UTC at which the stack's event was first seen: one that began before the newest in the ledger has been
   * overtaken, and stops before it begins.
   * @default - not known
   */
  readonly startedAt?: string | null;
  /** Null when a person runs it. */
  readonly owner: StackOwner | null;
  /**
   * Other namespaces that are meant to be in this database beside this one, which is not one of them renamed.
   * @default - whatever there is
   */
  readonly beside?: readonly string[];
  /** What the namespace of the same resource was before. @default - the same */
  readonly formerNamespace?: string | null;
  /** Take the namespace over from another stack. @default false */
  readonly adopt?: boolean;
  /** Fixed in the ledger when the request is first seen; later slices keep that one. */
  readonly direction: Direction;
  /** The manifest that the event is about; code that carries another never applies. */
  readonly manifestHash: string;
  /**
   * Hash of what the application of the event's code promises, null for nothing: code that promises something else never
   * applies either.
   * @default - not known
   */
  readonly workload?: string | null;
  readonly failed?: FailedDeployment | null;
  /** Undo also after our resource had reported success. @default false */
  readonly undoAfterSuccess?: boolean;
  /** A rollback leaves migrations whose `down` drops plain indexes and nothing else. @default false */
  readonly keepPlainIndexes?: boolean;
  /** Delete of the custom resource: nothing is applied; with `failed`, undone by the same rules. @default false */
  readonly remove?: boolean;
  /** The role that owns the application's tables: SET LOCAL ROLE around `up`. @default - the login role */
  readonly ownerRole?: string | null;
  /**
   * What unqualified names mean, for a schema a tenant: the tenant's own first, then those that it shares with others. The
   * ledger records them.
   * @default - those that the ledger has recorded; without any, the login's search_path
   */
  readonly schemas?: readonly string[] | null;
  /**
   * Mark as applied, without running them, migrations up to this name that verify. What the ledger knows already is left
   * as it is. @default - none
   */
  readonly baseline?: string | null;
  /**
   * Only mark; apply nothing. A person asks for it by name, so an edit of that very file is accepted, where it verifies.
   * @default false
   */
  readonly baselineOnly?: boolean;
}

/** A migration left as it is by a rollback, and why. */
export interface Kept {
  readonly name: string;
  readonly reason: string;
}

export interface Report {
  readonly applied: readonly string[];
  /** Applied without a verify section to prove it. */
  readonly unproved: readonly string[];
  readonly baselined: readonly string[];
  /** Applied before, in another text: the new one verified and is recorded now. @default - none */
  readonly accepted?: readonly string[];
  /** The new text is not here: the next deployment that brings it proves and records it. @default - none */
  readonly acceptedLater?: readonly string[];
  readonly undone: readonly string[];
  readonly kept: readonly Kept[];
  readonly pending: readonly string[];
  /** Newest applied versioned migration; empty when there is none. */
  readonly position: string;
  readonly warnings: readonly string[];
  /** @default - neither the running nor the new application promises statements */
  readonly workload?: WorkloadReport;
}

export type Outcome =
  | { readonly status: 'done'; readonly report: Report }
  /** Call again with the same request. `progress` says what is going on. */
  | {
      readonly status: 'continue';
      readonly progress: string;
      /** What it will have failed with, should nobody call again. */
      readonly waitingFor?: ErrorInfo;
      /**
       * For so long the database has not been reached, after it had been in this slice. Absent: it was not reached at all,
       * or `waitingFor` is something else.
       */
      readonly unreachableMs?: number;
      readonly report: Report;
    }
  | { readonly status: 'failed'; readonly error: ErrorInfo; readonly report: Report };

/** `record`: nothing is run; another tool's ledger says that it is applied. */
export type Doing = 'apply' | 'record' | 'undo' | 'verify';

/** What the engine tells while it works: to a terminal, or as a log line. */
export type ProgressEvent =
  | { readonly type: 'waiting'; readonly for: 'database' | 'runner' | 'lock'; readonly message: string }
  | { readonly type: 'started'; readonly migration: string; readonly action: Doing }
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
      readonly action: Doing;
      /** Null where it shared a message with others: the ledger has it. */
      readonly durationMs: number | null;
    }
  | { readonly type: 'warning'; readonly message: string };

export type Progress = (event: ProgressEvent) => void;
