/**
 * What `migrate` is asked by the other functions and by the command line (JSON, through Lambda's Invoke), and what it
 * answers. It never throws for an expected failure: an error of the invocation itself means that it died.
 */
import type { Diagnosis, DiagnosisQuestion } from '../defects/defect';
import type { ErrorInfo } from '../engine/errors';
import type { ConvergeRequest, Outcome } from '../engine/request';
import type { Plan, Status, Verification } from '../engine/views';

export type MigrateRequest =
  | {
      readonly action: 'converge';
      readonly request: ConvergeRequest;
      /** How long this slice may take, ms. @default - the function's remaining time less a margin */
      readonly budgetMs?: number;
    }
  | { readonly action: 'status' }
  | { readonly action: 'plan' }
  | { readonly action: 'verify' }
  | { readonly action: 'baseline'; readonly upTo: string; readonly id: string }
  | { readonly action: 'down'; readonly name: string; readonly id: string }
  /** The scheduled drift check: verify, catalogue checks, log settings, heartbeat line. */
  | { readonly action: 'drift' }
  | { readonly action: 'diagnose'; readonly questions: readonly DiagnosisQuestion[] };

export type MigrateResponse =
  | {
      readonly action: 'converge';
      readonly outcome: Outcome;
      /** Of the code that answered: after an update the one before may still do so. @default - older code does not say */
      readonly manifestHash?: string;
    }
  | { readonly action: 'baseline' | 'down'; readonly outcome: Outcome }
  | { readonly action: 'status'; readonly status: Status }
  | { readonly action: 'plan'; readonly plan: Plan }
  | { readonly action: 'verify'; readonly verification: Verification }
  | { readonly action: 'drift'; readonly drift: DriftReport }
  | { readonly action: 'diagnose'; readonly diagnoses: readonly Diagnosis[] }
  | { readonly action: 'error'; readonly error: ErrorInfo };

export interface DriftReport {
  readonly verification: Verification;
  /** INVALID indexes, unvalidated constraints: sentences. */
  readonly catalogue: readonly string[];
  /** Log settings that hide errors from the alarms: sentences. */
  readonly logging: readonly string[];
}
