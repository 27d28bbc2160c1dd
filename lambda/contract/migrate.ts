/**
 * Requests of the other functions and the command line to `migrate` (JSON, through Lambda's Invoke), and its
 * responses. It never throws for an expected failure; an error of the invocation itself means that it died.
 */
import type { AuditDrift, FunctionAudit, NewFindings } from './audit-findings';
import type { ConvergeOutcome, ConvergeRequest } from './converge';
import type { Diagnosis, DiagnosisRequest } from './diagnosis';
import type { ErrorInfo } from './errors';
import type { ServerState, TenantAnswer, TenantListRequest, TenantPage, TenantRequest } from './fleet';
import type { FleetDrift } from './fleet-drift';
import type { Plan, Status, Verification } from './status';
import type { WorkloadCheckResult, WorkloadDrift, WorkloadStatement } from './workload';

export type MigrateRequest =
  | {
      readonly action: 'converge';
      readonly request: ConvergeRequest;
      /** How long this slice may take, in milliseconds. @default - the function's remaining time less a margin */
      readonly budgetMs?: number;
      /**
       * How long to wait for a database that cannot be reached before that is a failure, and how much of that wait
       * has passed.
       * @default - the whole slice; the outcome is then `continue`
       */
      readonly connectTimeout?: { readonly ms: number; readonly overMs: number };
    }
  | { readonly action: 'status' }
  | { readonly action: 'plan' }
  | { readonly action: 'verify' }
  | { readonly action: 'baseline'; readonly upTo: string; readonly id: string }
  /**
   * Declares what a new file is, which the deployed code may not contain yet: see {@link ConvergeRequest.declared}.
   */
  | {
      readonly action: 'declare';
      readonly declared: NonNullable<ConvergeRequest['declared']>;
      readonly id: string;
    }
  | { readonly action: 'down'; readonly name: string; readonly id: string }
  /**
   * The scheduled drift check: verify, guaranteed workload, audit, log settings, heartbeat line. `audit` is true by
   * default.
   */
  | { readonly action: 'drift'; readonly audit?: boolean }
  | { readonly action: 'diagnose'; readonly questions: readonly DiagnosisRequest[] }
  /**
   * Repeats the drift check's check of the guaranteed workload, for a page. `of` is the function under whose name its
   * metrics are published; a function with another name answers `null`. With `null`, every function answers.
   */
  | { readonly action: 'workload'; readonly of: string | null }
  /** Audits the database, by its catalog and by the guaranteed workload. */
  | { readonly action: 'audit' }
  /** Returns findings that have not been paged yet, for a page, and records them as paged. `of` is as in `workload`. */
  | { readonly action: 'new-findings'; readonly of: string | null }
  /**
   * Plans statements without running them. If `statements` is `null`, it plans those of the guaranteed workload after
   * number `from`.
   */
  | {
      readonly action: 'check-workload';
      readonly statements: readonly WorkloadStatement[] | null;
      readonly from: number;
    }
  /** For a fleet: returns a page of its tenants. */
  | ({ readonly action: 'list-tenants' } & TenantListRequest)
  /** For a fleet: checks one tenant, migrates it for one slice, or undoes its migrations. */
  | ({ readonly action: 'tenant' } & TenantRequest)
  /** For a fleet: returns how many connections its server can still accept, and which tenants are in progress. */
  | { readonly action: 'server' };

/**
 * Whether each request changes the database. Writing observations and sent pages to schema trueup does not count as a
 * change. The query function refuses requests that change the database, and requests that it does not know.
 */
const CHANGES_DATABASE: Readonly<Record<MigrateRequest['action'], boolean>> = {
  converge: true,
  baseline: true,
  declare: true,
  down: true,
  status: false,
  plan: false,
  verify: false,
  drift: false,
  diagnose: false,
  workload: false,
  audit: false,
  'new-findings': false,
  'check-workload': false,
  'list-tenants': false,
  tenant: true,
  server: false,
};

/** Whether a request changes nothing. */
export const isReadOnlyAction = (action: MigrateRequest['action']): boolean =>
  Object.hasOwn(CHANGES_DATABASE, action) && !CHANGES_DATABASE[action];

export type MigrateResponse =
  | {
      readonly action: 'converge';
      readonly outcome: ConvergeOutcome;
      /**
       * The manifest of the code that answered, which may still be the previous one after an update.
       * @default - older code does not return it
       */
      readonly manifestHash?: string;
      /** Hash of its guaranteed workload. @default - older code does not return it */
      readonly workload?: string | null;
    }
  | { readonly action: 'baseline' | 'declare' | 'down'; readonly outcome: ConvergeOutcome }
  | { readonly action: 'status'; readonly status: Status }
  | { readonly action: 'plan'; readonly plan: Plan }
  | { readonly action: 'verify'; readonly verification: Verification }
  | { readonly action: 'drift'; readonly drift: DriftReport }
  | { readonly action: 'diagnose'; readonly diagnoses: readonly Diagnosis[] }
  | { readonly action: 'workload'; readonly workload: WorkloadDrift | null }
  | { readonly action: 'audit'; readonly audit: FunctionAudit }
  /** `null` if the request concerns another schema. */
  | { readonly action: 'new-findings'; readonly found: NewFindings | null }
  | { readonly action: 'check-workload'; readonly result: WorkloadCheckResult }
  | { readonly action: 'list-tenants'; readonly page: TenantPage }
  /** The response to `drift` from a function of a fleet's server. */
  | { readonly action: 'fleet-drift'; readonly drift: FleetDrift }
  | { readonly action: 'tenant'; readonly tenant: TenantAnswer; readonly manifestHash: string }
  | { readonly action: 'server'; readonly server: ServerState }
  | { readonly action: 'error'; readonly error: ErrorInfo };

export interface DriftReport {
  readonly verification: Verification;
  /** Log settings that hide errors from the alarms, as sentences. */
  readonly logging: readonly string[];
  /** `null` if there is no guaranteed workload. @default - older code does not check it */
  readonly workload?: WorkloadDrift | null;
  /** `null` if the check is configured to run no audit. @default - older code runs none */
  readonly audit?: AuditDrift | null;
}
