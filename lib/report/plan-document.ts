/** What `plan --json` prints, and what its markdown is made of. */

import type { ErrorInfo } from '../../lambda/contract/errors';
import type { Manifest } from '../../lambda/contract/manifest';
import type { Plan, VerifyFinding } from '../../lambda/contract/status';
import type { Touched } from '../workload/touched';

/** What the waiting migrations mean for the application's statements. */
export interface WorkloadPlan {
  readonly statements: number;
  readonly plan: number;
  /** As the database is now: broken before, or what they need comes with a migration that waits. */
  readonly failing: readonly { readonly text: string; readonly sqlstate: string; readonly why: string }[];
  /** How many, by reason. */
  readonly undecided: Readonly<Record<string, number>>;
  /** One for each waiting migration. */
  readonly touched: readonly Touched[];
  /** Why no live statement is guarded; null where they are. @default - not asked: there is no live database */
  readonly live?: string | null;
}

/** What became of the waiting migrations on an empty server. */
export interface PlanTrial {
  readonly serverVersion: string;
  /** Null where all of them were applied. */
  readonly error: ErrorInfo | null;
  /** What verify sections found afterwards. */
  readonly findings: readonly VerifyFinding[];
  /** The workload after the last migration. @default - none was given, or not everything was applied */
  readonly workload?: Pick<WorkloadPlan, 'statements' | 'plan' | 'failing' | 'undecided'>;
}

/** How a migration is proved, and undone. */
export interface Proof {
  readonly migration: string;
  /** SQL; each row that one returns is something wrong. */
  readonly verify: readonly string[];
  /** Why there is no verify section; null where there is one. */
  readonly unproved: string | null;
  readonly undo: 'automatic' | 'by-name' | 'none';
  /** SQL. */
  readonly down: readonly string[];
}

export interface PlanDocument extends Plan {
  readonly workload?: WorkloadPlan;
  /** Of the migrations in `steps`. @default - those of the function of a stack are not known here */
  readonly proofs?: readonly Proof[];
  /** With `--since`. @default - nothing was tried */
  readonly trial?: PlanTrial;
}

export function proofsOf({ migrations }: Manifest, { steps }: Plan): readonly Proof[] {
  const planned = new Set(steps.map(({ migration }) => migration));
  return migrations
    .filter(({ name }) => planned.has(name))
    .map(({ name, verify, unproved, undo, down }) => ({
      migration: name,
      verify: verify.map(({ sql }) => sql),
      unproved,
      undo,
      down: down.map(({ sql }) => sql),
    }));
}
