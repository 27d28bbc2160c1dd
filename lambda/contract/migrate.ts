/**
 * What `migrate` is asked by the other functions and by the command line (JSON, through Lambda's Invoke), and what it
 * answers. It never throws for an expected failure: an error of the invocation itself means that it died.
 */
import type { AuditDrift, FunctionAudit, NewFindings } from './audit';
import type { ConvergeRequest, Outcome } from './converge';
import type { Diagnosis, DiagnosisQuestion } from './diagnosis';
import type { ErrorInfo } from './errors';
import type { ServerState, TargetPage, TargetsRequest, TenantAnswer, TenantRequest } from './fleet';
import type { FleetDrift } from './fleet-drift';
import type { Plan, Status, Verification } from './status';
import type { PromisedStatement, Rehearsed, WorkloadDrift } from './workload';

export type MigrateRequest =
  | {
      readonly action: 'converge';
      readonly request: ConvergeRequest;
      /** How long this slice may take, ms. @default - the function's remaining time less a margin */
      readonly budgetMs?: number;
      /**
       * How long a database that cannot be reached is waited for before that is a failure, and how much of it is over.
       * @default - for the whole slice, and `continue` is the answer
       */
      readonly databaseWait?: { readonly ms: number; readonly overMs: number };
    }
  | { readonly action: 'status' }
  | { readonly action: 'plan' }
  | { readonly action: 'verify' }
  | { readonly action: 'baseline'; readonly upTo: string; readonly id: string }
  | { readonly action: 'down'; readonly name: string; readonly id: string }
  /** The scheduled drift check: verify, what is promised, an audit, log settings, heartbeat line. `audit`: default true. */
  | { readonly action: 'drift'; readonly audit?: boolean }
  | { readonly action: 'diagnose'; readonly questions: readonly DiagnosisQuestion[] }
  /**
   * What the drift check says of the application's statements, asked again for a page. `of`: the function under whose name
   * its metrics are; whoever has another name answers null. Null: whoever is asked.
   */
  | { readonly action: 'workload'; readonly of: string | null }
  /** What is wrong by the catalogue and by what the running application promises. */
  | { readonly action: 'audit' }
  /** For a page: findings that nobody was told of; from then on they count as told. `of`: as of `workload`. */
  | { readonly action: 'new-findings'; readonly of: string | null }
  /** Statements are planned, none is run. `statements` null: those of the running promise from this number on. */
  | {
      readonly action: 'rehearse';
      readonly statements: readonly PromisedStatement[] | null;
      readonly from: number;
    }
  /** Of a fleet: a page of its targets. */
  | ({ readonly action: 'targets' } & TargetsRequest)
  /** Of a fleet: one tenant is looked at, migrated for a slice, or undone. */
  | ({ readonly action: 'tenant' } & TenantRequest)
  /** Of a fleet: what its server can take, and who is at work there. */
  | { readonly action: 'server' };

/**
 * Which requests change the database: not what only writes down in schema trueup what was seen and told. The function that only answers questions refuses those, and whatever it does not
 * know.
 */
const CHANGES: Readonly<Record<MigrateRequest['action'], boolean>> = {
  converge: true,
  baseline: true,
  down: true,
  status: false,
  plan: false,
  verify: false,
  drift: false,
  diagnose: false,
  workload: false,
  audit: false,
  'new-findings': false,
  rehearse: false,
  targets: false,
  tenant: true,
  server: false,
};

/** Whether a request only asks. */
export const isQuestion = (action: MigrateRequest['action']): boolean =>
  Object.hasOwn(CHANGES, action) && !CHANGES[action];

export type MigrateResponse =
  | {
      readonly action: 'converge';
      readonly outcome: Outcome;
      /** Of the code that answered: after an update the one before may still do so. @default - older code does not say */
      readonly manifestHash?: string;
      /** What it promises, by its hash. @default - older code does not say */
      readonly workload?: string | null;
    }
  | { readonly action: 'baseline' | 'down'; readonly outcome: Outcome }
  | { readonly action: 'status'; readonly status: Status }
  | { readonly action: 'plan'; readonly plan: Plan }
  | { readonly action: 'verify'; readonly verification: Verification }
  | { readonly action: 'drift'; readonly drift: DriftReport }
  | { readonly action: 'diagnose'; readonly diagnoses: readonly Diagnosis[] }
  | { readonly action: 'workload'; readonly workload: WorkloadDrift | null }
  | { readonly action: 'audit'; readonly audit: FunctionAudit }
  /** Null: another schema is meant. */
  | { readonly action: 'new-findings'; readonly found: NewFindings | null }
  | { readonly action: 'rehearse'; readonly rehearsed: Rehearsed }
  | { readonly action: 'targets'; readonly page: TargetPage }
  /** To `drift`, where the function is of a fleet's server. */
  | { readonly action: 'fleet-drift'; readonly drift: FleetDrift }
  | { readonly action: 'tenant'; readonly tenant: TenantAnswer; readonly manifestHash: string }
  | { readonly action: 'server'; readonly server: ServerState }
  | { readonly action: 'error'; readonly error: ErrorInfo };

export interface DriftReport {
  readonly verification: Verification;
  /** Log settings that hide errors from the alarms: sentences. */
  readonly logging: readonly string[];
  /** Null where no application promises anything. @default - older code does not look */
  readonly workload?: WorkloadDrift | null;
  /** Null where the check is told not to look. @default - older code does not look */
  readonly audit?: AuditDrift | null;
}
